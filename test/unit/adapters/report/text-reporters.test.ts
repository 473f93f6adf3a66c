import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { createJsonReporter } from '../../../../src/adapters/report/json.ts';
import { Output } from '../../../../src/adapters/report/output.ts';
import { createPlainReporter } from '../../../../src/adapters/report/plain.ts';
import { RunView } from '../../../../src/adapters/report/run-view.ts';
import { treeText } from '../../../../src/adapters/report/tree-text.ts';
import { endText } from '../../../../src/adapters/report/tree.ts';
import type { Reporter, RunEvent, TimedEvent } from '../../../../src/ports/events.ts';

const events: RunEvent[] = [
  {
    type: 'run.started',
    pipeline: 'shop',
    cluster: 'lab',
    namespace: 'ci',
    resumed: false,
    stages: [
      { name: 'build', kind: 'run', needs: [], phase: 'main' },
      { name: 'deploy', kind: 'deploy', needs: ['build'], phase: 'main' },
    ],
  },
  { type: 'stage.started', stage: 'build', kind: 'run', attempt: 1 },
  {
    type: 'step.output',
    stage: 'build',
    step: 'run',
    id: 'build.1.run',
    chunk: Buffer.from('one\ntw'),
    offset: 0,
  },
  { type: 'step.output', stage: 'build', step: 'run', id: 'build.1.run', chunk: Buffer.from('o'), offset: 6 },
  { type: 'step.end', stage: 'build', step: 'run', id: 'build.1.run', exitCode: 0 },
  {
    type: 'stage.finished',
    stage: 'build',
    kind: 'run',
    outcome: 'succeeded',
    durationMs: 1234,
    outputs: {},
    allowedToFail: false,
  },
  { type: 'stage.started', stage: 'deploy', kind: 'deploy', attempt: 1 },
  {
    type: 'release.progress',
    stage: 'deploy',
    application: 'web',
    phase: 'rolling',
    message: '1 of 3 new pods ready',
    tracks: [
      {
        name: 'stable',
        workload: 'web-a',
        image: 'shop/web@sha256:0123456789abcdef',
        desired: 3,
        ready: 3,
        weight: 75,
      },
      { name: 'candidate', workload: 'web-b', image: 'shop/web:2', desired: 3, ready: 1, weight: 25 },
    ],
  },
];

const timed = events.map((event, index): TimedEvent => ({
  ...event,
  runId: '01R',
  at: 1000 * index,
  sequence: index + 1,
}));

async function textOf(create: (output: Output) => Reporter): Promise<string> {
  const stream = new PassThrough();
  const reporter = create(new Output(stream));
  for (const event of timed) await reporter.handle(event);
  await reporter.close();
  stream.end();
  return (await stream.toArray()).join('');
}

describe('the plain reporter', () => {
  it('writes a line an event, with the stage before it and output as whole lines', async () => {
    const text = await textOf((output) => createPlainReporter({ output, timestamps: false, quiet: false }));

    expect(text.split('\n')).toEqual([
      'slipway: run 01R of shop on lab, namespace ci',
      '[build] == started (run)',
      '[build] one',
      '[build] two',
      '[build] == succeeded in 1.2s',
      '[deploy] == started (deploy)',
      '[deploy] web: 1 of 3 new pods ready',
      '',
    ]);
  });

  it('writes no line for a release of which only the phase or the pods have changed', async () => {
    const stream = new PassThrough();
    const reporter = createPlainReporter({ output: new Output(stream), timestamps: false, quiet: false });
    const tell = (phase: string, message: string) =>
      reporter.handle({
        ...{ type: 'release.progress', stage: 'deploy', application: 'web', phase, message, tracks: [] },
        ...{ runId: '01R', at: 0, sequence: 1 },
      });

    await tell('stepping', 'paused for 10s');
    await tell('waiting', 'paused for 10s');
    await tell('waiting', 'aborting');
    await tell('waiting', 'paused for 10s');
    stream.end();

    const lines = (await stream.toArray()).join('').split('\n');
    expect(lines).toEqual([
      ...['[deploy] web: paused for 10s', '[deploy] web: aborting', '[deploy] web: paused for 10s', ''],
    ]);
  });

  it('leaves the steps’ output out when quiet, and begins lines with the time when asked', async () => {
    const text = await textOf((output) => createPlainReporter({ output, timestamps: true, quiet: true }));

    expect(text).not.toContain('one');
    expect(text.split('\n')[1]).toBe('1970-01-01T00:00:01.000Z [build] == started (run)');
  });
});

