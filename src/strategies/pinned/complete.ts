import {
  othersOf,
  removeOthers,
  restoreFields,
  type Completion as DeploymentCompletion,
} from '../held/complete.ts';
import { waitOrFail } from '../held/deadline.ts';
import type { Holding } from '../holding.ts';
import { decideRolling } from '../rolling/decide.ts';
import type { RollingState } from '../rolling/state.ts';
import type { Decision } from '../strategy.ts';
import { pinOf, unpin } from './pin.ts';
import type { PinnedHold, PinnedInput, PinnedState } from './state.ts';

/** Milliseconds between two looks while pods go. */
const lookMs = 250;

/** How the rollout of a held Deployment is completed, and its traffic is the team's own again. */
export interface Completion<State extends PinnedState> extends DeploymentCompletion<State> {
  holding: Holding;
}

/**
 * Completes the rollout of a held Deployment, from wherever it stands, until it has the pods of one ReplicaSet alone: the
 * controller removes a pod of the others only for an available one. Then the Service is the team's own again, and the
 * Deployment. The Service is unpinned before the Deployment gets its own fields back, and when no other pods are left.
 * @returns undefined when the rollout is complete and nothing of the release is left
 */
export function completeRollout<State extends PinnedState>(
  completion: Completion<State>,
): Decision<State> | undefined {
  const { holding, state } = completion;
  const { deployment, active, preview } = holding;
  const moving = deployment === undefined ? undefined : removeOthers(deployment, completion);
  if (moving !== undefined) return moving;
  if (active !== undefined && pinOf(active) !== undefined)
    return {
      type: 'act',
      action: unpin(holding),
      next: state,
      message: `unpinning ${active.reference.name}`,
    };
  // Somebody may have taken the mark off what the release has paused.
  const isLeftPaused = deployment?.fields.paused === true && completion.own.paused !== true;
  if (deployment !== undefined && (deployment.mark !== undefined || isLeftPaused))
    return restoreFields(deployment, completion);
  if (preview === undefined || state.isPreviewRemoved === true) return undefined;
  return {
    type: 'act',
    action: { type: 'removePreview', service: preview.reference },
    next: { ...state, isPreviewRemoved: true },
    message: `removing Service ${preview.reference.name}`,
  };
}

/**
 * The old pods that are left where somebody has taken the mark off a rollout that is being completed: the Service stays
 * with the new pods until they are gone.
 */
function othersLeft({ deployment, active }: Holding, candidate = ''): string | undefined {
  if (deployment?.mark !== undefined || deployment?.live?.hash !== candidate || pinOf(active) !== candidate)
    return undefined;
  const [other] = othersOf(deployment, deployment.live);
  return other === undefined ? undefined : `${other.name} still has ${String(other.present)} pods`;
}

/**
 * Lets the new pods of a release be the only ones, and the Service and the Deployment be the team's own; then all objects
 * are applied, as rolling does from its begin.
 */
export function letGo<State extends PinnedState>(
  now: PinnedInput<State>,
  { candidate, before }: PinnedHold,
  next: State,
): Decision<State | RollingState> {
  const { holding, state } = now;
  const own = { ...before, ...holding.manifest.fields };
  const left = othersLeft(holding, candidate);
  if (left !== undefined) return waitOrFail(now, left, lookMs);
  const isBegun = state.phase === 'completing';
  const step = completeRollout({ holding, toward: candidate, own, before, isBegun, state: next });
  if (step === undefined) return decideRolling({ ...now, settings: {}, state: { phase: 'applying' } });
  return step.type === 'wait' ? waitOrFail(now, step.message, step.forMs) : step;
}
