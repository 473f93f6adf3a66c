import { defined } from '../../../../src/base/defined.ts';
import type { Pod, Workload } from '../../../../src/kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const { signal } = new AbortController();
const labels = { app: 'web' };
const containersOf = (image: string) => ({ containers: [{ name: 'web', image }] });

/** The Deployment `web`. */
export function deploymentOf(
  spec: { replicas: number; minReadySeconds?: number },
  image = 'web:1',
): Workload {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', labels: { 'slipway.dev/application': 'web' } },
    spec: {
      ...spec,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: { metadata: { labels }, spec: containersOf(image) },
    },
  };
}

/** A ReplicaSet of the Deployment with this uid. */
export function setOf(
  name: string,
  {
    hash,
    image,
    owner,
    replicas,
  }: { hash: string; image: string; owner?: string | undefined; replicas?: number },
): Workload {
  const own = { ...labels, 'pod-template-hash': hash };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      ...{ name, namespace: 'shop', labels: own },
      ...(owner === undefined ? {} : { ownerReferences: [ownedBy('Deployment', 'web', owner)] }),
    },
    spec: {
      ...defined({ replicas }),
      selector: { matchLabels: own },
      template: { metadata: { labels: own }, spec: containersOf(image) },
    },
  };
}

/** A pod of a ReplicaSet. */
export function podOf(
  name: string,
  { metadata: { name: set, uid = '', labels: own = {} } }: Workload,
  { ready, goes = false }: { ready: boolean; goes?: boolean },
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ name, namespace: 'shop', labels: own, ownerReferences: [ownedBy('ReplicaSet', set, uid)] },
      ...(goes ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { containers: [{ name: 'web', image: 'web:1' }] },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

function ownedBy(kind: string, name: string, uid: string) {
  return { apiVersion: 'apps/v1', kind, name, uid };
}

/** A Service with this selector. */
export function serviceOf(
  name: string,
  selector: Record<string, string>,
  own?: Record<string, string>,
): KubernetesObject {
  const metadata = { name, namespace: 'shop', ...defined({ labels: own }) };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector } };
}

/** The ready endpoints of a Service. */
export function sliceOf(service: string, pods: readonly string[]): KubernetesObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-1`, namespace: 'shop', labels: { 'kubernetes.io/service-name': service } },
    endpoints: pods.map((name) => ({ conditions: { ready: true }, targetRef: { kind: 'Pod', name } })),
  };
}

/** A cluster with these objects as a release has applied them. */
export async function applyManifests(...objects: readonly KubernetesObject[]): Promise<FakeCluster> {
  const cluster = new FakeCluster();
  for (const object of objects) await cluster.apply(object, { signal });
  return cluster;
}
