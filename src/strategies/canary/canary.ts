import { rolling } from '../rolling/rolling.ts';
import { withRollingUpdate } from '../rolling/rolling-update.ts';
import type { Strategy } from '../strategy.ts';
import { decideCanary } from './decide.ts';
import { canaryParts, canaryRefusals } from './parts.ts';
import { placesOf } from '../analysis-names.ts';
import { canarySettings, pauseOf, pausesMs, stepsOf, stepText, type CanarySettings } from './settings.ts';
import { canaryState, isRolling, type CanaryState } from './state.ts';
import { canarySteps } from './steps.ts';

/** Phases that an answer to their step ends. */
const awaitingPhases: readonly string[] = ['waiting', 'measuring', 'switched'];

function isUndoing({ phase }: CanaryState): boolean {
  return phase === 'undoing' || phase === 'unrouted';
}

/**
 * Releases by replacing a share of the pods of the team's own Deployment at a time, whose rollout is held in between. All
 * pods get the same traffic, so that the share of new pods is the share of the traffic. How a rollout is held:
 * docs/decisions/0100-one-deployment-held.md; by which writes its share grows: 0101-canary-by-replicas.md. Where a router
 * shares the traffic out, new pods start beside all old ones: 0104-canary-by-router.md.
 */
export const canary: Strategy<CanarySettings, CanaryState> = {
  name: 'canary',
  settings: canarySettings,
  state: canaryState,
  refuses: canaryRefusals,
  parts: canaryParts,
  analyses: (settings) =>
    stepsOf(settings).flatMap((step, index) =>
      'analysis' in step ? placesOf(step.analysis, ['steps', index, 'analysis']) : [],
    ),
  pausesMs,
  // What is no canary (a first release, the end of a rollback) is a rolling update.
  prepare: (objects) => withRollingUpdate(objects, {}),
  begin: () => ({ phase: 'comparing' }),
  observes(state, release) {
    if (isRolling(state)) return rolling.observes({ phase: state.phase }, release);
    if (state.phase === 'comparing') return { holding: 'compared' };
    if (state.phase === 'undoing' || state.phase === 'unrouted' || state.phase === 'pinned')
      return { holding: 'seen' };
    return { workloadsOf: release.revision, holding: 'seen' };
  },
  decide: decideCanary,
  rollBack(state, reason) {
    if (isRolling(state)) return rolling.rollBack({ phase: state.phase }, reason);
    return isUndoing(state) ? undefined : { ...state, phase: 'undoing' };
  },
  answers(state) {
    const { phase, hold } = state;
    if (hold === undefined || phase === 'pinned' || isUndoing(state)) return [];
    if (phase === 'completing') return ['abort'];
    if (phase === 'switched') return ['promote', 'promoteFull', 'abort'];
    const always = ['promoteFull', 'abort', 'pause', 'detach'] as const;
    return awaitingPhases.includes(phase) ? ['promote', ...always] : always;
  },
  waitingStep: ({ phase, step = 0 }) => (awaitingPhases.includes(phase) ? step + 1 : undefined),
  waitsFor({ phase, step: index = 0 }, settings) {
    const steps = stepsOf(settings);
    const step = steps[index];
    if ((phase !== 'waiting' && phase !== 'measuring') || step === undefined) return undefined;
    const text = `step ${String(index + 1)} of ${String(steps.length)}: ${stepText(step)}`;
    // An analysis waits only when it is inconclusive.
    const limit = pauseOf(step) ?? true;
    return { text, forPerson: phase === 'waiting' && limit === true };
  },
  // What a router sends to the new pods, and what pins the Service, only the release itself takes back.
  rollsBackLeft: ({ traffic }) => traffic !== undefined,
  rest({ phase }, { deployment }) {
    const isResting = phase === 'stepping' || phase === 'waiting' || phase === 'measuring';
    return isResting && deployment?.fields.paused === true ? 'before' : undefined;
  },
  finishesAlone: (state) => isRolling(state) && rolling.finishesAlone({ phase: state.phase }),
  steps: canarySteps,
};
