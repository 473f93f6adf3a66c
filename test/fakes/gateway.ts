import { acceptance, type HttpRoute } from '../../src/kubernetes/http-route.ts';
import type { Pod } from '../../src/kubernetes/workload-objects.ts';
import type { FakeCluster } from './cluster.ts';
import { selectedPods } from './service-endpoints.ts';

/** What a Gateway's controller may do now: the status of each HTTPRoute follows what it says. */
export function simulatedGateway(cluster: FakeCluster): (() => void)[] {
  return cluster.all<HttpRoute>('HTTPRoute').flatMap((route) => {
    if (acceptance(route).isInForce) return [];
    const { generation } = route.metadata;
    const conditions = ['Accepted', 'ResolvedRefs'].map((type) => ({
      ...{ type, status: 'True', reason: type, observedGeneration: generation },
    }));
    const parents = (route.spec.parentRefs ?? []).map((parentRef) => ({ parentRef, conditions }));
    return [() => cluster.put({ ...route, status: { parents } })];
  });
}

/** A share of a route's requests, in percent, and the ready pods that get it. */
export interface RoutedShare {
  service: string;
  percent: number;
  pods: Pod[];
}

/** To which pods the first rule of a route sends which share now; a Service that is not there has none. */
export function routedShares(cluster: FakeCluster, route: HttpRoute): RoutedShare[] {
  const { backendRefs = [] } = route.spec.rules?.at(-1) ?? {};
  const total = backendRefs.reduce((sum, { weight = 1 }) => sum + weight, 0);
  return backendRefs.map(({ name, weight = 1 }) => {
    const service = cluster.all('Service').find(({ metadata }) => metadata.name === name);
    const pods = service === undefined ? [] : selectedPods(cluster, service);
    return { service: name, percent: (100 * weight) / total, pods };
  });
}
