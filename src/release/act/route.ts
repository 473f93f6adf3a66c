import { defined } from '../../base/defined.ts';
import { sameJson } from '../../base/same-json.ts';
import { withoutCandidate, withShare, type HttpRoute } from '../../kubernetes/http-route.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { HoldingAction } from '../../strategies/holding.ts';
import { asSeen, patchSeen } from './as-seen.ts';

type Route = Extract<HoldingAction, { type: 'route' }>;

/**
 * Writes the share of the new pods into an HTTPRoute as it was seen, or takes it out; all else of it stays.
 * @throws ConflictError when it has been changed since
 */
export async function writeRoute(
  { router, resourceVersion, service, candidate, percent, tester }: Route,
  cluster: Cluster,
  options: CallOptions,
): Promise<void> {
  const live = await asSeen<HttpRoute>(router, resourceVersion, cluster, options);
  const { rules = [] } = live.spec;
  const backends = { service, candidate };
  const wanted =
    percent === undefined
      ? withoutCandidate(rules, backends)
      : withShare(rules, backends, { percent, ...defined({ tester }) });
  if (sameJson(rules, wanted)) return;
  await patchSeen(live, [{ op: 'replace', path: '/spec/rules', value: wanted }], cluster, options);
}
