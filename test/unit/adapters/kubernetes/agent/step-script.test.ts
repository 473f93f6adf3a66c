import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stepScript } from '../../../../../src/adapters/kubernetes/agent/step-script.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'slipway-step-'));
  await writeFile(path.join(home, 'step'), stepScript);
});
// The supervisor of a step that has ended may still write its last file into the folder that is being removed.
afterEach(() => rm(home, { recursive: true, force: true, maxRetries: 20 }));

/** A wrapper that ends at once leaves its standard input unread, which is no fault of it. */
function ignoreUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error;
}

/** Runs the wrapper as an exec in the pod does, under the given file mask. */
async function step(args: readonly string[], launch = '', mask = '022') {
  const command = `umask ${mask}; exec /bin/sh "$0" "$@"`;
  const child = spawn('/bin/sh', ['-c', command, path.join(home, 'step'), ...args], { stdio: 'pipe' });
  child.stdin.on('error', ignoreUnread).end(launch);
  const [log, records] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { log, records };
}

/** The wrapper, given one step after the other. */
function serve() {
  const child = spawn('/bin/sh', [path.join(home, 'step'), 'serve'], { stdio: 'pipe' });
  const ended = Promise.all([text(child.stdout), text(child.stderr)]);
  let idle = Promise.withResolvers<undefined>();
  child.stderr.on('data', (data: Buffer) => {
    if (data.includes('SLIPWAY idle')) idle.resolve(undefined);
  });
  child.on('exit', () => idle.reject(new Error('the exec ended')));
  return {
    async step(id: string, launch: string) {
      await idle.promise;
      idle = Promise.withResolvers();
      child.stdin.write(`run ${id} ${String(Buffer.byteLength(launch))} 0 1000000 \n${launch}`);
      await idle.promise;
    },
    async end() {
      child.removeAllListeners('exit');
      child.stdin.end();
      const [log, records] = await ended;
      return { log, records };
    },
  };
}

function run(id: string, launch: string, mask?: string) {
  return step(['run', id, String(Buffer.byteLength(launch)), '0', '1000000', ''], launch, mask);
}

describe('the wrapper in the pod', () => {
  it('runs a step detached and tells its log and exit code', async () => {
    const { log, records } = await run('build.1', 'echo hello; exit 7\n');

    expect(log).toBe('hello\n');
    expect(records).toMatch(/SLIPWAY started\n[^]*SLIPWAY end 7 6 \d+ 0 0 0\n/);
  });

  it('runs a step once, however often it is asked to', async () => {
    const launch = `echo once >> ${home}/count; echo done\n`;

    await run('build.1', launch);
    const { log } = await run('build.1', launch);

    expect(log).toBe('done\n');
    expect((await stat(path.join(home, 'count'))).size).toBe('once\n'.length);
  });

  it('does not take the end of a step that was stopped with its container for the step’s own', async () => {
    const launch = `: >${home}/steps/build.1/ending; exit 143\n`;

    const { records } = await run('build.1', launch);

    expect(records).toMatch(/SLIPWAY started\n[^]*SLIPWAY ending\n/);
    expect(records).not.toContain('SLIPWAY end ');
  });

  it('gives the step the container’s own file mask, and keeps its own files private', async () => {
    await run('build.1', `echo x > ${home}/made\n`, '022');

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

    const whole = await step(arguments_(2_000_000), writes);
    const cut = await step(arguments_(20_000), writes);

    expect(whole.log).toHaveLength(33_000);
    expect(cut.log.slice(0, 20_000)).toBe(whole.log.slice(0, 20_000));
    expect(cut.log.slice(20_000)).toMatch(
      /^\n\[slipway: the limit of 20000 bytes for the log of a step is reached/,
    );
  });

  it('runs steps one after the other by one exec', async () => {
    const serving = serve();

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
    const serving = serve();
    const launch = `(while :; do echo late; sleep 0.001; done) & echo $! >${home}/pid; echo first\n`;

    const ended = serving.step('build.1', launch);

    await expect(ended).rejects.toThrow('the exec ended');
    process.kill(Number(await readFile(path.join(home, 'pid'), 'utf8')));
  });

  it('goes on from a byte offset', async () => {
    await run('build.1', 'printf 0123456789\n');

    expect((await step(['follow', 'build.1', '4'])).log).toBe('456789');
  });

  it('says that it does not know a step that was never started', async () => {
    expect((await step(['follow', 'nothing', '0'])).records).toContain('SLIPWAY unknown');
  });

  it('never starts a step that was cancelled before', async () => {
    await step(['cancel', 'build.1', '1']);

    const { log, records } = await run('build.1', 'echo started\n');

    expect(log).toBe('');
    expect(records).toMatch(/SLIPWAY end 143 0 0 1 /);
  });
});
