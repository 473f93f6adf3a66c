import { defined } from '../../base/defined.ts';
import { sameJson } from '../../base/same-json.ts';
import { canaryIngress, type Ingress } from '../../kubernetes/canary-ingress.ts';
import { withoutCandidate, withShare, type HttpRoute } from '../../kubernetes/http-route.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import type { HoldingAction } from '../../strategies/holding.ts';
import { applicationLabel, previewLabel } from '../record/release-record.ts';
import type { ReleaseSession } from '../session.ts';
import { applyOne } from './apply-objects.ts';
import { asSeen, patchSeen } from './as-seen.ts';

type Route = Extract<HoldingAction, { type: 'route' }>;

/**
 * Writes the share of the new pods into a router as it was seen, or takes it out; all else of it stays.
 * @throws ConflictError when it has been changed since
 */
export function writeRoute(action: Route, session: ReleaseSession, options: CallOptions): Promise<void> {
  const write = action.router.kind === 'Ingress' ? writeIngress : writeHttpRoute;
  return write(action, session, options);
}

async function writeHttpRoute(
  { router, resourceVersion, service, candidate, percent, tester }: Route,
  { ports: { cluster } }: ReleaseSession,
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

/** The team's Ingress stays as it is: a second one, of the release, has the share. */
async function writeIngress(
  { router, resourceVersion, service, candidate, percent, tester }: Route,
  { ports: { cluster, clock }, application }: ReleaseSession,
  options: CallOptions,
): Promise<void> {
  if (percent === undefined) {
    const reference = { ...router, name: candidate };
    const canary = await cluster.get(reference, options);
    if (canary?.metadata.labels?.[previewLabel] !== application) return;
    await cluster.delete(reference, { ...options, ...defined({ uid: canary.metadata.uid }) });
    return;
  }
  const main = await asSeen<Ingress>(router, resourceVersion, cluster, options);
  const labels = { [applicationLabel]: application, [previewLabel]: application };
  const wanted = canaryIngress(main, { service, candidate }, { percent, labels, ...defined({ tester }) });
  await applyOne(wanted, { cluster, clock, force: true }, options);
}
