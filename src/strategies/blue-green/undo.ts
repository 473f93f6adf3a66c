import type { RolloutFields } from '../../kubernetes/rollout-fields.ts';
import type { SeenDeployment } from '../holding.ts';
import { stableHash } from '../held/complete.ts';
import { wayBack } from '../held/deadline.ts';
import { moveBack } from '../pinned/move-back.ts';
import type { BlueGreenDecision, HoldingInput } from './input.ts';
import { completeRollout } from '../pinned/complete.ts';
import { pinOf } from '../pinned/pin.ts';

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
