import { defined } from '../../base/defined.ts';
import { formatDuration } from '../../base/duration.ts';
import { heldFields } from '../../kubernetes/rollout-fields.ts';
import { failed, waitOrFail } from '../held/deadline.ts';
import { heldProblem } from '../held/problem.ts';
import { hasTraffic } from '../holding.ts';
import { decideRolling } from '../rolling/decide.ts';
import type { DecisionInput, Problem } from '../strategy.ts';
import { namesOf } from '../analysis-names.ts';
import { begin } from '../pinned/begin.ts';
import type { BlueGreenDecision, Hold, HoldingInput } from './input.ts';
import { letGo } from '../pinned/complete.ts';
import { serviceSettings } from './parts.ts';
import { isMeasured, measure, progressOf } from './measure.ts';
import { promotionMs, scaleDownDelayMs, type BlueGreenSettings } from './settings.ts';
import { isRolling, type BlueGreenState } from './state.ts';
import { hasAllTraffic, isMoved, isServable, pinned, pinOf, previewOf, selectPods } from '../pinned/pin.ts';
import { undo } from './undo.ts';

/** Milliseconds between two looks: while pods start, while traffic moves, while a person is waited for. */
const lookMs = { starting: 1000, moving: 250, waiting: 2000, unknown: 2000 } as const;

/** The step, for answers, in which old and new pods are kept. */
export const keepingStep = 2;

/** The rollout fields of a Deployment that changes no pod, whatever is written to it. */
const restingFields = { ...heldFields, paused: true };

/** The next decision of a blue/green release. Worked examples: test/unit/strategies/blue-green/decide.test.ts. */
export function decideBlueGreen(input: DecisionInput<BlueGreenSettings, BlueGreenState>): BlueGreenDecision {
  const { state, observed } = input;
  if (isRolling(state)) return decideRolling({ ...input, settings: {}, state: { phase: state.phase } });
  if (observed.type === 'unknown' || observed.holding === undefined || !hasTraffic(observed.holding)) {
    const reason = observed.type === 'unknown' ? observed.reason : 'nothing seen of the Deployment';
    return { type: 'wait', forMs: lookMs.unknown, message: `the cluster does not answer: ${reason}` };
  }
  const now: HoldingInput = { ...input, holding: observed.holding, workloads: observed.workloads };
  switch (state.phase) {
    case 'undoing':
      return undo(now);
    case 'comparing':
      return begin(now, serviceSettings);
    default:
      return state.hold === undefined ? begin(now, serviceSettings) : goForward(now, state.hold);
  }
}

function goForward(now: HoldingInput, hold: Hold): BlueGreenDecision {
  const { release, state, holding } = now;
  if (state.phase === 'pinned') {
    return {
      type: 'act',
      action: {
        type: 'hold',
        revision: release.revision,
        step: 'starting',
        before: hold.before,
        active: holding.manifest.service.name,
      },
      next: { phase: 'starting', hold },
      message: `applying revision ${String(release.revision)} beside the pods that serve`,
    };
  }
  const { deployment } = holding;
  if (deployment?.answer?.revision === release.revision && deployment.answer.answer === 'abort')
    return { type: 'rollBack', reason: 'aborted by a person' };
  const problem = problemOf(now, hold);
  if (problem !== undefined) return failed(release, problem.message, problem.cause);
  if (stayingPhases.includes(state.phase) && isMoved(holding.active, hold.candidate))
    return moveTraffic(now, hold);
  switch (state.phase) {
    case 'starting':
      return start(now, hold);
    case 'previewing':
      return preview(now, hold);
    case 'measuring':
      return measureBefore(now, hold);
    case 'waiting':
      return awaitAnswer(now, hold);
    case 'switched':
      return keepBoth(now, hold);
    default:
      return complete(now, hold);
  }
}

