import * as z from '../base/zod.ts';

/** Names of `deploy.analyses` in a strategy's settings. */
export type AnalysisNames = string | readonly string[];

/** The schema of {@link AnalysisNames}, made for one place. */
export function analysisNames(description: string) {
  return z.described(description, z.union([z.string(), z.array(z.string()).check(z.minLength(1))]));
}

/** The names as a list. */
export function namesOf(names: AnalysisNames = []): readonly string[] {
  return [names].flat();
}
