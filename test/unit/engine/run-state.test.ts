import { describe, expect, it } from '@jest/globals';
import { resumeNotices } from '../../../src/engine/resume-notices.ts';
import { finishedStage, RunState } from '../../../src/engine/run-state.ts';
import { blockersOf, decideNode } from '../../../src/engine/schedule.ts';
import { parseStepId } from '../../../src/engine/step-id.ts';
import { followOffsets, markShown } from '../../../src/engine/shown-output.ts';
import { watchForCancel } from '../../../src/engine/watch-for-cancel.ts';
import type { Plan, PlanNode } from '../../../src/plan/plan.ts';
import type { RunRecord, StageRecord } from '../../../src/ports/run-record.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const node = (name: string, more: Partial<PlanNode> = {}): PlanNode =>
  ({ name, stage: name, kind: 'run', phase: 'main', needs: [], allowFailure: false, ...more }) as PlanNode;

const stage = (more: Partial<StageRecord>): StageRecord => ({
  ...{ state: 'done', attempt: 1, outputs: {}, environment: {}, offsets: {} },
  ...more,
});

const recordOf = (stages: Record<string, StageRecord>, more: Partial<RunRecord> = {}): RunRecord =>
  ({ runId: '01RUN', state: 'running', stages, git: {}, ...more }) as RunRecord;

const stateOf = (nodes: readonly PlanNode[], stages: Record<string, StageRecord>) =>
  new RunState({ nodes } as unknown as Plan, { record: recordOf(stages) } as never, []);

describe('the state of a run', () => {
  it('has the kinds that it was given alone', () => {
    expect(() => stateOf([], {}).kindOf(node('a', { kind: 'fly' }))).toThrow(
      'there is no kind of stage "fly"',
    );
  });

  it('shows a stage what it waits for, and a finally stage all main stages too', () => {
    const nodes = [
      node('a'),
      node('b', { needs: ['a'] }),
      node('c'),
      node('f', { phase: 'finally' }),
      node('g', { phase: 'finally', needs: ['f'] }),
      node('h', { phase: 'finally' }),
    ];
    const visibleTo = (name: string) =>
      stateOf(nodes, {})
        .visibleTo(nodes.find((each) => each.name === name)!)
        .map((each) => each.name);

    expect(visibleTo('b')).toEqual(['a']);
    expect(visibleTo('c')).toEqual([]);
    expect(visibleTo('f')).toEqual(['a', 'b', 'c']);
    expect(visibleTo('g')).toEqual(['a', 'b', 'c', 'f']);
  });

  it('tells a stage that was blocked from one that its own condition skipped', () => {
    const nodes = [
      node('failed'),
      node('good'),
      node('blocked', { needs: ['good', 'failed'] }),
      node('behind', { needs: ['blocked'] }),
      node('skipped', { needs: ['good'] }),
      node('ended', { needs: ['failed'], allowFailure: true }),
      node('tell', { phase: 'finally', needs: ['failed'] }),
    ];
    const stages = {
      failed: stage({ outcome: 'failed' }),
      good: stage({ outcome: 'succeeded' }),
      ended: stage({ outcome: 'failed' }),
      ...Object.fromEntries(
        ['blocked', 'behind', 'skipped', 'tell'].map((name) => [name, stage({ outcome: 'skipped' })]),
      ),
    };

    const states = stateOf(nodes, stages).states();

    expect([...states].filter(([, { blocked }]) => blocked).map(([name]) => name)).toEqual([
      'blocked',
      'behind',
    ]);
  });

  it('says what keeps a stage from starting', () => {
    const nodes = new Map(
      [node('a'), node('b'), node('c', { needs: ['a', 'b'] }), node('d', { needs: ['b'] })].map((each) => [
        each.name,
        each,
      ]),
    );
    const states = new Map([
      ['a', { state: 'done', outcome: 'failed' } as const],
      ['b', { state: 'done', outcome: 'succeeded' } as const],
    ]);

    expect(blockersOf(nodes.get('c')!, nodes, states)).toEqual(['a']);
    expect(blockersOf(nodes.get('d')!, nodes, states)).toEqual([]);
    expect(decideNode(nodes.get('c')!, nodes, new Map([...states].slice(1)))).toBe('wait');
    expect(decideNode({ ...nodes.get('c')!, phase: 'finally' }, nodes, states)).toBe('start');
  });
});

describe('a finished stage', () => {
  it('has what its record says', () => {
    const record = stage({ outcome: 'failed', attempt: 2, startedAt: 1000, finishedAt: 4000, message: 'no' });

    expect(finishedStage(node('a', { allowFailure: true }), record)).toStrictEqual({
      name: 'a',
      kind: 'run',
      phase: 'main',
      outcome: 'failed',
      attempts: 2,
      durationMs: 3000,
      message: 'no',
      outputs: {},
      allowedToFail: true,
    });
  });

  it('is a success where its record does not say how it ended', () => {
    expect(finishedStage(node('a'), stage({})).outcome).toBe('succeeded');
  });

  it.each<[string, Partial<StageRecord>, number]>([
    ['it took', { startedAt: 1000, finishedAt: 4000 }, 3000],
    ['there is none without a start', { finishedAt: 4000 }, 0],
    ['there is none without an end', { startedAt: 1000 }, 0],
    ['there is none when the clock was set back', { startedAt: 4000, finishedAt: 1000 }, 0],
  ])('has its duration: %s', (_case, times, expected) => {
    expect(finishedStage(node('a'), stage(times)).durationMs).toBe(expected);
  });
});