/** Why the release cannot continue: as of every held Deployment, and what its Service or its new pods say. */
function problemOf(now: HoldingInput, hold: Hold): { message: string; cause?: Problem } | undefined {
  const { holding, state } = now;
  const { deployment, manifest } = holding;
  const problem = heldProblem(now, {
    ...defined({ stable: hold.stable, candidate: hold.candidate }),
    isPaused: state.phase !== 'starting' && state.phase !== 'completing',
    // Completing takes it off itself, before its last steps.
    isMarkOff: state.phase === 'completing',
  });
  if (problem !== undefined) return problem;
  if (isUnpinned(now, hold))
    return {
      message: `somebody changed the selector of Service ${manifest.service.name} during the release`,
    };
  if (state.phase === 'switched' && deployment?.isObserved === true && deployment.live?.ready === 0)
    return { message: `no new pod of Deployment ${manifest.deployment.name} is ready any more` };
  return undefined;
}

/** Whether new pods get traffic before it is moved: the pin to the pods that serve is gone. */
function isUnpinned({ holding, state }: HoldingInput, { stable, candidate }: Hold): boolean {
  const { active } = holding;
  if (active === undefined || !stayingPhases.includes(state.phase)) return false;
  return pinOf(active) !== stable && !isMoved(active, candidate);
}

/** Phases in which the old pods have the traffic. */
const stayingPhases: readonly string[] = ['starting', 'previewing', 'measuring', 'waiting'];

function start(now: HoldingInput, hold: Hold): BlueGreenDecision {
  const { holding, state } = now;
  const { deployment } = holding;
  const live = deployment?.live;
  if (deployment?.isObserved !== true || live === undefined || live.ready < deployment.desired) {
    const counts = `${String(live?.ready ?? 0)} of ${String(deployment?.desired ?? 0)} new pods are ready`;
    return waitOrFail(now, counts, lookMs.starting);
  }
  if (deployment.fields.paused !== true) return rest(now, hold, 'all new pods are ready', state);
  return makePreview(now, { ...hold, candidate: live.hash }, live.hash);
}

function makePreview({ holding, release }: HoldingInput, hold: Hold, candidate: string): BlueGreenDecision {
  return {
    type: 'act',
    action: previewOf(holding, release.revision, candidate),
    next: { phase: 'previewing', hold },
    message: `Service ${holding.previewName} selects the new pods`,
  };
}

/** The Deployment at rest, with a step for people. */
function rest(
  { holding }: HoldingInput,
  { before }: Hold,
  step: string,
  next: BlueGreenState,
): BlueGreenDecision {
  const { reference = holding.manifest.deployment, resourceVersion = '' } = holding.deployment ?? {};
  const action = { type: 'rollout', deployment: reference, resourceVersion, fields: restingFields } as const;
  return { type: 'act', action: { ...action, before, step }, next, message: step };
}

function preview(now: HoldingInput, hold: Hold): BlueGreenDecision {
  const { holding } = now;
  const { candidate = '' } = hold;
  if (holding.preview === undefined) return makePreview(now, hold, candidate);
  if (!isServable(holding, candidate)) {
    const seen = String(holding.preview.endpoints[candidate] ?? 0);
    return waitOrFail(now, `${seen} new pods are endpoints of ${holding.previewName}`, lookMs.moving);
  }
  if (isPromotedFull(now)) return moveTraffic(now, hold);
  if (!isMeasured(now, 'prePromotion')) return proceed(now, hold);
  return rest(now, hold, `analysis ${namesOf(now.settings.prePromotion).join(', ')}`, {
    phase: 'measuring',
    hold,
  });
}

/** The new pods are ready, and measured: the traffic moves, or a person is asked. */
function proceed(now: HoldingInput, hold: Hold): BlueGreenDecision {
  return answerMs(now) === 0 ? moveTraffic(now, hold) : askPerson(now, hold);
}

function askPerson(now: HoldingInput, hold: Hold, why = ''): BlueGreenDecision {
  return rest(now, hold, `${why}waiting for promote or abort`, { phase: 'waiting', hold });
}

