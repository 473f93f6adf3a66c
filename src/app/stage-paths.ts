import type { Pipeline } from '../spec/pipeline.ts';

/** Where each stage stands in the file. */
export function stagePaths(pipeline: Pipeline): ReadonlyMap<string, readonly (string | number)[]> {
  const phases = ['stages', 'finally'] as const;
  return new Map(
    phases.flatMap((phase) => pipeline[phase].map(({ name }, index) => [name, [phase, index]] as const)),
  );
}