describe('the notices of a resumed run', () => {
  const plan = (count: number) =>
    ({ nodes: Array.from({ length: count }, (_, index) => node(`s${String(index)}`)) }) as unknown as Plan;
  const running = stage({ state: 'running' });

  it('say what is done, what is resumed and what is pending', () => {
    const stages = { s0: stage({}), s1: stage({}), s2: running, s3: running };

    expect(resumeNotices(plan(6), recordOf(stages))).toEqual([
      'run resumed; done: s0, s1; resumed at: s2, s3; pending: s4, s5',
    ]);
    expect(resumeNotices(plan(1), recordOf({}))).toEqual([
      'run resumed; no stage is done; no stage was running; pending: s0',
    ]);
    expect(resumeNotices(plan(1), recordOf({ s0: stage({}) }, { state: 'cancelling' }))).toEqual([
      'run resumed; done: s0; no stage was running; the run was being cancelled and still is',
    ]);
  });

  it('name eight stages, and count the others', () => {
    expect(resumeNotices(plan(8), recordOf({})).join()).toMatch(/pending: s0, s1, .*s6, s7$/);
    expect(resumeNotices(plan(10), recordOf({})).join()).toMatch(
      /pending: s0, s1, s2, s3, s4, s5, s6, s7 and 2 more$/,
    );
  });

  it('say since when output is shown again, where any was shown', () => {
    const shown = stage({ state: 'running', offsets: { 's0.1.run': 7 } });
    const at = Date.UTC(2026, 0, 1, 22, 13, 20);
    const notices = (stages: Record<string, StageRecord>, writtenAt?: number) =>
      resumeNotices(plan(2), recordOf(stages, writtenAt === undefined ? {} : { writtenAt }));

    expect(notices({ s0: shown, s1: running }, at)[1]).toBe(
      'output that the previous runner showed after 22:13:20 UTC (by its clock) is shown again',
    );
    expect(notices({ s0: running }, at)).toHaveLength(1);
    expect(notices({ s0: { ...shown, state: 'done' } }, at)).toHaveLength(1);
    expect(notices({ s0: shown })).toHaveLength(1);
  });
});

describe('the id of a step', () => {
  it('has the stage, the attempt and the step, whatever dots the stage has', () => {
    expect(parseStepId('build.1.run')).toEqual({ stage: 'build', attempt: 1, step: 'run' });
    expect(parseStepId('test.1.2.12.run')).toEqual({ stage: 'test.1.2', attempt: 12, step: 'run' });
  });

  it.each(['', 'build', 'build.run', 'build.x.run', '.1.run', 'build.1.', 'build.1.run.'])(
    'is none: "%s"',
    (id) => {
      expect(parseStepId(id)).toBeUndefined();
    },
  );
});

describe('output that an earlier runner has shown', () => {
  const event = (text: string, offset: number) =>
    ({
      type: 'step.output',
      stage: 'a',
      step: 'run',
      id: 'a.1.run',
      chunk: Buffer.from(text),
      offset,
    }) as const;
  const marked = (text: string, offset: number, shown: number) =>
    markShown(event(text, offset), { 'a.1.run': shown, other: 100 }).map(
      ({ chunk, offset: at, shownBefore }) => [chunk.toString(), at, shownBefore],
    );

  it('is marked, and told from what follows in the same piece', () => {
    expect(marked('abcdef', 10, 0)).toEqual([['abcdef', 10, undefined]]);
    expect(marked('abcdef', 10, 10)).toEqual([['abcdef', 10, undefined]]);
    expect(marked('abcdef', 10, 14)).toEqual([
      ['abcd', 10, true],
      ['ef', 14, undefined],
    ]);
    expect(marked('abcdef', 10, 16)).toEqual([['abcdef', 10, true]]);
    expect(marked('abcdef', 10, 30)).toEqual([['abcdef', 10, true]]);
    expect(markShown(event('abc', 0), {})).toEqual([event('abc', 0)]);
  });

  it('is read again from a little before its end, or whole where its log is lacking', () => {
    const shown = { short: 1000, long: 70_000, lacking: 70_000 };

    expect(followOffsets(shown, (id) => id === 'lacking')).toEqual({
      short: 0,
      long: 70_000 - 65_536,
      lacking: 0,
    });
  });
});

describe('the watch for a cancellation', () => {
  it('looks now and then, whether a look succeeds or not, until it is ended', async () => {
    const clock = new VirtualClock();
    const ended = new AbortController();
    const looks: [number, number][] = [];
    const begun = clock.now();
    const writer = {
      checkForCancel: async ({ freshMs }: { freshMs: number }) => {
        looks.push([clock.now() - begun, freshMs]);
        if (looks.length === 1) throw new Error('no answer');
        if (looks.length === 3) ended.abort(new Error('ended'));
      },
    };

    await watchForCancel(writer, { clock, everyMs: 5000, signal: ended.signal });

    expect(looks).toEqual([
      [5000, 5000],
      [10_000, 5000],
      [15_000, 5000],
    ]);
  });
});
