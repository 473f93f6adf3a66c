import { mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogFileReporter, type LogFileReporter } from '../../../../src/adapters/report/log-files.ts';
import { KeptLogs } from '../../../../src/app/follow/kept-logs.ts';
import { RefusedPathError } from '../../../../src/base/files/errors.ts';
import type { RunEvent } from '../../../../src/ports/events.ts';

let directory: string;
const reporters: LogFileReporter[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-logs-'));
});
afterEach(async () => {
  for (const reporter of reporters.splice(0)) await reporter.close();
  await rm(directory, { recursive: true });
});

function started(resumed: boolean, runId = '01RUN'): RunEvent & { runId: string } {
  return { type: 'run.started', runId, pipeline: 'p', cluster: 'c', namespace: 'n', stages: [], resumed };
}

function output(text: string, id = 'build.1.run', offset = 0): RunEvent {
  const [stage = '', , step = ''] = id.split('.');
  return { type: 'step.output', stage, step, id, chunk: Buffer.from(text), offset };
}

function end(id = 'build.1.run'): RunEvent {
  const [stage = '', , step = ''] = id.split('.');
  return { type: 'step.end', stage, step, id, exitCode: 0 };
}

const finished: RunEvent = { type: 'run.finished', outcome: 'succeeded', durationMs: 1 };

/** A runner that hands out these events and dies: what it has open is closed after the test alone. */
async function runner(...events: RunEvent[]): Promise<LogFileReporter> {
  const reporter = createLogFileReporter(directory);
  reporters.push(reporter);
  for (const [index, event] of events.entries())
    await reporter.handle({ runId: '01RUN', ...event, at: 0, sequence: index + 1 });
  return reporter;
}

/** A runner that comes to its end. */
async function runAndClose(...events: RunEvent[]): Promise<void> {
  const reporter = await runner(...events);
  reporters.splice(reporters.indexOf(reporter), 1);
  await reporter.close();
}

const read = (stage = 'build') => readFile(join(directory, `${stage}.log`), 'utf8');

describe('the log files of a run in a folder of its own', () => {
  const byRun = async (runId: string, text: string) => {
    const reporter = createLogFileReporter(directory, { byRun: true });
    await reporter.check(['build']);
    for (const event of [started(false), output(text), end(), finished])
      await reporter.handle({ ...event, runId, at: 0, sequence: 1 });
    await reporter.close();
  };

  it('stay when the next run writes its own, and are read back whole', async () => {
    await byRun('01ONE', 'one\n');
    await byRun('01TWO', 'two\n');

    expect(await readdir(directory)).toEqual(['.gitignore', '01ONE', '01TWO']);
    expect(await readFile(join(directory, '.gitignore'), 'utf8')).toBe('*\n');
    const kept = new KeptLogs(join(directory, '01ONE'));
    const events: RunEvent[] = [];
    for await (const event of kept.outputOf('build')) events.push(event);
    for await (const event of kept.outputOf('nosuch')) events.push(event);
    expect(kept.hasFound).toBe(true);
    expect(events).toEqual([
      {
        type: 'step.output',
        stage: 'build',
        step: 'log',
        id: 'build.log',
        chunk: Buffer.from('one\n'),
        offset: 0,
      },
      { type: 'step.end', stage: 'build', step: 'log', id: 'build.log' },
    ]);
  });

  it('are written through no link, and read through none', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'slipway-elsewhere-'));
    await symlink(elsewhere, join(directory, '01ONE'));

    await expect(byRun('01ONE', 'one\n')).rejects.toThrow(RefusedPathError);
    await symlink('/etc/hostname', join(directory, 'build.log'));
    const reading = new KeptLogs(directory).outputOf('build').next();
    await expect(reading).rejects.toThrow(RefusedPathError);
    expect(await readdir(elsewhere)).toEqual([]);
    await rm(elsewhere, { recursive: true });
  });
});

describe('the log files of a run', () => {
  it('hold a stage’s output, and nothing else is left in the folder when the run has ended', async () => {
    await runAndClose(started(false), output('one\n'), output('two\n'), end(), finished);

    expect(await readdir(directory)).toEqual(['build.log']);
    expect(await read()).toBe('one\ntwo\n');
  });

  it('are written anew by another run', async () => {
    await runAndClose(started(false), output('a long text of the first'), end(), finished);
    await runAndClose(started(false, '01NEXT'), output('short'), end(), finished);

    expect(await read()).toBe('short');
  });

  it('hold every byte once after a runner that died while it wrote, however often', async () => {
    await runner(started(false), output('one\ntw'));
    for (const seen of ['one\ntwo\nth', 'o']) await runner(started(true), output(seen));
    const last = await runner(started(true), output('one\ntwo\n'), output('three\n', undefined, 8), end());

    expect(last.lacks('build.1.run')).toBe(false);
    expect(await read()).toBe('one\ntwo\nthree\n');
  });

  it('keep the steps that are whole and write only the broken one anew', async () => {
    const restore = 'build.1.cache-restore-1';
    await runner(started(false), output('restored\n', restore), end(restore), output('half a li'));

    const next = await runner(started(true));
    expect([next.lacks(restore), next.lacks('build.1.run')]).toEqual([false, true]);
    for (const event of [output('stored\n', restore, 2), end(restore), output('half a line\n'), end()])
      await next.handle({ runId: '01RUN', ...event, at: 0, sequence: 9 });

    expect(await read()).toBe('restored\nhalf a line\n');
  });

  it('keep what an earlier attempt printed before the one that goes on', async () => {
    await runner(started(false), output('first try\n'), end(), output('second tr', 'build.2.run'));
    await runner(started(true), output('second try\n', 'build.2.run'), end('build.2.run'));

    expect(await read()).toBe('first try\nsecond try\n');
  });

  it('are not trusted when somebody has cut them, and all that followed is asked for again', async () => {
    await runner(
      started(false),
      output('one\n', 'build.1.a'),
      end('build.1.a'),
      output('two\n', 'build.1.b'),
      end('build.1.b'),
    );
    await truncate(join(directory, 'build.log'), 2);

    const next = await runner(started(true));
    expect([next.lacks('build.1.a'), next.lacks('build.1.b')]).toEqual([true, true]);
    for (const id of ['build.1.a', 'build.1.b'])
      for (const event of [output(`${id}\n`, id), end(id)])
        await next.handle({ runId: '01RUN', ...event, at: 0, sequence: 9 });

    expect(await read()).toBe('build.1.a\nbuild.1.b\n');
  });

  it('of another run in the same folder are not gone on with', async () => {
    await writeFile(join(directory, 'build.log'), 'something else');

    await runner(started(true), output('one\n'), end());

    expect(await read()).toBe('one\n');
  });

  it('survive a journal whose last line is torn', async () => {
    await runner(started(false), output('one\n', 'build.1.a'), end('build.1.a'));
    await writeFile(join(directory, '.01RUN.steps'), '{"step":"build.1.b","sta', { flag: 'a' });

    await runner(started(true), output('two\n', 'build.1.b'), end('build.1.b'));
    const next = await runner(started(true));

    expect(next.lacks('build.1.b')).toBe(false);
    expect(await read()).toBe('one\ntwo\n');
  });
});
