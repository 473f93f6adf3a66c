import { messageOf } from '../base/errors.ts';
import { isUnusableRecord } from '../ports/record-errors.ts';
import type { RunRecord } from '../ports/run-record.ts';
import { foldOutcome, type FoldedOutcome } from './outcome.ts';

/**
 * The outcome of a run whose record cannot say so. A success that is recorded nowhere is none: `resume` would run the
 * stages again. Any other outcome stays as it is.
 */
export function outcomeWithoutRecord(folded: FoldedOutcome, error: unknown): FoldedOutcome {
  if (folded.outcome !== 'succeeded') return folded;
  if (isUnusableRecord(error)) return foldOutcome([], error);
  return {
    outcome: 'infrastructure',
    message: `all stages succeeded, but the run's end could not be recorded: ${messageOf(error)}`,
    hint: '`pipeline resume` records it as soon as the cluster can be reached',
  };
}

/** The record without what stages hand on, so that at least the end of the run can be written. */
export function withoutOutputs(record: RunRecord): RunRecord {
  const stages = Object.entries(record.stages).map(([name, stage]) => [
    name,
    { ...stage, outputs: {}, environment: {} },
  ]);
  return { ...record, git: {}, stages: Object.fromEntries(stages) as RunRecord['stages'] };
}
