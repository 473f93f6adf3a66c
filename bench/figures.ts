import { loadavg } from 'node:os';

import { spread, type Spread } from './measure.ts';

/** One thing that is measured, and how much of it is too much. */
export interface Part {
  label: string;
  unit: 'ms' | 's' | 'MiB' | 'requests';
  /** The median may be at most this; missing: a figure to know, without a goal. */
  atMost?: number;
}

/** Things that have no counterpart to be measured against. */
export interface Figures<Name extends string = string> {
  name: string;
  parts: Record<Name, Part>;
  /** Gives every part at least one value a round. */
  take: () => Promise<Record<Name, readonly number[]>>;
  rounds: number;
  /** True: the first round warms up and is not counted. */
  warmUp?: boolean;
  close?: () => Promise<void>;
}

/** What figures gave. */
export interface FiguresTaken {
  name: string;
  rounds: number;
  /** Processes that wanted to run, on average of the last minute: it tells how far to trust times. */
  load: number;
  parts: (Part & Spread & { samples: number; reached?: boolean })[];
}

/** Takes every round in turn. */
export async function takeFigures({ name, parts, take, rounds, warmUp }: Figures): Promise<FiguresTaken> {
  const values = new Map<string, number[]>(Object.keys(parts).map((key) => [key, []]));
  if (warmUp === true) await take();
  for (let round = 0; round < rounds; round += 1)
    for (const [key, more] of Object.entries(await take())) values.get(key)!.push(...more);
  return {
    name,
    rounds,
    load: loadavg()[0]!,
    parts: Object.entries(parts).map(([key, part]) => {
      const all = values.get(key)!;
      const result = { ...part, ...spread(all), samples: all.length };
      return part.atMost === undefined ? result : { ...result, reached: result.median <= part.atMost };
    }),
  };
}

/** Figures as lines for a terminal. */
export function describeFigures({ name, load, parts }: FiguresTaken): string {
  const lines = parts.map(({ label, unit, median, min, max, samples, atMost, reached }) => {
    const goal = atMost === undefined ? '' : `, goal ≤ ${atMost} ${unit}: ${reached ? 'reached' : 'MISSED'}`;
    const range = samples > 1 ? `  (${short(min)} – ${short(max)}, ${samples} samples)` : '';
    return `  ${label.padEnd(52)} ${short(median).padStart(8)} ${unit}${range}${goal}`;
  });
  return [`${name} (median, least – greatest; load ${load.toFixed(1)})`, ...lines].join('\n');
}

function short(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}
