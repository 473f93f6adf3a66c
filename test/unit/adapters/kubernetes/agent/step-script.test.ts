import { readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { waitFor } from '../../../../support/wait-for.ts';
import { makeStepWrapper, type StepWrapper } from '../../../../support/step-wrapper.ts';

let wrapper: StepWrapper;
let home: string;
beforeEach(async () => {
  wrapper = await makeStepWrapper();
  home = wrapper.home;
});
afterEach(() => wrapper.remove());

describe('the wrapper in the pod', () => {
  it('runs a step detached and tells its log and exit code', async () => {
    const { log, records } = await wrapper.run('build.1', 'echo hello; exit 7\n');

    expect(log).toBe('hello\n');
    expect(records).toMatch(/SLIPWAY started\n[^]*SLIPWAY end 7 6 \d+ 0 0 0 6\n/);
  });

  it('runs a step once, however often it is asked to', async () => {
    const launch = `echo once >> ${home}/count; echo done\n`;

    await wrapper.run('build.1', launch);
    const { log } = await wrapper.run('build.1', launch);

    expect(log).toBe('done\n');
    expect((await stat(path.join(home, 'count'))).size).toBe('once\n'.length);
  });

  it('does not take the end of a step that was stopped with its container for the step’s own', async () => {
    const launch = `: >${home}/steps/build.1/ending; exit 143\n`;

    const { records } = await wrapper.run('build.1', launch);

    expect(records).toMatch(/SLIPWAY started\n[^]*SLIPWAY ending\n/);
    expect(records).not.toContain('SLIPWAY end ');
  });

  it('gives the step the container’s own file mask, and keeps its own files private', async () => {
    await wrapper.run('build.1', `echo x > ${home}/made\n`);

    expect((await stat(path.join(home, 'made'))).mode & 0o777).toBe(0o644);
    expect((await stat(path.join(home, 'steps/build.1/log'))).mode & 0o777).toBe(0o600);
  });

  it('keeps the log of a step of very many short writes whole, up to its limit', async () => {
    const writes = 'i=0; while [ $i -lt 3000 ]; do echo 0123456789; i=$((i + 1)); done\n';
    const arguments_ = (limit: number) => [
      'run',
      `limit.${String(limit)}`,
      String(writes.length),
      '0',
      String(limit),
      '',
    ];

    const whole = await wrapper.step(arguments_(2_000_000), writes);
    const cut = await wrapper.step(arguments_(20_000), writes);

    expect(whole.log).toHaveLength(33_000);
    expect(cut.log.slice(0, 20_000)).toBe(whole.log.slice(0, 20_000));
    expect(cut.log.slice(20_000)).toMatch(
      /^\n\[slipway: the limit of 20000 bytes for the log of a step is reached/,
    );
  });

  it('runs steps one after the other by one exec', async () => {
    const serving = wrapper.serve();

    await serving.step('build.1', 'echo first; echo A=1 >"$SLIPWAY_OUTPUT"\n');
    await serving.step('build.1', 'echo this is not started again\n');
    await serving.step('build.2', 'echo second; exit 3\n');

    const { log, records } = await serving.end();
    expect(log).toBe('first\nfirst\nsecond\n');
    expect(records.match(/SLIPWAY (?:idle|end \d+ \d+)/g)).toEqual([
      'SLIPWAY idle',
      ...['SLIPWAY end 0 6', 'SLIPWAY idle', 'SLIPWAY end 0 6', 'SLIPWAY idle'],
      ...['SLIPWAY end 3 7', 'SLIPWAY idle'],
    ]);
  });

  it('serves no other step when something still writes to the log of one that has ended', async () => {
    const serving = wrapper.serve('b');
    const launch = `(while :; do echo late; sleep 0.001; done) & echo $! >${home}/pid; echo first\n`;

    const ended = serving.step('build.1', launch);

    await expect(ended).rejects.toThrow('the exec ended');
    process.kill(Number(await readFile(path.join(home, 'pid'), 'utf8')));
  });

  it('goes on from a byte offset', async () => {
    await wrapper.run('build.1', 'printf 0123456789\n');

    expect((await wrapper.step(['follow', 'build.1', '4'])).log).toBe('456789');
  });

  it('says that it does not know a step that was never started', async () => {
    expect((await wrapper.step(['follow', 'nothing', '0'])).records).toContain('SLIPWAY unknown');
  });

  it('never starts a step that was cancelled before', async () => {
    await wrapper.step(['cancel', 'build.1', '1']);

    const { log, records } = await wrapper.run('build.1', 'echo started\n');

    expect(log).toBe('');
    expect(records).toMatch(/SLIPWAY end 143 0 0 1 /);
  });

  it.each<[string, (log: string) => Promise<void>]>([
    ['deleted', unlink],
    ['truncated', (log) => truncate(log, 2)],
  ])('tells the end of a step whose log was %s, and how much of it is there', async (_, damage) => {
    await wrapper.run('build.1', 'echo 12345; exit 4\n');
    await damage(path.join(home, 'steps/build.1/log'));

    const { records } = await wrapper.step(['follow', 'build.1', '4']);

    expect(records).toMatch(/SLIPWAY end 4 6 \d+ 0 0 0 [02]\n/);
  });

  it('waits for the end of a running step whose log was deleted', async () => {
    const running = wrapper.run('build.1', `until [ -e ${home}/go ]; do sleep 0.02; done; exit 5\n`);
    const log = path.join(home, 'steps/build.1/log');
    await waitFor(
      log,
      () =>
        unlink(log).then(
          () => true,
          () => undefined,
        ),
      { intervalMs: 10 },
    );
    const following = wrapper.step(['follow', 'build.1', '0']);
    await writeFile(path.join(home, 'go'), '');

    expect((await following).records).toMatch(/SLIPWAY started\n[^]*SLIPWAY end 5 /);
    await running;
  });
});