describe('a release that is rolled back', () => {
  const lines = 'its last log lines: no database';
  const reason = `revision 2 was rolled back; revision 1 is serving: web crashes; ${lines}`;
  const notice: RunEvent = {
    type: 'notice',
    stage: 'deploy',
    level: 'warning',
    message: lines,
    endTells: true,
  };
  const endOf = (message: string): RunEvent => ({
    ...{ type: 'stage.finished', stage: 'deploy', kind: 'deploy', outcome: 'rolledBack', durationMs: 10 },
    ...{ message, outputs: {}, allowedToFail: false },
  });
  const runEnd = (message: string): RunEvent => ({
    ...{ type: 'run.finished', outcome: 'rolledBack', durationMs: 2000, message, hint: 'look' },
  });
  const about = { runId: '01R', at: 0, sequence: 1 };

  async function plainLines(shown: readonly RunEvent[]): Promise<string[]> {
    const stream = new PassThrough();
    const reporter = createPlainReporter({ output: new Output(stream), timestamps: false, quiet: false });
    for (const event of shown) await reporter.handle({ ...event, ...about });
    await reporter.close();
    stream.end();
    return (await stream.toArray()).join('').trim().split('\n');
  }

  it('is told whole by the end of its stage, which the end of the run names', async () => {
    expect(await plainLines([notice, endOf(reason), runEnd(`deploy: ${reason}; also: smoke`)])).toEqual([
      `[deploy] == rolled back in 10ms: ${reason}`,
      'slipway: rolled back in 2.0s',
      'slipway: deploy: rolled back; also: smoke',
      'slipway: hint: look',
    ]);
  });

  it('is told by the end of the run where its stage’s end was not shown', async () => {
    expect(await plainLines([runEnd(`deploy: ${reason}`)])).toContain(`slipway: deploy: ${reason}`);
  });

  it('loses no lines of its log when its stage is stopped before it could tell them', async () => {
    const shown = await plainLines([notice, endOf('cancelled by ada')]);

    expect(shown).toEqual([
      `[deploy] warning: ${lines}`,
      '[deploy] == rolled back in 10ms: cancelled by ada',
    ]);
  });

  it('loses no lines of its log when its runner loses the run: no end comes', async () => {
    const view = new RunView();
    view.take({ ...notice, ...about });
    view.end();

    expect(await plainLines([notice])).toEqual([`[deploy] warning: ${lines}`]);
    expect(view.notices).toEqual([`deploy: ${lines}`]);
  });

  it('keeps in the tree no notice beside the reason that has it', () => {
    const view = new RunView();
    for (const event of [notice, endOf(reason)]) view.take({ ...event, ...about });
    const stopped = new RunView();
    for (const event of [notice, endOf('cancelled by ada')]) stopped.take({ ...event, ...about });

    expect(view.notices).toEqual([]);
    expect(stopped.notices).toEqual([`deploy: ${lines}`]);
  });

  it('has its reason in every JSON event', async () => {
    const stream = new PassThrough();
    const reporter = createJsonReporter(new Output(stream));
    for (const event of [notice, endOf(reason), runEnd(`deploy: ${reason}`)])
      await reporter.handle({ ...event, ...about });
    await reporter.close();
    stream.end();
    const records = (await stream.toArray()).join('').trim().split('\n');

    expect(records).toHaveLength(3);
    for (const record of records)
      expect(JSON.parse(record)).toMatchObject({ message: expect.stringContaining(lines) });
  });
});

describe('the JSON reporter', () => {
  it('writes an object a line, output as one event a line', async () => {
    const lines = (await textOf((output) => createJsonReporter(output))).trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as { type: string; runId: string; line?: string });

    expect(new Set(records.map(({ runId }) => runId))).toEqual(new Set(['01R']));
    expect(records.map(({ type }) => type)).toEqual([
      'run.started',
      'stage.started',
      'step.line',
      'step.line',
      'step.end',
      'stage.finished',
      'stage.started',
      'release.progress',
    ]);
    expect(records.flatMap(({ line }) => line ?? [])).toEqual(['one', 'two']);
  });
});

