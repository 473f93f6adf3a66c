import { holdAnnotation } from '../../../src/kubernetes/hold-mark.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { ReleaseObjectsRequest } from '../../../src/release/release.ts';
import type { BlueGreenSettings } from '../../../src/strategies/blue-green/settings.ts';
import { selectedPods } from '../../fakes/service-endpoints.ts';
import { replicas, requestOf, webObjects, type World } from './release-world.ts';

const serviceReference = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const deploymentReference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };

/** The Deployment of {@link webObjects} behind a Service. */
export function servedObjects(image: string): KubernetesObject[] {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', labels: { 'slipway.dev/application': 'web' } },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, nodePort: 30_080 }] },
  };
  return [service, ...webObjects(image)];
}

/** A request to release these objects by blue/green. */
export function blueGreenRequest(
  objects: readonly KubernetesObject[],
  runId: string,
  strategy: BlueGreenSettings = {},
  more: Parameters<typeof requestOf>[2] = {},
): ReleaseObjectsRequest {
  const request = requestOf(objects, runId, { strategy: 'blueGreen', ...more });
  return { ...request, settings: { ...request.settings, strategy: { ...strategy } } };
}

/** The live Service, Deployment, and what else a release may leave. */
export function liveState({ cluster }: World) {
  const service = cluster.peek<KubernetesObject & { spec: { selector: Record<string, string> } }>(
    serviceReference,
  );
  const deployment = cluster.peek<Workload>(deploymentReference);
  return {
    service,
    deployment,
    image: deployment?.spec.template?.spec.containers[0]?.image,
    selector: service?.spec.selector,
    isHeld: deployment?.metadata.annotations?.[holdAnnotation] !== undefined,
    services: cluster.all('Service').map(({ metadata }) => metadata.name),
  };
}

/** What traffic meets from now on, looked at whenever anything changes. */
export interface TrafficWatch {
  /** The fewest ready pods behind the active Service. */
  fewest: number;
  /** The versions that it had ready pods of, one list for each change. */
  versions: string[];
}

/** Begins to watch the Service's ready pods. */
export function watchTraffic({ cluster }: World): TrafficWatch {
  const watch: TrafficWatch = { fewest: Infinity, versions: [] };
  const look = () => {
    const service = cluster.peek(serviceReference);
    if (service === undefined) return;
    const pods = selectedPods(cluster, service);
    watch.fewest = Math.min(watch.fewest, pods.length);
    const images = pods.map(
      (pod) => (pod.spec as unknown as { containers: { image: string }[] }).containers[0]?.image,
    );
    const versions = [...new Set(images)].sort().join('+');
    if (watch.versions.at(-1) !== versions) watch.versions.push(versions);
  };
  look();
  cluster.onStore = look;
  cluster.onRemove = look;
  return watch;
}

/** The rollout fields and the selector that the manifests of {@link servedObjects} say, as they must be at the end. */
export const restingState = {
  selector: { app: 'web' },
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  replicas,
};