function measureBefore(now: HoldingInput, hold: Hold): BlueGreenDecision {
  const progress = progressOf(now, 'prePromotion', hold);
  if (isPromoted(now) || progress.type === 'passed') {
    if (!isServable(now.holding, hold.candidate)) return unready();
    return isPromoted(now) ? moveTraffic(now, hold) : proceed(now, hold);
  }
  return measure(now, progress, (reason) => askPerson(now, hold, `${reason}; `));
}

/** Pods that are ready no more may be so again; those that fail are seen as such. */
function unready(): BlueGreenDecision {
  return { type: 'wait', forMs: lookMs.starting, message: 'not all new pods are ready' };
}

/** Milliseconds to wait for a person; who has rolled back to the revision has answered by that. */
function answerMs({ settings, release }: HoldingInput): number {
  return release.rollbackOf === undefined ? promotionMs(settings) : 0;
}

function awaitAnswer(now: HoldingInput, hold: Hold): BlueGreenDecision {
  const { holding, phaseMs } = now;
  if (!isServable(holding, hold.candidate)) return unready();
  const progress = progressOf(now, 'prePromotion', hold);
  const isUnclear = progress.type === 'inconclusive';
  const leftMs = (isUnclear ? Infinity : answerMs(now)) - phaseMs;
  if (isPromoted(now) || leftMs <= 0) return moveTraffic(now, hold);
  const state = isUnclear ? progress.reason : `the new pods are ready behind ${holding.previewName}`;
  const message = `${state}; waiting for promote or abort`;
  return { type: 'wait', forMs: Math.min(lookMs.waiting, leftMs), message };
}

/** Whether a person has promoted the release; with a step: in that step. */
function isPromoted({ holding, release }: HoldingInput, step?: number): boolean {
  const answer = holding.deployment?.answer;
  const isOfStep = answer?.revision === release.revision && (step === undefined || answer.step === step);
  return isOfStep || isPromotedFull({ holding, release });
}

/** Whether a person has promoted it without what is still to be waited for. */
function isPromotedFull({ holding, release }: Pick<HoldingInput, 'holding' | 'release'>): boolean {
  const answer = holding.deployment?.answer;
  return answer?.revision === release.revision && answer.answer === 'promoteFull';
}

function moveTraffic({ holding, release }: HoldingInput, hold: Hold): BlueGreenDecision {
  const { manifest } = holding;
  return {
    type: 'act',
    action: selectPods(holding, pinned(manifest.selector, hold.candidate ?? ''), release.revision),
    next: { phase: 'switched', hold },
    message: `moving the traffic of ${manifest.service.name} to the new pods`,
  };
}

function keepBoth(now: HoldingInput, hold: Hold): BlueGreenDecision {
  const { holding, release, settings, phaseMs } = now;
  const { active, manifest } = holding;
  const { candidate = '' } = hold;
  if (pinOf(active) !== candidate)
    return failed(
      release,
      `somebody changed the selector of Service ${manifest.service.name} during the release`,
    );
  if (!hasAllTraffic(active, candidate))
    return waitOrFail(now, `the traffic of ${manifest.service.name} is moving`, lookMs.moving);
  if (isPromoted(now, keepingStep)) return complete(now, hold);
  const progress = progressOf(now, 'postPromotion', hold);
  if (progress.type !== 'passed')
    return measure(now, progress, (reason) => {
      const message = `the new pods serve; ${reason}; waiting for promote or abort`;
      return { type: 'wait', forMs: lookMs.waiting, message };
    });
  const leftMs = scaleDownDelayMs(settings) - phaseMs;
  if (leftMs > 0) {
    const delay = formatDuration(scaleDownDelayMs(settings));
    const message = `the new pods serve; the old ones stay for ${delay}`;
    return { type: 'wait', forMs: Math.min(lookMs.starting, leftMs), message };
  }
  return complete(now, hold);
}

function complete(now: HoldingInput, hold: Hold): BlueGreenDecision {
  const { isPreviewRemoved } = now.state;
  return letGo(now, hold, { phase: 'completing', hold, ...defined({ isPreviewRemoved }) });
}
