import { countOf, progressOf } from '../analysis/progress.ts';
import type { Action, DecisionInput, StrategyState } from './strategy.ts';

/** Where the analyses of one moment of a release stand together. */
export type AnalysesProgress =
  | { type: 'measure'; action: Extract<Action, { type: 'measure' }>; message: string }
  | { type: 'wait'; forMs: number; message: string }
  | { type: 'passed' }
  | { type: 'failed'; reason: string }
  | { type: 'inconclusive'; reason: string };

/** The moment of a release that analyses are for. */
export interface AnalysedMoment {
  names: readonly string[];
  /** Keeps the samples of one moment apart from those of others: `step 3`. */
  moment: string;
  /** Hashes of the new and of the old pods. */
  candidate: string;
  stable: string;
}

/**
 * Where analyses stand that run at the same time: one that fails decides, then one that is inconclusive; all have to pass.
 */
export function analysesProgress<State extends StrategyState>(
  { analyses, phaseMs }: Pick<DecisionInput<object, State>, 'analyses' | 'phaseMs'>,
  { names, moment, candidate, stable }: AnalysedMoment,
): AnalysesProgress {
  const unknown = names.find((name) => analyses?.settings[name] === undefined);
  if (unknown !== undefined) return { type: 'inconclusive', reason: `there is no analysis ${unknown}` };
  const all = names.flatMap((name) => {
    const settings = analyses?.settings[name];
    if (settings === undefined) return [];
    const key = `${moment}: ${name}`;
    const samples = analyses?.samples[key] ?? [];
    return [{ name, key, settings, samples, progress: progressOf(settings, samples, phaseMs) }];
  });
  for (const type of ['failed', 'inconclusive'] as const) {
    for (const { name, progress } of all)
      if (progress.type === type)
        return { type, reason: `analysis ${name} ${words[type]}: ${progress.reason}` };
  }
  const counts = all.map(
    ({ name, samples, settings }) => `${name}: ${String(samples.length)} of ${String(countOf(settings))}`,
  );
  const message = `analysis ${counts.join(', ')} measured`;
  const due = all.find(({ progress }) => progress.type === 'measure');
  if (due !== undefined) {
    const count = due.samples.length + 1;
    const action = { type: 'measure', analysis: due.name, key: due.key, count, candidate, stable } as const;
    return { type: 'measure', action, message };
  }
  const waits = all.flatMap(({ progress }) => (progress.type === 'wait' ? [progress.forMs] : []));
  if (waits.length === 0) return { type: 'passed' };
  return { type: 'wait', forMs: Math.min(...waits), message };
}

const words = { failed: 'failed', inconclusive: 'is inconclusive' } as const;