describe('quiet plain lines', () => {
  const finished = (outcome: 'succeeded' | 'failed'): RunEvent => {
    const end = { stage: 'image', kind: 'image', durationMs: 1, outputs: {}, allowedToFail: false };
    return { type: 'stage.finished', ...end, outcome };
  };
  const built = Array.from({ length: 30 }, (_, index): RunEvent => ({
    type: 'image.progress',
    stage: 'image',
    message: `step ${String(index)}`,
  }));
  const step = { stage: 'image', step: 'run', id: 'image.1.run' };
  const fatal: RunEvent[] = [
    { type: 'step.output', ...step, chunk: Buffer.from('fatal: no such repository\n'), offset: 0 },
    { type: 'step.end', ...step, exitCode: 128 },
  ];

  async function quietly(shown: readonly RunEvent[]): Promise<string[]> {
    const stream = new PassThrough();
    const output = new Output(stream);
    const reporter = createPlainReporter({ output, timestamps: false, quiet: true });
    for (const [index, event] of shown.entries())
      await reporter.handle({ ...event, runId: '01R', at: index, sequence: index });
    stream.end();
    return (await stream.toArray()).join('').trim().split('\n');
  }

  it('say nothing of a build that succeeds', async () => {
    expect(await quietly([...built, finished('succeeded')])).toEqual(['[image] == succeeded in 1ms']);
  });

  it('show the last lines of what fails, and only these', async () => {
    const lines = await quietly([...built, ...fatal, finished('failed')]);

    expect(lines).toEqual([
      '[image] exit code 128',
      ...Array.from({ length: 19 }, (_, index) => `[image] step ${String(index + 11)}`),
      '[image] fatal: no such repository',
      '[image] == failed in 1ms',
    ]);
  });
});

