import type { Pod } from '../../src/kubernetes/workload-objects.ts';
import { isReady } from '../../src/kubernetes/workload-state.ts';
import type { KubernetesObject } from '../../src/ports/kubernetes-object.ts';
import type { FakeCluster } from './cluster.ts';

interface Service extends KubernetesObject {
  spec?: { selector?: Record<string, string> };
}

/** The ready pods that a Service selects now, by name. */
export function selectedPods(cluster: FakeCluster, service: KubernetesObject): Pod[] {
  const selector = Object.entries((service as Service).spec?.selector ?? {});
  if (selector.length === 0) return [];
  return cluster.all<Pod>('Pod').filter(({ metadata, ...pod }) => {
    const isNear = metadata.namespace === service.metadata.namespace;
    const isSelected = selector.every(([key, value]) => metadata.labels?.[key] === value);
    return isNear && isSelected && isReady({ metadata, ...pod });
  });
}

/** What the controller of EndpointSlices may do now: a slice of each Service follows its selector and the pods. */
export function simulatedEndpoints(cluster: FakeCluster): (() => void)[] {
  return cluster.all('Service').flatMap((service) => {
    const { name, namespace = '', uid = '' } = service.metadata;
    const reference = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      name: `${name}-1`,
      namespace,
    };
    const endpoints = selectedPods(cluster, service).map((pod) => ({
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name: pod.metadata.name },
    }));
    const live = cluster.peek<KubernetesObject & { endpoints: unknown }>(reference);
    if (JSON.stringify(live?.endpoints) === JSON.stringify(endpoints)) return [];
    const { apiVersion, kind } = reference;
    const metadata = {
      ...{ name: reference.name, namespace, labels: { 'kubernetes.io/service-name': name } },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid }],
    };
    return [() => cluster.put({ apiVersion, kind, metadata, endpoints })];
  });
}
