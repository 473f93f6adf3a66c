import { hasTraffic } from '../holding.ts';
import { rolling } from '../rolling/rolling.ts';
import { withRollingUpdate } from '../rolling/rolling-update.ts';
import type { Strategy } from '../strategy.ts';
import { namesOf, placesOf } from '../analysis-names.ts';
import { decideBlueGreen, keepingStep } from './decide.ts';
import { blueGreenParts, blueGreenRefusals } from './parts.ts';
import { restOf } from './rest.ts';
import { blueGreenSettings, pausesMs, promotionMs, type BlueGreenSettings } from './settings.ts';
import { blueGreenState, isRolling, type BlueGreenState } from './state.ts';
import { blueGreenSteps } from './steps.ts';

/**
 * Releases by starting all new pods beside the old ones in the team's own Deployment, whose rollout is held, and by moving
 * the traffic of its Service to them in one write; going back is one write, too, as long as the old pods are kept. How a
 * rollout is held: docs/decisions/0100-one-deployment-held.md.
 */
export const blueGreen: Strategy<BlueGreenSettings, BlueGreenState> = {
  name: 'blueGreen',
  settings: blueGreenSettings,
  state: blueGreenState,
  refuses: blueGreenRefusals,
  parts: blueGreenParts,
  analyses: ({ prePromotion, postPromotion }) => [
    ...placesOf(prePromotion, ['prePromotion']),
    ...placesOf(postPromotion, ['postPromotion']),
  ],
  pausesMs,
  // What is no blue/green switch (a first release, the end of a rollback) is a rolling update.
  prepare: (objects) => withRollingUpdate(objects, {}),
  begin: () => ({ phase: 'comparing' }),
  observes(state, release) {
    if (isRolling(state)) return rolling.observes({ phase: state.phase }, release);
    if (state.phase === 'comparing') return { holding: 'compared' };
    if (state.phase === 'undoing' || state.phase === 'pinned') return { holding: 'seen' };
    return { workloadsOf: release.revision, holding: 'seen' };
  },
  decide: decideBlueGreen,
  rollBack(state, reason) {
    if (isRolling(state)) return rolling.rollBack({ phase: state.phase }, reason);
    return state.phase === 'undoing' ? undefined : { ...state, phase: 'undoing' };
  },
  answers({ phase, hold }) {
    if (hold === undefined || phase === 'pinned' || phase === 'undoing') return [];
    if (phase === 'completing') return ['abort'];
    const isWaiting = phase === 'waiting' || phase === 'measuring' || phase === 'switched';
    const always = ['promoteFull', 'abort', 'pause'] as const;
    // After the traffic has moved somebody has to watch that it can go back.
    const words = phase === 'switched' ? always : ([...always, 'detach'] as const);
    return isWaiting ? ['promote', ...words] : words;
  },
  // Told from the answer to the wait before the traffic has moved.
  waitingStep: ({ phase }) => (phase === 'switched' ? keepingStep : undefined),
  waitsFor({ phase }, settings) {
    if (phase === 'measuring')
      return { text: `analysis ${namesOf(settings.prePromotion).join(', ')}`, forPerson: false };
    if (phase !== 'waiting') return undefined;
    const text = 'the new pods are ready, the traffic has not moved';
    const ms = promotionMs(settings);
    // Where no person is asked, an analysis that is inconclusive asks one.
    return { text, forPerson: ms === Infinity || ms === 0 };
  },
  rest: (state, holding) => (hasTraffic(holding) ? restOf(state, holding) : undefined),
  finishesAlone: (state) => isRolling(state) && rolling.finishesAlone({ phase: state.phase }),
  steps: blueGreenSteps,
};
