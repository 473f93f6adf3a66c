import { rolling } from '../rolling/rolling.ts';
import { withRollingUpdate } from '../rolling/rolling-update.ts';
import type { Strategy } from '../strategy.ts';
import { decideCanary } from './decide.ts';
import { canaryParts, canaryRefusals } from './parts.ts';
import { placesOf } from '../analysis-names.ts';
import { canarySettings, pauseOf, pausesMs, stepsOf, stepText, type CanarySettings } from './settings.ts';
import { canaryState, isRolling, type CanaryState } from './state.ts';
import { canarySteps } from './steps.ts';

/**
 * Releases by replacing a share of the pods of the team's own Deployment at a time, whose rollout is held in between. All
 * pods get the same traffic, so that the share of new pods is the share of the traffic. How a rollout is held:
 * docs/decisions/0100-one-deployment-held.md; by which writes its share grows: 0101-canary-by-replicas.md.
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
    if (state.phase === 'undoing') return { holding: 'seen' };
    return { workloadsOf: release.revision, holding: 'seen' };
  },
  decide: decideCanary,
  rollBack(state, reason) {
    if (isRolling(state)) return rolling.rollBack({ phase: state.phase }, reason);
    return state.phase === 'undoing' ? undefined : { ...state, phase: 'undoing' };
  },
  answers({ phase, hold }) {
    if (hold === undefined || phase === 'undoing') return [];
    if (phase === 'completing') return ['abort'];
    const always = ['promoteFull', 'abort', 'pause', 'detach'] as const;
    return phase === 'waiting' || phase === 'measuring' ? ['promote', ...always] : always;
  },
  waitingStep: ({ phase, step = 0 }) => (phase === 'waiting' || phase === 'measuring' ? step + 1 : undefined),
  waitsFor({ phase, step: index = 0 }, settings) {
    const steps = stepsOf(settings);
    const step = steps[index];
    if ((phase !== 'waiting' && phase !== 'measuring') || step === undefined) return undefined;
    const text = `step ${String(index + 1)} of ${String(steps.length)}: ${stepText(step)}`;
    // An analysis waits only when it is inconclusive.
    const limit = pauseOf(step) ?? true;
    return { text, forPerson: phase === 'waiting' && limit === true };
  },
  rest({ phase }, { deployment }) {
    const isResting = phase === 'stepping' || phase === 'waiting' || phase === 'measuring';
    return isResting && deployment?.fields.paused === true ? 'before' : undefined;
  },
  finishesAlone: (state) => isRolling(state) && rolling.finishesAlone({ phase: state.phase }),
  steps: (release, settings) => canarySteps(release, stepsOf(settings)),
};
