/** The parts of a step's id: `build.1.run`. */
export interface StepName {
  stage: string;
  /** From 1. */
  attempt: number;
  step: string;
}

/** Reads the id that a stage gave a step; undefined when it is none. */
export function parseStepId(id: string): StepName | undefined {
  const match = /^(.+)\.(\d+)\.([^.]+)$/.exec(id);
  const [, stage, attempt, step] = match ?? [];
  return stage === undefined || attempt === undefined || step === undefined
    ? undefined
    : { stage, attempt: Number(attempt), step };
}
