import { isHeld } from '../../kubernetes/rollout-fields.ts';
import type { Decision } from '../strategy.ts';
import { hasEndpoints, pinned, pinOf, selectPods, unpin } from './pin.ts';
import type { PinnedHold, PinnedInput, PinnedState } from './state.ts';

const lookMs = 250;
/** Milliseconds for the old pods to be ready again before they are taken for unhealthy. */
const unhealthyMs = 10_000;

/** Moves traffic that the new pods have back to the old ones; undefined: they have none. */
export function moveBack<State extends PinnedState>(
  { holding, state, release, phaseMs }: PinnedInput<State>,
  { stable, selector }: PinnedHold,
): Decision<State> | undefined {
  const { active, deployment } = holding;
  const pin = pinOf(active);
  if (active === undefined || deployment === undefined || pin === undefined) return undefined;
  const old = deployment.sets.find(({ hash }) => hash === stable);
  if (pin === stable) {
    const isMoved = Object.keys(active.endpoints).every((hash) => hash === stable);
    const message = `the traffic of ${active.reference.name} is moving back`;
    return isMoved ? undefined : { type: 'wait', forMs: lookMs, message };
  }
  // Once the rollout is being completed, the old pods are on their way out, however many are ready now: both serve until they are back.
  if (!isHeld(deployment.fields))
    return {
      type: 'act',
      action: unpin(holding),
      next: state,
      message: `${active.reference.name} selects old and new pods`,
    };
  // Some old pods are better than new ones of which none takes requests.
  const least = hasEndpoints(active) ? deployment.desired : 1;
  if (old !== undefined && old.ready >= least) {
    return {
      type: 'act',
      action: selectPods(holding, pinned(selector, stable), release.stable),
      next: state,
      message: `moving the traffic of ${active.reference.name} back to the old pods`,
    };
  }
  const counts = `${String(old?.ready ?? 0)} of ${String(deployment.desired)} old pods are ready`;
  if (phaseMs < unhealthyMs) return { type: 'wait', forMs: lookMs, message: counts };
  return {
    type: 'halt',
    reason: `${release.reason ?? 'the release failed'}; the traffic has moved to the new pods and stays there, as only ${counts}`,
  };
}
