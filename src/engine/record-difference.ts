import { defined } from '../base/defined.ts';
import type { RunEvent } from '../ports/events.ts';
import type { RunRecord, StageRecord } from '../ports/run-record.ts';

/** What the events of a stage hold beside what its record holds. */
export interface RecordedStage {
  name: string;
  kind: string;
  allowFailure: boolean;
}

/**
 * What happened between two reads of a run's record, as the events that its runner emitted, in the order of the stages:
 * a stage that was started or retried, a stage that ended, the end of the run. What came and went between the two reads
 * is not seen; a stage that began and ended in that time has both its events. For those who follow a run from outside:
 * `pipeline attach`, a page.
 * @param before undefined: nothing was seen of the run before
 */
export function eventsBetween(
  before: RunRecord | undefined,
  after: RunRecord,
  stages: readonly RecordedStage[],
): RunEvent[] {
  const events = stages.flatMap((stage) =>
    stageEvents(stage, before?.stages[stage.name], after.stages[stage.name]),
  );
  return before?.state !== 'finished' && after.state === 'finished' ? [...events, runEnd(after)] : events;
}

function stageEvents(
  stage: RecordedStage,
  before: StageRecord | undefined,
  after: StageRecord | undefined,
): RunEvent[] {
  if (after === undefined || after.state === 'pending') return [];
  const { name, kind } = stage;
  const seen = before === undefined || before.state === 'pending' ? undefined : before;
  const isRetried = seen !== undefined && after.attempt > seen.attempt;
  const started: RunEvent[] =
    seen === undefined || isRetried
      ? [{ type: 'stage.started', stage: name, kind, attempt: after.attempt }]
      : [];
  const hasEnded = after.state === 'done' && (seen?.state !== 'done' || isRetried);
  return hasEnded ? [...started, stageEnd(stage, after)] : started;
}

function stageEnd({ name, kind, allowFailure }: RecordedStage, ended: StageRecord): RunEvent {
  const { outcome = 'succeeded', startedAt, finishedAt, message, hint, outputs } = ended;
  return {
    type: 'stage.finished',
    stage: name,
    kind,
    outcome,
    durationMs: Math.max(0, (finishedAt ?? 0) - (startedAt ?? finishedAt ?? 0)),
    ...defined({ message, hint }),
    outputs,
    allowedToFail: allowFailure,
  };
}

function runEnd({ outcome = 'internal', createdAt, finishedAt }: RunRecord): RunEvent {
  return { type: 'run.finished', outcome, durationMs: Math.max(0, (finishedAt ?? createdAt) - createdAt) };
}
