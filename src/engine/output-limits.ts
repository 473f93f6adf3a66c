import { SlipwayError } from '../base/errors.ts';
import type { RunRecord, StageRecord } from '../ports/run-record.ts';
import type { StageResult } from '../ports/stage.ts';

/** Bytes of the outputs and the environment of one stage, names and values. */
export const largestOfStage = 256 * 1024;
/** Bytes of those of all stages of a run, which share one record of at most 1 MiB. */
export const largestOfRun = 512 * 1024;

type Values = Pick<StageRecord, 'outputs' | 'environment'>;

/** A stage's outputs are larger than a stage's, or a run's, may be. */
export class OutputTooLargeError extends SlipwayError {
  readonly code = 'outputs-too-large';
  readonly fault = 'failure';
}

/**
 * Keeps what stages hand on within what a run's record holds. A stage claims its part before it is written, so that
 * stages which end at the same moment cannot be too large together.
 */
export class OutputLimits {
  readonly #sizes: Map<string, number>;

  /** Counts what the record holds already. */
  constructor({ stages }: Pick<RunRecord, 'stages'>) {
    this.#sizes = new Map(Object.entries(stages).map(([name, stage]) => [name, sizeOf(stage)]));
  }

  /**
   * Claims the part of a stage, in place of what it had before. A stage that failed by itself keeps its message, and
   * hands on nothing when it would be too much.
   * @throws OutputTooLargeError with the size and the limit, when the stage succeeded
   */
  hold(stage: string, result: StageResult): StageResult {
    try {
      this.#claim(stage, result);
      return result;
    } catch (error) {
      if (result.outcome === 'succeeded' || !(error instanceof OutputTooLargeError)) throw error;
      const message = `${result.message ?? result.outcome}; ${error.message}`;
      return { ...result, message, outputs: {}, environment: {} };
    }
  }

  #claim(stage: string, values: Values): void {
    this.#sizes.delete(stage);
    const size = sizeOf(values);
    if (size > largestOfStage) {
      const own = `its outputs and environment have ${kibibytes(size)}`;
      throw tooLarge(`${own}; the limit of a stage is ${kibibytes(largestOfStage)}`);
    }
    const total = [...this.#sizes.values()].reduce((sum, each) => sum + each, size);
    if (total > largestOfRun) {
      const all = `with its outputs and environment (${kibibytes(size)}) those of the run have ${kibibytes(total)}`;
      throw tooLarge(`${all}; the limit of a run is ${kibibytes(largestOfRun)}`);
    }
    this.#sizes.set(stage, size);
  }
}

function tooLarge(message: string): OutputTooLargeError {
  return new OutputTooLargeError(message, {
    hint: 'outputs are for short values: keep large ones in files of the workspace, or collect them as `artifacts`',
  });
}

function sizeOf({ outputs, environment }: Values): number {
  return [...Object.entries(outputs), ...Object.entries(environment)].reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
}

/** Rounded up, so that a size above a limit never reads as the limit itself. */
function kibibytes(bytes: number): string {
  return `${String(Math.ceil(bytes / 1024))} KiB`;
}
