import { parseDuration } from '../base/duration.ts';
import { criterion } from './judge.ts';
import type { Sample } from './sample.ts';
import { defaultCount, type AnalysisSettings, type AnalysisTiming } from './settings.ts';

/** Where an analysis stands, and what it wants next. */
export type AnalysisProgress =
  | { type: 'measure' }
  /** Milliseconds until the next measurement is due. */
  | { type: 'wait'; forMs: number }
  | { type: 'passed' }
  | { type: 'failed'; reason: string }
  /** Neither good nor bad: a person decides. */
  | { type: 'inconclusive'; reason: string };

const defaultInterval = '10s';
const defaultErrorLimit = 4;

/** How many measurements an analysis takes. */
export function countOf({ count = defaultCount }: AnalysisTiming): number {
  return count;
}

/** Milliseconds that an analysis takes at least when it passes. */
export function leastMs(settings: AnalysisTiming): number {
  const { initialDelay = '0s', interval = defaultInterval } = settings;
  return parseDuration(initialDelay) + (countOf(settings) - 1) * parseDuration(interval);
}

/**
 * Where an analysis stands after its samples.
 * @param phaseMs milliseconds since it began, by the clock that the samples' times are of
 */
export function progressOf(
  settings: AnalysisSettings,
  samples: readonly Sample[],
  phaseMs: number,
): AnalysisProgress {
  const verdict = verdictOf(settings, samples);
  const isDone = samples.length >= countOf(settings);
  if (settings.dryRun === true) return isDone ? { type: 'passed' } : due(settings, samples, phaseMs);
  if (verdict !== undefined) return verdict;
  if (!isDone) return due(settings, samples, phaseMs);
  return enoughData(settings, samples) ?? { type: 'passed' };
}

/** What the samples have decided, however many are still to come; undefined: nothing yet. */
function verdictOf(
  settings: AnalysisSettings,
  samples: readonly Sample[],
): Exclude<AnalysisProgress, { type: 'measure' | 'wait' | 'passed' }> | undefined {
  const { failureLimit = 0, consecutiveErrorLimit = defaultErrorLimit, onNoData = 'pause' } = settings;
  const isFailure = ({ verdict }: Sample) =>
    verdict === 'failed' || (verdict === 'noData' && onNoData === 'fail');
  const failures = samples.filter(isFailure);
  const last = failures.at(-1);
  if (last !== undefined && failures.length > failureLimit) {
    const counts = `${String(failures.length)} of ${String(samples.length)} measurements failed`;
    return { type: 'failed', reason: `${last.text} (${criterion(settings)}; ${counts})` };
  }
  const unclear = samples.find(
    ({ verdict }) => verdict === 'inconclusive' || (verdict === 'noData' && onNoData === 'pause'),
  );
  if (unclear !== undefined) {
    const why = unclear.verdict === 'noData' ? 'no data' : criterion(settings);
    return { type: 'inconclusive', reason: `${unclear.text} (${why})` };
  }
  const errors = samples.length - 1 - samples.findLastIndex(({ verdict }) => verdict !== 'error');
  if (errors <= consecutiveErrorLimit) return undefined;
  const times = errors === 1 ? 'once' : `${String(errors)} times in a row`;
  return { type: 'inconclusive', reason: `could not be measured ${times}: ${samples.at(-1)?.text ?? ''}` };
}

function enoughData(
  { minSamples = 1 }: AnalysisSettings,
  samples: readonly Sample[],
): AnalysisProgress | undefined {
  const withData = samples.filter(({ verdict }) => verdict === 'passed' || verdict === 'failed').length;
  const isGood = minSamples === 0 || samples.some(({ verdict }) => verdict === 'passed');
  if (withData >= minSamples)
    return isGood ? undefined : { type: 'inconclusive', reason: 'no measurement passed' };
  const last = samples.findLast(({ verdict }) => verdict === 'error' || verdict === 'noData');
  const counts = `${String(withData)} of ${String(samples.length)} measurements had data, wanted ${String(minSamples)}`;
  return { type: 'inconclusive', reason: last === undefined ? counts : `${counts}: ${last.text}` };
}

function due(
  { initialDelay = '0s', interval = defaultInterval }: AnalysisSettings,
  samples: readonly Sample[],
  phaseMs: number,
): AnalysisProgress {
  const last = samples.at(-1);
  const dueMs = last === undefined ? parseDuration(initialDelay) : last.atMs + parseDuration(interval);
  return phaseMs >= dueMs ? { type: 'measure' } : { type: 'wait', forMs: dueMs - phaseMs };
}
