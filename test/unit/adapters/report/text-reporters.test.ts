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
    runId: '01R',
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

const timed = events.map((event, index): TimedEvent => ({ ...event, at: 1000 * index, sequence: index + 1 }));

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

  it('leaves the steps’ output out when quiet, and begins lines with the time when asked', async () => {
    const text = await textOf((output) => createPlainReporter({ output, timestamps: true, quiet: true }));

    expect(text).not.toContain('one');
    expect(text.split('\n')[1]).toBe('1970-01-01T00:00:01.000Z [build] == started (run)');
  });
});

describe('the JSON reporter', () => {
  it('writes an object a line, output as one event a line', async () => {
    const lines = (await textOf((output) => createJsonReporter(output))).trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as { type: string; line?: string });

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
      ...{ message: 'revision 2 was taken back', outputs: {}, allowedToFail: false, at: 0, sequence: 90 },
    });
    view.take({
      ...{ type: 'run.finished', outcome: 'rolledBack', durationMs: 2000, at: 0, sequence: 91 },
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
