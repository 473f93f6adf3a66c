import { failed } from '../held/deadline.ts';
import { analysesProgress, type AnalysesProgress } from '../analysis.ts';
import { namesOf } from '../analysis-names.ts';
import type { BlueGreenDecision, Hold, HoldingInput } from './input.ts';

/** When analyses are measured: before the traffic moves, or after. */
type Moment = 'prePromotion' | 'postPromotion';

/** Milliseconds between two looks while a measurement is not due. */
const lookMs = 1000;

/** Whether analyses are to be measured in a moment. A rollback is somebody's wish: nothing keeps it back. */
export function isMeasured({ settings, release }: HoldingInput, moment: Moment): boolean {
  return namesOf(settings[moment]).length > 0 && release.rollbackOf === undefined;
}

/** Where the analyses of a moment stand. */
export function progressOf(now: HoldingInput, moment: Moment, hold: Hold): AnalysesProgress {
  if (!isMeasured(now, moment)) return { type: 'passed' };
  const { stable, candidate = '' } = hold;
  return analysesProgress(now, { names: namesOf(now.settings[moment]), moment, candidate, stable });
}

/**
 * The next step of analyses that have not decided for the release: a measurement, a wait, or its end. What they cannot
 * decide a person does, as `unclear` says.
 */
export function measure(
  { release, state }: HoldingInput,
  progress: Exclude<AnalysesProgress, { type: 'passed' }>,
  unclear: (reason: string) => BlueGreenDecision,
): BlueGreenDecision {
  switch (progress.type) {
    case 'measure':
      return { type: 'act', action: progress.action, next: state, message: progress.message };
    case 'wait':
      return { type: 'wait', forMs: Math.min(lookMs, progress.forMs), message: progress.message };
    case 'failed':
      return failed(release, progress.reason);
    case 'inconclusive':
      return unclear(progress.reason);
  }
}
