import { isHeld, type RolloutFields } from '../../kubernetes/rollout-fields.ts';
import type { SeenDeployment } from '../holding.ts';
import { stableHash } from '../held/complete.ts';
import { wayBack } from '../held/deadline.ts';
import type { BlueGreenDecision, Hold, HoldingInput } from './input.ts';
import { completeRollout } from './complete-rollout.ts';
import { pinned, pinOf, selectPods, unpin } from './traffic.ts';

const lookMs = 250;
/** Milliseconds for the old pods to be ready again before they are taken for unhealthy. */
const unhealthyMs = 10_000;

/**
 * Decides the way back: traffic that has moved goes back to the old pods where they can carry it; then the rollout is
 * completed with their template, which removes the new pods; then the stable revision is applied, as rolling does.
 */
export function undo(now: HoldingInput): BlueGreenDecision {
  const { holding, state } = now;
  const { active, deployment } = holding;
  const { hold } = state;
  const before = hold?.before ?? fieldsBefore(deployment);
  const toward = hold?.stable ?? pinOf(active) ?? stableHash(deployment);
  const back = hold === undefined ? undefined : moveBack(now, hold);
  return wayBack(now, back ?? completeRollout({ holding, toward, own: before, before, state }));
}

/** The rollout fields of a Deployment that no release of this record holds: an earlier one may. */
function fieldsBefore(deployment: SeenDeployment | undefined): RolloutFields {
  return deployment?.mark?.before ?? deployment?.fields ?? {};
}

/** Moves traffic that the new pods have back to the old ones; undefined: they have none. */
function moveBack(
  { holding, state, release, phaseMs }: HoldingInput,
  { stable, selector }: Hold,
): BlueGreenDecision | undefined {
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
  if (old !== undefined && old.ready >= deployment.desired) {
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
