import type { HttpRoute } from '../../../src/kubernetes/http-route.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { CanarySettings, CanaryTraffic } from '../../../src/strategies/canary/settings.ts';
import { routedShares } from '../../fakes/gateway.ts';
import { servedObjects } from './blue-green-world.ts';
import { requestOf, type World } from './release-world.ts';

const routeReference = {
  ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', name: 'web', namespace: 'shop' },
};

/** How the canary releases of these tests share the traffic out. */
export const traffic: CanaryTraffic = { httpRoute: { name: 'web' }, scaleDownDelay: '2s' };

/** An HTTPRoute that sends everything to Service web. */
export const route: KubernetesObject & { spec: HttpRoute['spec'] } = {
  ...{ apiVersion: routeReference.apiVersion, kind: routeReference.kind },
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    parentRefs: [{ name: 'gateway' }],
    rules: [{ backendRefs: [{ name: 'web', port: 80, weight: 1 }] }],
  },
};

/** A request to release what is behind the route. */
export function routedRequest(
  image: string,
  runId: string,
  strategy: Partial<CanarySettings> = {},
  more: Parameters<typeof requestOf>[2] = {},
) {
  const request = requestOf(servedObjects(image), runId, { strategy: 'canary', timeoutMs: 60_000, ...more });
  return { ...request, settings: { ...request.settings, strategy: { traffic, ...strategy } } };
}

/** The live route. */
export function liveRoute({ cluster }: World): HttpRoute | undefined {
  return cluster.peek<HttpRoute>(routeReference);
}

/** The rules of the live route. */
export function liveRules(world: World): unknown {
  return liveRoute(world)?.spec.rules;
}

/** The route sends requests to Services without ready pods, or more than they can carry; empty: it does not. */
export function brokenTraffic(world: World, desired: number): string[] {
  const live = liveRoute(world);
  if (live === undefined) return [];
  return routedShares(world.cluster, live).flatMap(({ service, percent, pods }) => {
    if (percent === 0) return [];
    if (pods.length === 0) return [`${String(percent)} % go to ${service}, which has no ready pod`];
    const needed = Math.ceil((desired * percent) / 100);
    return pods.length < needed
      ? [`${String(percent)} % go to ${String(pods.length)} pods of ${service}, of ${String(desired)}`]
      : [];
  });
}
