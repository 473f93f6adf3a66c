import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { expectExit } from '../support/pipeline-command.ts';
import { makeRunsBench, password, type RunsBench } from '../support/runs-bench.ts';

jest.setTimeout(400_000);

let bench: RunsBench;
beforeAll(async () => {
  bench = await makeRunsBench('runs');
});
afterEach(() => bench.killAll());
afterAll(() => bench.remove());

describe('a run that goes on', () => {
  it('is listed with its runner, and followed by two at once who see no secret', async () => {
    const { running, id } = await bench.beginRun(
      [
        {
          name: 'talk',
          env: { TOKEN: { secret: 'token', key: 'value' } },
          run: 'for i in $(seq 1 25); do echo "line $i"; printf "%.9s" "$TOKEN"; sleep 1; echo "${TOKEN#?????????} end"; done',
        },
      ],
      { secrets: { token: { env: 'PASSWORD' } } },
    );
    await running.output(/\[talk\] line 1/);
    const listed = await bench.runsNow();
    const attached = [bench.begin('attach', id), bench.begin('attach', id, '--output', 'json')];
    const results = await Promise.all([running, ...attached].map(({ result }) => result));

    expect(listed.find(({ runId }) => runId === id)).toMatchObject({
      state: 'running',
      stages: ['talk'],
      holder: expect.stringContaining(String(running.child.pid)),
    });
    for (const result of results) {
      expectExit(result, 0);
      expect(result.stdout + result.stderr).not.toContain(password);
      expect(result.stdout + result.stderr).not.toContain(password.slice(9));
    }
    for (let line = 1; line <= 25; line += 1)
      expect(results[1]!.stdout).toContain(`[talk] line ${String(line)}\n`);
    const events = results[2]!.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(events.at(-1)).toMatchObject({ type: 'run.finished', outcome: 'succeeded' });
  });

  it('shows its logs so far, and after its pod has gone those that its runner kept', async () => {
    const { running, id } = await bench.beginRun([
      { name: 'first', run: 'echo "words of the first"' },
      { name: 'second', run: 'echo "words of the second"; sleep 40' },
    ]);
    await running.output(/\[second\] words/);
    const all = await bench.pipeline('logs', id);
    const one = await bench.pipeline('logs', id, 'second');
    const following = bench.begin('logs', id, '--follow');
    await following.output(/words of the second/);
    expectExit(await running.result, 0);
    const followed = await following.result;
    const after = await bench.pipeline('logs', id);
    const kept = await readFile(join(bench.folder.path, 'results', 'logs', id, 'second.log'), 'utf8');
    await rm(join(bench.folder.path, 'results', 'logs'), { recursive: true });
    const removed = await bench.pipeline('logs', id);

    expect(all.stdout).toContain('[first] words of the first\n');
    expect(all.stdout).toContain('[second] words of the second\n');
    expect(one.stdout).not.toContain('words of the first');
    expect(one.stdout).toContain('words of the second');
    expect(followed.stdout).toMatch(/slipway: succeeded in /);
    expectExit(after, 0);
    expect(after.stdout).toBe('[first] words of the first\n[second] words of the second\n');
    expect(kept).toBe('words of the second\n');
    expectExit(removed, 2);
    expect(removed.stderr).toMatch(/no agent pod .* its logs are not in .*results\/logs\/\S+ any more/);
  });

  it('is cancelled from elsewhere: exit code 4, its finally stages run, its pod is removed', async () => {
    const { running, id } = await bench.beginRun([{ name: 'long', run: 'echo begun; sleep 600' }], {
      finally: [{ name: 'tidy', run: 'echo "tidied up"' }],
    });
    await running.output(/\[long\] begun/);

    const cancelled = await bench.pipeline('cancel', id.toLowerCase());
    const result = await running.result;

    expectExit(cancelled, 0);
    expectExit(result, 4);
    expect(result.stdout).toContain('[tidy] tidied up\n');
    expect(await bench.stateOf(id)).toBe('aborted');
    expect(await bench.left()).toEqual([]);
    expect((await bench.pipeline('cancel', id)).stdout).toContain('has already ended');
  });

  it('is followed by a resume while its runner lives; Ctrl-C ends that one alone', async () => {
    const wait = 'echo begun; sleep 50; exit 7';
    const { running, id } = await bench.beginRun([{ name: 'long', run: wait }]);
    await running.output(/\[long\] begun/);

    const followers = [bench.begin('resume', id), bench.begin('resume', id)];
    const owner = new RegExp(`owned by \\S+/${String(running.child.pid)}/\\S+; this command only watches`);
    for (const follower of followers) await follower.output(owner);
    for (const follower of followers) await follower.output(/\[long\] begun/);
    followers[0]!.child.kill('SIGINT');
    const gone = await followers[0]!.result;
    const stillDriven = await bench.stateOf(id);

    expectExit(gone, 130);
    expect(gone.stdout).toContain('no longer watching; the run continues');
    expect(stillDriven).toBe('running');
    expectExit(await running.result, 1);
    expectExit(await followers[1]!.result, 1);
    expect(await bench.left()).toEqual([]);
  });

  it('that has ended is told of by attach, with its outcome and why there is no output', async () => {
    const { running, id } = await bench.beginRun([{ name: 'short', run: 'echo words; exit 7' }]);
    expectExit(await running.result, 1);

    const attached = await bench.pipeline('attach', id);
    const resumed = await bench.pipeline('resume', id);

    expectExit(attached, 1);
    expect(attached.stdout).toMatch(/\[short\] == failed .*exit code 7\n/);
    expect(attached.stdout).toContain(
      'the output of short cannot be shown: it was removed with the agent pod',
    );
    expectExit(resumed, 2);
    expect(resumed.stderr).toContain('is finished already');
  });

  it('that is not there is told of by name', async () => {
    for (const command of ['attach', 'logs', 'resume', 'cancel']) {
      const result = await bench.pipeline(command, '01AAAAAAAAAAAAAAAAAAAAAAAA');

      expectExit(result, 2);
      expect(result.stderr).toMatch(/there is no run 01AAAAAAAAAAAAAAAAAAAAAAAA in namespace/);
    }
  });
});

describe('--log-dir', () => {
  it('holds each stage’s whole output, whatever its lines look like', async () => {
    const script =
      'i=0; while [ $i -lt 3000 ]; do printf "0123456789"; i=$((i + 1)); done; printf "\\nlast line"';
    const { running } = await bench.beginRun(
      [
        { name: 'wide', run: script },
        { name: 'quiet', run: 'true' },
      ],
      {},
      ...['--log-dir', join(bench.folder.path, 'wide')],
    );

    expectExit(await running.result, 0);

    expect(await readdir(join(bench.folder.path, 'wide'))).toEqual(['wide.log']);
    const text = await readFile(join(bench.folder.path, 'wide', 'wide.log'), 'utf8');
    expect(text).toBe(`${'0123456789'.repeat(3000)}\nlast line`);
  });
});
