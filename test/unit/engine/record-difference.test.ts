import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { eventsBetween } from '../../../src/engine/record-difference.ts';
import type { RunRecord, StageRecord } from '../../../src/ports/run-record.ts';

const stages = ['build', 'test.1', 'test.1.2'].map((name) => ({ name, kind: 'run', allowFailure: false }));

const stage = (more: Partial<StageRecord>): StageRecord => ({
  state: 'pending',
  attempt: 0,
  outputs: {},
  environment: {},
  offsets: {},
  ...more,
});

const record = (of: Record<string, StageRecord>, more: Partial<RunRecord> = {}): RunRecord => ({
  formatVersion: 2,
  runId: '01RUN',
  pipeline: 'shop',
  namespace: 'ci',
  createdAt: 1000,
  fence: 1,
  state: 'running',
  source: { file: 'app.yaml', text: '' },
  parameters: {},
  trigger: {},
  agents: {},
  git: {},
  stages: of,
  ...more,
});

const told = (before: RunRecord | undefined, after: RunRecord) =>
  eventsBetween(before, after, stages).map((event) =>
    'stage' in event ? `${event.type} ${event.stage ?? ''}` : event.type,
  );

const running = (attempt = 1) => stage({ state: 'running', attempt, startedAt: 2000 });
const done = (attempt = 1) =>
  stage({ state: 'done', attempt, outcome: 'succeeded', startedAt: 2000, finishedAt: 5000 });

describe('what happened between two reads of a record', () => {
  it('is nothing where nothing has changed', () => {
    const same = record({ build: running(), 'test.1': done() });

    expect(told(same, same)).toEqual([]);
  });

  it('is the start of a stage, and its end', () => {
    expect(told(record({}), record({ build: running() }))).toEqual(['stage.started build']);
    expect(told(record({ build: running() }), record({ build: done() }))).toEqual(['stage.finished build']);
  });

  it('is all that there is where nothing was seen before, in the order of the stages', () => {
    const after = record({ 'test.1': running(), build: done() });

    expect(told(undefined, after)).toEqual([
      'stage.started build',
      'stage.finished build',
      'stage.started test.1',
    ]);
  });

  it('is a start for each attempt that is seen', () => {
    expect(told(record({ build: running(1) }), record({ build: running(2) }))).toEqual([
      'stage.started build',
    ]);
    expect(told(record({ build: running(1) }), record({ build: done(2) }))).toEqual([
      'stage.started build',
      'stage.finished build',
    ]);
    expect(told(record({ build: done(1) }), record({ build: running(2) }))).toEqual(['stage.started build']);
    expect(told(record({ build: done(1) }), record({ build: done(2) }))).toEqual([
      'stage.started build',
      'stage.finished build',
    ]);
  });

  it('is nothing of a stage that is pending', () => {
    const pending = record({ build: stage({}) });

    expect(told(undefined, pending)).toEqual([]);
    expect(told(pending, record({ build: running(0) }))).toEqual(['stage.started build']);
  });

  it('is a success, and a fault of ours at the end of a run, where an older record does not say how it ended', () => {
    const ended = stage({ state: 'done' });
    const end = record({ build: ended }, { state: 'finished' });

    expect(eventsBetween(undefined, end, stages).slice(1)).toMatchObject([
      { type: 'stage.finished', outcome: 'succeeded', durationMs: 0 },
      { type: 'run.finished', outcome: 'internal', durationMs: 0 },
    ]);
  });

  it('is start and end of a stage that was skipped', () => {
    const skipped = stage({ state: 'done', outcome: 'skipped', finishedAt: 5000 });

    expect(told(record({}), record({ build: skipped }))).toEqual([
      'stage.started build',
      'stage.finished build',
    ]);
    expect(told(record({ build: skipped }), record({ build: skipped }))).toEqual([]);
  });

  it('takes a name as a whole: test.1 is not test.1.2', () => {
    expect(told(record({}), record({ 'test.1.2': running() }))).toEqual(['stage.started test.1.2']);
  });

  it('tells how a stage ended, how long it took, and why', () => {
    const failed = { ...done(), outcome: 'failed', message: 'exit code 3', hint: 'see its log' } as const;

    expect(eventsBetween(record({ build: running() }), record({ build: failed }), stages)).toEqual([
      {
        type: 'stage.finished',
        stage: 'build',
        kind: 'run',
        outcome: 'failed',
        durationMs: 3000,
        message: 'exit code 3',
        hint: 'see its log',
        outputs: {},
        allowedToFail: false,
      },
    ]);
  });

  it('is the end of the run, after its stages, once', () => {
    const end = record({ build: done() }, { state: 'finished', outcome: 'succeeded', finishedAt: 6000 });

    expect(told(record({ build: running() }), end)).toEqual(['stage.finished build', 'run.finished']);
    expect(told(end, end)).toEqual([]);
    expect(eventsBetween(undefined, end, []).at(-1)).toEqual({
      type: 'run.finished',
      outcome: 'succeeded',
      durationMs: 5000,
    });
  });

  it('tells each attempt and each end once, however often the record is read', () => {
    const history = [
      record({}),
      ...[1, 2, 3].flatMap((n) => [record({ build: running(n) }), record({ build: done(n) })]),
    ];
    fc.assert(
      fc.property(fc.array(fc.nat(history.length - 1), { minLength: 1, maxLength: 12 }), (places) => {
        const reads = [...places].sort((a, b) => a - b).map((place) => history[place]);
        let before: RunRecord | undefined;
        const starts: number[] = [];
        let ends = 0;
        for (const read of reads) {
          for (const event of eventsBetween(before, read!, stages)) {
            if (event.type === 'stage.started') starts.push(event.attempt);
            if (event.type === 'stage.finished') ends += 1;
          }
          before = read;
        }
        expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
        expect(ends).toBe(
          reads.filter((r, i) => r?.stages['build']?.state === 'done' && r !== reads[i - 1]).length,
        );
      }),
    );
  });
});