describe('the tree', () => {
  function draw(size: { columns: number; rows: number }): string[] {
    const view = new RunView();
    for (const event of timed) view.take(event);
    return treeText(view, 10_000, size).map((line) => stripVTControlCharacters(line));
  }

  it('shows each stage with its time, and under a release its tracks', () => {
    const lines = draw({ columns: 100, rows: 30 });

    expect(lines[1]).toMatch(/^ ✓ build {3}run +1\.2s/);
    expect(lines[2]).toMatch(/^ ● deploy {2}deploy +4\.0s {2}web: 1 of 3 new pods ready/);
    expect(lines[3]).toContain('stable    web-a  ●●●  3/3  75 %  shop/web@sha256:0123456789ab');
    expect(lines[4]).toContain('candidate web-b  ●○○  1/3  25 %  shop/web:2');
  });

  it('tells once why the run did not succeed', () => {
    const view = new RunView();
    for (const event of timed) view.take(event);
    view.take({
      ...{ type: 'stage.finished', stage: 'deploy', kind: 'deploy', outcome: 'rolledBack', durationMs: 10 },
      ...{
        message: 'revision 2 was taken back',
        outputs: {},
        allowedToFail: false,
        runId: '01R',
        at: 0,
        sequence: 90,
      },
    });
    view.take({
      ...{ type: 'run.finished', outcome: 'rolledBack', durationMs: 2000, runId: '01R', at: 0, sequence: 91 },
      ...{ message: 'deploy: revision 2 was taken back', hint: 'look at its log' },
    });

    const lines = endText(view).map((line) => stripVTControlCharacters(line));

    expect(lines).toEqual([
      '',
      'deploy rolled back: revision 2 was taken back',
      '',
      'rolled back in 2.0s',
      'hint: look at its log',
    ]);
  });

  function stagesOf(names: readonly string[], running: string): RunView {
    const view = new RunView();
    const stages = names.map((name) => ({ name, kind: 'run', needs: [], phase: 'main' as const }));
    const at = { runId: '01R', at: 0, sequence: 1 };
    view.take({ ...at, ...(timed[0] as TimedEvent & { type: 'run.started' }), stages });
    for (const name of names) {
      view.take({ ...at, type: 'stage.started', stage: name, kind: 'run', attempt: 1 });
      if (name === running) break;
      const end = { kind: 'run', durationMs: 1, outputs: {}, allowedToFail: false };
      const outcome = name === 's2' ? 'failed' : 'succeeded';
      view.take({ ...at, ...end, type: 'stage.finished', stage: name, outcome });
    }
    return view;
  }
  const textOfTree = (view: RunView, size: { columns: number; rows: number }) =>
    treeText(view, 0, size).map((line) => stripVTControlCharacters(line));

  it('shows what runs and what failed where not all of 41 stages have room, and counts the others', () => {
    const names = Array.from({ length: 41 }, (_, index) => `s${String(index)}`);

    const lines = textOfTree(stagesOf(names, 's30'), { columns: 60, rows: 20 });

    expect(lines).toHaveLength(19);
    expect(lines[1]).toMatch(/^ ✗ s2 /);
    expect(lines).toContainEqual(expect.stringMatching(/^ ● s30 /));
    expect(lines.at(-1)).toBe(' … 24 more: 21 succeeded, 3 pending');
  });

  it('keeps room for the last lines of what runs, and shows what comes next after it', () => {
    const names = Array.from({ length: 41 }, (_, index) => `s${String(index)}`);
    const view = stagesOf(names, 's3');
    const at = { runId: '01R', at: 0, sequence: 9, stage: 's3' };
    const chunk = Buffer.from('one\ntwo\n');
    view.take({ ...at, type: 'step.output', step: 'run', id: 's3.1.run', chunk, offset: 0 });

    const lines = textOfTree(view, { columns: 60, rows: 20 });

    expect(lines).toContainEqual(expect.stringContaining('│ two'));
    expect(lines).toContainEqual(expect.stringMatching(/^ ○ s4 /));
    expect(lines).not.toContainEqual(expect.stringMatching(/^ ○ s40 /));
    expect(lines.length).toBeLessThan(20);
  });

  it.each([60, 120])('leaves room beside a long name at %i columns', (columns) => {
    const long = `test.${'very-long-value.'.repeat(8)}last`;
    const lines = textOfTree(stagesOf(['s1', long], long), { columns, rows: 20 });

    expect(lines[1]).toMatch(/^ ✓ s1 +run +1ms/);
    expect(lines[2]).toMatch(/^ ● test\.very.*….*last {2}run +0ms/);
    for (const line of lines) expect(line.length).toBeLessThan(columns);
  });

  it('takes no more columns than there are for wide characters', () => {
    const lines = textOfTree(stagesOf(['日本語日本語日本語日本語日本語', 's1'], 's1'), {
      columns: 40,
      rows: 9,
    });

    expect(lines[1]).toMatch(/^ ✓ 日本…語 {3}run +1ms/);
    expect(lines[2]).toMatch(/^ ● s1 {8}run /);
  });

  it('shows of a line with carriage returns what a terminal would show in the end', () => {
    const view = stagesOf(['s1'], 's1');
    const at = { runId: '01R', at: 0, sequence: 9, stage: 's1' };
    const chunk = Buffer.from('10 %\r50 %\r99 %\r\nerror: no space\r\n');
    view.take({ ...at, type: 'step.output', step: 'run', id: 's1.1.run', chunk, offset: 0 });

    expect(textOfTree(view, { columns: 60, rows: 20 }).slice(2)).toEqual([
      '     │ 99 %',
      '     │ error: no space',
    ]);

    const end = { kind: 'run', durationMs: 1, outputs: {}, allowedToFail: false, message: 'exit\rcode 1' };
    view.take({ ...at, ...end, type: 'stage.finished', outcome: 'failed' });
    const ended = endText(view).map((line) => stripVTControlCharacters(line));
    expect(ended).toEqual(['', 's1 failed: exit␍code 1', '   │ 99 %', '   │ error: no space']);
  });

  it('is never wider or higher than the terminal', () => {
    for (const size of [
      { columns: 20, rows: 4 },
      { columns: 40, rows: 3 },
      { columns: 80, rows: 2 },
    ]) {
      const lines = draw(size);

      expect(lines.length).toBeLessThan(size.rows);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(size.columns);
    }
  });
});
