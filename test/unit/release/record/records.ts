import {
  emptyRecord,
  type ReleaseRecord,
  type RevisionRecord,
} from '../../../../src/release/record/release-record.ts';

export const by = { runId: 'run-1', pipeline: 'shop', stage: 'deploy', attempt: 1, who: 'test' };

/** An entry of a record's history. */
export function entry(number: number, change: Partial<RevisionRecord> = {}): RevisionRecord {
  return {
    ...{ number, outcome: 'released', strategy: 'rolling', ...by, startedAt: 0 },
    ...{ images: {}, workloads: [], configuration: [], objects: [] },
    ...change,
  };
}

/** A record with these entries. */
export function recordOf(history: RevisionRecord[], change: Partial<ReleaseRecord> = {}): ReleaseRecord {
  return { ...emptyRecord('web', 'shop'), history, ...change };
}

/** A release of a revision in progress. */
export function inProgress(revision: number, stable?: number): NonNullable<ReleaseRecord['current']> {
  const current = { revision, state: { phase: 'applying' }, phaseSpentMs: 0, generations: {} };
  return stable === undefined ? current : { ...current, stable };
}
