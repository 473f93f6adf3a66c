import { failed } from '../held/deadline.ts';
import { newPods } from '../canary-by-router/aim.ts';
import { hasTraffic } from '../holding.ts';
import { analysesProgress, type AnalysesProgress } from '../analysis.ts';
import type { CanaryDecision, CanaryInput, Hold, LiveDeployment } from './input.ts';
import { rest } from './rest.ts';
import { analysesOf, pauseMs, pauseOf, stepsOf, stepText, type CanaryStep } from './settings.ts';
import { shareText } from './share.ts';

/** Milliseconds between two looks while a pause lasts, or a measurement is not due. */
const lookMs = 2000;

/** Begins a step that changes no pod: the Deployment rests in it. */
export function beginWait(
  now: CanaryInput,
  deployment: LiveDeployment,
  hold: Hold,
  step: CanaryStep,
): CanaryDecision {
  const { state } = now;
  const limit = pauseOf(step);
  const text = limit === undefined ? stepText(step) : waitText(limit);
  return rest(deployment, hold, {
    step: `${shareOf(now, deployment)}; ${text}`,
    next: { ...state, phase: limit === undefined ? 'measuring' : 'waiting' },
  });
}

/** Waits as long as the pause lasts, or until a person answers. */
export function pause(now: CanaryInput, deployment: LiveDeployment, hold: Hold): CanaryDecision {
  const { state, settings, release, phaseMs } = now;
  const step = stepsOf(settings)[state.step ?? 0];
  // A rollback is an answer: it comes through the shares, and waits at none.
  const limit = release.rollbackOf === undefined ? limitOf(step) : undefined;
  if (limit === undefined || isPromoted(now, deployment) || phaseMs >= pauseMs(limit))
    return proceed(now, deployment, hold);
  const unclear = analysesOf(step).length === 0 ? '' : unclearText(now, deployment, hold);
  const message = `${shareOf(now, deployment)}; ${unclear}${waitText(limit)}`;
  return { type: 'wait', forMs: Math.min(lookMs, pauseMs(limit) - phaseMs), message };
}

/** Takes the measurements of the step, until they have decided; what they cannot decide a person does. */
export function measure(now: CanaryInput, deployment: LiveDeployment, hold: Hold): CanaryDecision {
  const { state, release } = now;
  if (release.rollbackOf !== undefined || isPromoted(now, deployment)) return proceed(now, deployment, hold);
  const progress = progressOf(now, deployment, hold);
  switch (progress.type) {
    case 'measure':
      return {
        type: 'act',
        action: progress.action,
        next: state,
        message: messageOf(now, deployment, progress),
      };
    case 'wait':
      return {
        type: 'wait',
        forMs: Math.min(lookMs, progress.forMs),
        message: messageOf(now, deployment, progress),
      };
    case 'passed':
      return proceed(now, deployment, hold);
    case 'failed':
      return failed(release, progress.reason);
    case 'inconclusive':
      return rest(deployment, hold, {
        step: `${shareOf(now, deployment)}; ${progress.reason}; waiting for promote or abort`,
        next: { ...state, phase: 'waiting' },
      });
  }
}

function messageOf(now: CanaryInput, deployment: LiveDeployment, { message }: { message: string }): string {
  return `${shareOf(now, deployment)}; ${message}`;
}

function progressOf(now: CanaryInput, { live }: LiveDeployment, hold: Hold): AnalysesProgress {
  const { step = 0 } = now.state;
  return analysesProgress(now, {
    names: analysesOf(stepsOf(now.settings)[step]),
    moment: `step ${String(step + 1)}`,
    candidate: live.hash,
    stable: hold.stable,
  });
}

/** To the step after this one. */
function proceed(now: CanaryInput, deployment: LiveDeployment, hold: Hold): CanaryDecision {
  const { state } = now;
  const { step = 0 } = state;
  return rest(deployment, hold, {
    step: shareOf(now, deployment),
    next: { ...state, phase: 'stepping', step: step + 1 },
  });
}

/** How long a step waits: an analysis that was inconclusive until a person answers. */
function limitOf(step: CanaryStep | undefined): string | true | undefined {
  return analysesOf(step).length > 0 ? true : pauseOf(step);
}

/** Whether a person has promoted the step that the release is in, or all of them. */
export function isPromoted(now: CanaryInput, deployment: LiveDeployment): boolean {
  const { answer } = deployment;
  const isOfStep = answer?.revision === now.release.revision && answer.step === (now.state.step ?? 0) + 1;
  return isOfStep || isPromotedFull(now, deployment);
}

/** Whether a person has promoted all steps that are left. */
export function isPromotedFull({ release }: CanaryInput, { answer }: LiveDeployment): boolean {
  return answer?.revision === release.revision && answer.answer === 'promoteFull';
}

function shareOf({ holding }: CanaryInput, { live, desired }: LiveDeployment): string {
  const { share } = (hasTraffic(holding) ? holding.router : undefined) ?? {};
  if (typeof share !== 'number') return `new: ${shareText(live.ready, desired)}`;
  return `${newPods(live.ready)}, ${String(share)} % of the traffic`;
}

/** What a pause waits for. */
function waitText(limit: string | true): string {
  return limit === true ? 'waiting for promote or abort' : `paused for ${limit}`;
}

function unclearText(now: CanaryInput, deployment: LiveDeployment, hold: Hold): string {
  const progress = progressOf(now, deployment, hold);
  return progress.type === 'inconclusive' ? `${progress.reason}; ` : '';
}
