import type { HoldMark } from '../../kubernetes/hold-mark.ts';
import type { SeenDeployment } from '../holding.ts';
import { othersOf, removeOthers, restoreFields, stableHash } from '../held/complete.ts';
import { waitOrFail } from '../held/deadline.ts';
import { decideRolling } from '../rolling/decide.ts';
import type { CanaryDecision, CanaryInput } from './input.ts';
import { stepsOf } from './settings.ts';
import { podsOf, shareText } from './share.ts';

/** Milliseconds for what an earlier release has left, or a rollout by others, to come to rest. */
const restMs = 60_000;
const lookMs = 500;

/**
 * Decides how a release begins: what an earlier one has left is completed; where no pod changes, or none is there, the
 * objects are applied and no more; else the first new pods start beside the old ones.
 */
export function begin(now: CanaryInput): CanaryDecision {
  const { holding, phaseMs } = now;
  const { deployment } = holding;
  if (deployment === undefined) return applyAlone(now);
  const { reference, fields, live, mark } = deployment;
  // A template that somebody gave it in a pause has no ReplicaSet, and never gets one while it is held.
  if (deployment.isObserved && mark !== undefined) return completeLeftover(now, deployment, mark);
  if (!deployment.isObserved || live === undefined)
    return phaseMs < restMs ? wait(`${reference.name} not observed by its controller yet`) : applyAlone(now);
  if (isPlain(now, deployment)) return applyAlone(now);
  if (fields.paused === true)
    return {
      type: 'halt',
      reason: `Deployment ${reference.name} is paused: kubectl rollout resume deployment/${reference.name} continues it`,
    };
  const [other] = othersOf(deployment, live);
  if (other !== undefined) {
    const reason = `Deployment ${reference.name} is in the middle of a rollout (${other.name} has pods): wait for its end, or release once with strategy: {rolling: {}}`;
    return phaseMs < restMs ? wait(reason) : { type: 'halt', reason };
  }
  if (deployment.desired === 1)
    return {
      type: 'halt',
      reason: `Deployment ${reference.name} has one pod, and no share of it can be new: scale it to two or more, or release with strategy: {rolling: {}}`,
    };
  return start(now, { deployment, stable: live.hash });
}

function start(
  { settings, release }: CanaryInput,
  { deployment, stable }: { deployment: SeenDeployment; stable: string },
): CanaryDecision {
  const { desired, fields: before } = deployment;
  const surge = podsOf(stepsOf(settings)[0], desired) ?? 1;
  return {
    type: 'act',
    action: {
      type: 'hold',
      revision: release.revision,
      step: `starting ${shareText(surge, desired)}`,
      before,
      share: { surge, stable },
    },
    next: { phase: 'starting', step: 0, hold: { stable, before } },
    message: `applying revision ${String(release.revision)}: ${shareText(surge, desired)} start beside the old ones`,
  };
}

/** Whether there is nothing to hold: no pod that serves, or none that changes. */
function isPlain({ release, holding }: CanaryInput, { desired }: SeenDeployment): boolean {
  const { changesPods, manifest } = holding;
  return release.stable === undefined || changesPods !== true || desired === 0 || manifest.replicas === 0;
}

/** The next step of completing what an earlier release has left. */
function completeLeftover(
  now: CanaryInput,
  deployment: SeenDeployment,
  { before }: HoldMark,
): CanaryDecision {
  const completion = { toward: stableHash(deployment), own: before, before, state: now.state };
  const step = removeOthers(deployment, completion) ?? restoreFields(deployment, completion);
  return step.type === 'wait' ? waitOrFail(now, step.message, step.forMs) : step;
}

function wait(message: string): CanaryDecision {
  return { type: 'wait', forMs: lookMs, message };
}

/** As rolling does from its begin. */
function applyAlone(now: CanaryInput): CanaryDecision {
  return decideRolling({ ...now, settings: {}, state: { phase: 'applying' } });
}
