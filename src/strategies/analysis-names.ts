import * as z from '../base/zod.ts';

/** Names of `deploy.analyses` in a strategy's settings. */
export type AnalysisNames = string | readonly string[];

/** The schema of {@link AnalysisNames}, made for one place. */
export function analysisNames(description: string) {
  return z.described(description, z.union([z.string(), z.array(z.string()).check(z.minLength(1))]));
}

/** Milliseconds that analyses at one moment take: as long as the longest. */
export function longestMs(
  names: AnalysisNames | undefined,
  analysisMs: (name: string) => number = () => 0,
): number {
  return Math.max(0, ...namesOf(names).map(analysisMs));
}

/** The names as a list. */
export function namesOf(names: AnalysisNames = []): readonly string[] {
  return [names].flat();
}

/** An analysis that a strategy's settings name, and where in them. */
export interface NamedAnalysis {
  name: string;
  path: readonly (string | number)[];
}

/** The names with their places, below the path of their field. */
export function placesOf(names: AnalysisNames | undefined, path: NamedAnalysis['path']): NamedAnalysis[] {
  if (names === undefined) return [];
  if (typeof names === 'string') return [{ name: names, path }];
  return names.map((name, index) => ({ name, path: [...path, index] }));
}
