import { loadavg } from 'node:os';

/** One of the two things that are compared. */
export interface Contestant {
  label: string;
  /** Does the work once; what it takes is measured. */
  run: () => Promise<unknown>;
  /** Puts away what `run` left; not measured. */
  after?: () => Promise<unknown>;
}

/** Two ways to the same end, measured side by side. */
export interface Comparison {
  name: string;
  ours: Contestant;
  theirs: Contestant;
  /** `ours / theirs` may be at most this, or `theirs / ours` has to be at least this. */
  goal: { atMost: number } | { atLeast: number };
  rounds: number;
  /** Ends what the rounds shared. */
  close?: () => Promise<void>;
}

/** Times in milliseconds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** What a comparison gave. */
export interface Measurement {
  name: string;
  ours: Spread & { label: string };
  theirs: Spread & { label: string };
  /** As the goal is written: ours by theirs, or theirs by ours; of the medians. */
  ratio: number;
  goal: Comparison['goal'];
  reached: boolean;
  rounds: number;
  /** Processes that wanted to run, on average of the last minute: it tells how far to trust times. */
  load: number;
}

/**
 * Runs both in turn, so that whatever slows the machine slows both; the first round warms up and is not counted.
 */
export async function measure(comparison: Comparison): Promise<Measurement> {
  const { name, ours, theirs, goal, rounds } = comparison;
  const times = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    // Who goes first changes from round to round.
    const order = round % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const);
    for (const which of order) {
      const { run, after } = comparison[which];
      const taken = await time(run).finally(after);
      if (round > 0) times[which].push(taken);
    }
  }
  const [a, b] = [spread(times.ours), spread(times.theirs)];
  const ratio = 'atMost' in goal ? a.median / b.median : b.median / a.median;
  return {
    name,
    ours: { label: ours.label, ...a },
    theirs: { label: theirs.label, ...b },
    ratio,
    goal,
    reached: 'atMost' in goal ? ratio <= goal.atMost : ratio >= goal.atLeast,
    rounds,
    load: loadavg()[0]!,
  };
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Median, least and greatest. @throws Error for an empty list */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (low === undefined || high === undefined) throw new Error('nothing was measured');
  return { median: (low + high) / 2, min: sorted[0]!, max: sorted.at(-1)! };
}

/** One measurement as lines for a terminal. */
export function describe(measurement: Measurement): string {
  const { name, ours, theirs, ratio, goal, reached, rounds, load } = measurement;
  const wanted = 'atMost' in goal ? `≤ ${goal.atMost.toFixed(2)} ×` : `≥ ${goal.atLeast.toFixed(2)} × faster`;
  const line = ({ label, median, min, max }: Spread & { label: string }): string =>
    `  ${label.padEnd(44)} ${ms(median).padStart(9)}  (${ms(min)} – ${ms(max)})`;
  return [
    `${name} (median of ${rounds}, least – greatest; load ${load.toFixed(1)})`,
    line(ours),
    line(theirs),
    `  ratio ${ratio.toFixed(2)} ×, goal ${wanted}: ${reached ? 'reached' : 'MISSED'}`,
  ].join('\n');
}

function ms(value: number): string {
  return value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(2)} s`;
}
