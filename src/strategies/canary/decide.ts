import { defined } from '../../base/defined.ts';
import { heldFields, type RolloutFields } from '../../kubernetes/rollout-fields.ts';
import { removeOthers, restoreFields } from '../held/complete.ts';
import { decideRouted } from '../canary-by-router/decide.ts';
import { failed, waitOrFail } from '../held/deadline.ts';
import { heldProblem } from '../held/problem.ts';
import { decideRolling } from '../rolling/decide.ts';
import type { DecisionInput } from '../strategy.ts';
import { begin } from './begin.ts';
import type { CanaryDecision, CanaryInput, Hold, LiveDeployment } from './input.ts';
import { rest, sharesOf, write } from './rest.ts';
import { oldOf, reachable } from './room.ts';
import { stepsOf, type CanarySettings } from './settings.ts';
import { podsOf, shareText, unavailable } from './share.ts';
import { isRolling, type CanaryState } from './state.ts';
import { undo } from './undo.ts';
import { beginWait, isPromotedFull, measure, pause } from './wait.ts';

/** Milliseconds between two looks: while pods start or end, while nothing is known. */
const lookMs = { moving: 500, unknown: 2000 } as const;

/** The next decision of a canary release. Worked examples: test/unit/strategies/canary/decide.test.ts. */
export function decideCanary(input: DecisionInput<CanarySettings, CanaryState>): CanaryDecision {
  const { state, observed } = input;
  if (isRolling(state)) return decideRolling({ ...input, settings: {}, state: { phase: state.phase } });
  if (observed.type === 'unknown') return unseen(observed.reason);
  const { holding, workloads } = observed;
  if (holding === undefined) return unseen('nothing seen of the Deployment');
  const now: CanaryInput = { ...input, holding, workloads };
  if (input.settings.traffic !== undefined) return decideRouted(now);
  if (state.phase === 'undoing') return undo(now);
  return state.hold === undefined ? begin(now) : goForward(now, state.hold);
}

function unseen(reason: string): CanaryDecision {
  return { type: 'wait', forMs: lookMs.unknown, message: `the cluster does not answer: ${reason}` };
}

function goForward(now: CanaryInput, hold: Hold): CanaryDecision {
  const { release, state, holding } = now;
  const { deployment } = holding;
  if (deployment?.answer?.revision === release.revision && deployment.answer.answer === 'abort')
    return { type: 'rollBack', reason: 'aborted by a person' };
  const problem = heldProblem(now, {
    ...defined({ stable: hold.stable, candidate: hold.candidate }),
    isPaused: ['stepping', 'waiting', 'measuring'].includes(state.phase),
    isMarkOff: state.phase === 'completing',
  });
  if (problem !== undefined) return failed(release, problem.message, problem.cause);
  if (deployment?.isObserved !== true || deployment.live === undefined) {
    const message = 'the controller has not seen the Deployment yet';
    // A pause may last longer than a phase may, and a scaling in it is no failure.
    if (state.phase === 'waiting' || state.phase === 'measuring')
      return { type: 'wait', forMs: lookMs.moving, message };
    return waitOrFail(now, message, lookMs.moving);
  }
  const seen: LiveDeployment = { ...deployment, live: deployment.live };
  switch (state.phase) {
    case 'starting':
      return start(now, seen, hold);
    case 'shifting':
      return shift(now, seen, hold);
    case 'stepping':
      return takeStep(now, seen, hold);
    case 'waiting':
      return pause(now, seen, hold);
    case 'measuring':
      return measure(now, seen, hold);
    default:
      return complete(now, seen, hold);
  }
}

/** New pods start beside the others; when all are ready, as many old ones may go. */
function start(now: CanaryInput, deployment: LiveDeployment, hold: Hold): CanaryDecision {
  const { desired, live } = deployment;
  const target = reachable(targetOf(now, deployment), deployment);
  if (live.ready < target)
    return waitOrFail(now, `${String(live.ready)} of ${String(target)} new pods are ready`, lookMs.moving);
  return write(
    deployment,
    hold,
    { ...heldFields, maxSurge: 0, maxUnavailable: unavailable(target, desired) },
    {
      step: `moving to ${shareText(target, desired)}`,
      next: { ...now.state, phase: 'shifting', hold: { ...hold, candidate: live.hash } },
    },
  );
}

/** Old pods go until old and new ones are as many as there shall be; then the Deployment rests. */
function shift(now: CanaryInput, deployment: LiveDeployment, hold: Hold): CanaryDecision {
  const { desired, live } = deployment;
  const present = oldOf(deployment).reduce((total, set) => total + Math.max(set.present, set.wanted), 0);
  const left = desired - Math.min(targetOf(now, deployment), live.wanted);
  if (present > left)
    return waitOrFail(now, `${String(present)} old pods are there, ${String(left)} stay`, lookMs.moving);
  const { step = 0 } = now.state;
  return rest(deployment, hold, {
    step: `new: ${shareText(live.ready, desired)}`,
    next: { ...now.state, phase: 'stepping', step: step + 1 },
  });
}

/** What the step that is due wants. */
function takeStep(now: CanaryInput, deployment: LiveDeployment, hold: Hold): CanaryDecision {
  const { state, settings } = now;
  const { step: index = 0 } = state;
  const step = stepsOf(settings)[index];
  const { desired, live } = deployment;
  if (step === undefined || isPromotedFull(now, deployment)) return complete(now, deployment, hold);
  // It was begun by a write whose answer was lost.
  if (deployment.fields.paused !== true)
    return write(
      deployment,
      hold,
      { ...heldFields, ...sharesOf(deployment) },
      {
        step: deployment.mark?.step ?? '',
        next: { ...state, phase: 'starting' },
      },
    );
  if ('pause' in step || 'analysis' in step) return beginWait(now, deployment, hold, step);
  const target = targetOf(now, deployment);
  const present = live.wanted;
  // A scaling has brought the share up already.
  if (target <= present)
    return rest(deployment, hold, {
      step: shareText(present, desired),
      next: { ...state, phase: 'stepping', step: index + 1 },
    });
  const fields = { ...heldFields, maxSurge: target - present, maxUnavailable: unavailable(present, desired) };
  const text = `starting ${shareText(target, desired)}`;
  return write(deployment, hold, fields, { step: text, next: { ...state, phase: 'starting' } });
}

function complete(now: CanaryInput, deployment: LiveDeployment, hold: Hold): CanaryDecision {
  const { candidate, before } = hold;
  const own = { ...before, ...now.holding.manifest.fields };
  const state: CanaryState = { ...now.state, phase: 'completing' };
  const isBegun = now.state.phase === 'completing';
  const completion = { toward: candidate, own, before, surge: surgeOf(own), isBegun, state };
  const step = removeOthers(deployment, completion);
  if (step?.type === 'wait') return waitOrFail(now, step.message, step.forMs);
  if (step !== undefined) return step;
  if (deployment.mark !== undefined) return restoreFields(deployment, completion);
  return decideRolling({ ...now, settings: {}, state: { phase: 'applying' } });
}

/** The team's own `maxSurge`; none may be unavailable meanwhile, so that it cannot be 0. */
function surgeOf({ maxSurge = '25%' }: RolloutFields): number | string {
  return maxSurge === 0 || maxSurge === '0%' ? 1 : maxSurge;
}

/** New pods that the step under way wants of those that there are to be now. */
function targetOf({ state, settings }: CanaryInput, { desired, live }: LiveDeployment): number {
  return podsOf(stepsOf(settings)[state.step ?? 0], desired) ?? live.wanted;
}
