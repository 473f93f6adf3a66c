import { defined } from '../../base/defined.ts';
import {
  acceptance,
  candidateShare,
  httpRouteKinds,
  unsplittable,
  withoutCandidate,
  type Backends,
  type HttpRoute,
} from '../../kubernetes/http-route.ts';
import { referenceOf } from '../../kubernetes/workload-objects.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { RouterParts, SeenRouter } from '../../strategies/holding.ts';

/** The router of two Services as it is now; undefined: it is not there, or the cluster does not serve its kind. */
export async function observeRouter(
  { name }: RouterParts,
  { namespace, ...backends }: Backends & { namespace: string },
  cluster: Cluster,
  options: CallOptions,
): Promise<SeenRouter | undefined> {
  const kind = await cluster.firstServed(httpRouteKinds, options);
  if (kind === undefined) return undefined;
  const route = await cluster.get<HttpRoute>({ ...kind, name, namespace }, options);
  if (route === undefined) return undefined;
  const { rules = [] } = route.spec;
  const { isInForce, problem } = acceptance(route);
  return {
    reference: referenceOf({ ...route, ...kind }),
    resourceVersion: route.metadata.resourceVersion ?? '',
    share: candidateShare(rules, backends),
    isInForce,
    ...defined({ problem: unsplittable(withoutCandidate(rules, backends), backends.service) ?? problem }),
  };
}
