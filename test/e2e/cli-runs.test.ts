import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { e2eEnvironment } from '../support/e2e-environment.ts';
import {
  expectExit,
  runPipeline,
  startPipeline,
  type PipelineResult,
  type RunningPipeline,
} from '../support/pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder, type StageText } from '../support/pipeline-folder.ts';
import { clusterArguments, ourObjects } from '../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { waitFor } from '../support/wait-for.ts';

jest.setTimeout(240_000);

const environment = e2eEnvironment();
const password = 'correct-horse-battery-staple';
let namespaces: RunnerNamespaces;
let folder: PipelineFolder;
const started = new Set<RunningPipeline>();

beforeAll(async () => {
  namespaces = await makeRunnerNamespaces(environment, 'runs');
  folder = await makePipelineFolder('lives-on');
});
afterEach(async () => {
  for (const { child, result } of started) {
    child.kill('SIGKILL');
    await result;
  }
  started.clear();
});
afterAll(async () => {
  await folder.remove();
  await namespaces.remove();
});

const settings = () => ({
  env: { KUBECONFIG: namespaces.kubeconfig, PASSWORD: password },
  timeoutMs: 200_000,
});

/** A command on the test cluster. */
function pipeline(...args: string[]): Promise<PipelineResult> {
  return runPipeline([...args, ...clusterArguments(environment, namespaces)], settings());
}

/** The same, while it goes on. */
function begin(...args: string[]): RunningPipeline {
  const running = startPipeline([...args, ...clusterArguments(environment, namespaces)], settings());
  started.add(running);
  return running;
}

/** Starts a run. @returns it and its id */
async function beginRun(stages: readonly StageText[], more = {}, ...options: string[]) {
  const file = await folder.pipeline(stages, more);
  const running = begin('run', file, '--results', join(folder.path, 'results'), ...options);
  const [, id = ''] = await running.output(/run ([0-9A-Z]{26}) of/);
  return { running, id };
}

interface RunLine {
  runId: string;
  state: string;
  holder?: string;
}

async function runsNow(): Promise<RunLine[]> {
  const { stdout } = await pipeline('runs', '--output', 'json');
  const lines = stdout.trim().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RunLine);
}

async function stateOf(id: string): Promise<string | undefined> {
  return (await runsNow()).find(({ runId }) => runId === id)?.state;
}

const left = () => ourObjects(namespaces.admin, namespaces.agents);

/** Kills a runner as a machine that dies would. */
async function kill(running: RunningPipeline): Promise<void> {
  running.child.kill('SIGKILL');
  await running.result;
  started.delete(running);
}

/** Prints numbers 1 to `count`, a hundred at a time, and counts how often it was begun. */
function numbers(count: number, pauseSeconds: number): StageText {
  return {
    name: 'count',
    run: `echo x >> ../begun
i=0
while [ $i -lt ${String(count)} ]; do
  n=0
  while [ $n -lt 100 ]; do i=$((i + 1)); n=$((n + 1)); echo "number $i"; done
  sleep ${String(pauseSeconds)}
done`,
  };
}

/** What they print. */
const numbersText = (count: number) =>
  range(1, count)
    .map((number) => `number ${String(number)}\n`)
    .join('');

const begunOnce: StageText = { name: 'once', run: 'echo "begun $(wc -l < ../begun) times"' };

async function numbersOf(...log: string[]): Promise<number[]> {
  const text = await folder.read(...log);
  return [...text.matchAll(/^number (\d+)$/gm)].map(([, digits]) => Number(digits));
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_item, index) => from + index);

describe('a run that goes on', () => {
  it('is listed with its runner, and followed by two at once who see no secret', async () => {
    const { running, id } = await beginRun(
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
    const listed = await runsNow();
    const attached = [begin('attach', id), begin('attach', id, '--output', 'json')];
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

  it('shows its logs so far, and no more after its pod has gone', async () => {
    const { running, id } = await beginRun([
      { name: 'first', run: 'echo "words of the first"' },
      { name: 'second', run: 'echo "words of the second"; sleep 40' },
    ]);
    await running.output(/\[second\] words/);
    const all = await pipeline('logs', id);
    const one = await pipeline('logs', id, 'second');
    const following = begin('logs', id, '--follow');
    await following.output(/words of the second/);
    expectExit(await running.result, 0);
    const followed = await following.result;
    const after = await pipeline('logs', id);

    expect(all.stdout).toContain('[first] words of the first\n');
    expect(all.stdout).toContain('[second] words of the second\n');
    expect(one.stdout).not.toContain('words of the first');
    expect(one.stdout).toContain('words of the second');
    expect(followed.stdout).toMatch(/slipway: succeeded in /);
    expectExit(after, 2);
    expect(after.stderr).toMatch(/no agent pod .* no logs/);
  });

  it('is cancelled from elsewhere: exit code 4, its finally stages run, its pod is removed', async () => {
    const { running, id } = await beginRun([{ name: 'long', run: 'echo begun; sleep 600' }], {
      finally: [{ name: 'tidy', run: 'echo "tidied up"' }],
    });
    await running.output(/\[long\] begun/);

    const cancelled = await pipeline('cancel', id.toLowerCase());
    const result = await running.result;

    expectExit(cancelled, 0);
    expectExit(result, 4);
    expect(result.stdout).toContain('[tidy] tidied up\n');
    expect(await stateOf(id)).toBe('aborted');
    expect(await left()).toEqual([]);
    expect((await pipeline('cancel', id)).stdout).toContain('has ended already');
  });

  it('is followed by a resume while its runner lives; Ctrl-C ends that one alone', async () => {
    const wait = 'echo begun; sleep 50; exit 7';
    const { running, id } = await beginRun([{ name: 'long', run: wait }]);
    await running.output(/\[long\] begun/);

    const followers = [begin('resume', id), begin('resume', id)];
    const driver = new RegExp(`driven by \\S+/${String(running.child.pid)}/\\w+; this only looks on`);
    for (const follower of followers) await follower.output(driver);
    for (const follower of followers) await follower.output(/\[long\] begun/);
    followers[0]!.child.kill('SIGINT');
    const gone = await followers[0]!.result;
    const stillDriven = await stateOf(id);

    expectExit(gone, 130);
    expect(gone.stdout).toContain('the run goes on');
    expect(stillDriven).toBe('running');
    expectExit(await running.result, 1);
    expectExit(await followers[1]!.result, 1);
    expect(await left()).toEqual([]);
  });

  it('that has ended is told of by attach, with its outcome and why there is no output', async () => {
    const { running, id } = await beginRun([{ name: 'short', run: 'echo words; exit 7' }]);
    expectExit(await running.result, 1);

    const attached = await pipeline('attach', id);
    const resumed = await pipeline('resume', id);

    expectExit(attached, 1);
    expect(attached.stdout).toMatch(/\[short\] == failed .*exit code 7\n/);
    expect(attached.stdout).toContain('the output of short cannot be shown: it went with the agent pod');
    expectExit(resumed, 2);
    expect(resumed.stderr).toContain('is finished already');
  });

  it('that is not there is told of by name', async () => {
    for (const command of ['attach', 'logs', 'resume', 'cancel']) {
      const result = await pipeline(command, '01AAAAAAAAAAAAAAAAAAAAAAAA');

      expectExit(result, 2);
      expect(result.stderr).toMatch(/there is no run 01AAAAAAAAAAAAAAAAAAAAAAAA in namespace/);
    }
  });
});

describe('a run whose runner was killed', () => {
  it('goes on from another machine: the step ran once, and its folder of logs holds every line of all stages once', async () => {
    const logs = (name: string) => ['--log-dir', join(folder.path, name)];
    const { running, id } = await beginRun(
      [{ name: 'before', run: 'echo "words of before"' }, numbers(10_000, 0.2), begunOnce],
      {},
      ...logs('first'),
    );
    await running.output(/number 2000\n/);
    await kill(running);

    const result = await pipeline('resume', id, ...logs('second'));

    expectExit(result, 0);
    expect(result.stdout).toMatch(/begun 1 times\n/);
    const before = await numbersOf('first', 'count.log');
    expect(before).toEqual(range(1, before.length));
    expect(before.length).toBeGreaterThanOrEqual(1000);
    expect(await folder.read('second', 'count.log')).toBe(numbersText(10_000));
    expect(await folder.read('second', 'before.log')).toBe('words of before\n');
    // What the first runner wrote down is where the second one goes on showing: at most the last seconds come again.
    const shown = [...result.stdout.matchAll(/^\[count\] number (\d+)$/gm)].map(([, digits]) =>
      Number(digits),
    );
    const seam = shown[0] ?? 0;
    expect(shown).toEqual(range(seam, 10_000));
    expect(seam).toBeGreaterThan(1);
    expect(seam).toBeLessThanOrEqual((before.at(-1) ?? 0) + 1);
    expect(result.stdout).toMatch(/found done: before; taken up where it stands: count; still to do: once\n/);
    expect(result.stdout).toMatch(
      /output that the runner before showed after \d\d:\d\d:\d\d UTC .* is shown again\n/,
    );
    expect(await stateOf(id)).toBe('succeeded');
    expect(await left()).toEqual([]);
  });

  it('has every byte of its log once in one folder after three runners were killed while it printed fast', async () => {
    const logs = ['--log-dir', join(folder.path, 'killed')];
    const secret = { env: { TOKEN: { secret: 'token', key: 'value' } } };
    const fast: StageText = {
      name: 'fast',
      ...secret,
      run: `echo begun >> ../begun-fast
i=0
while [ $i -lt 300000 ]; do
  n=0
  while [ $n -lt 1000 ]; do i=$((i + 1)); n=$((n + 1)); echo "number $i $TOKEN"; done
  sleep 0.05
done
echo "begun $(wc -l < ../begun-fast) times"`,
    };
    const { running, id } = await beginRun([fast], { secrets: { token: { env: 'PASSWORD' } } }, ...logs);
    await running.output(/number \d{4} /);
    await kill(running);
    for (let death = 0; death < 2; death += 1) {
      const next = begin('resume', id, ...logs);
      await next.output(/number \d+ /);
      await kill(next);
    }

    expectExit(await pipeline('resume', id, ...logs), 0);

    const lines = range(1, 300_000).map((number) => `number ${String(number)} ***\n`);
    const found = await folder.read('killed', 'fast.log');
    expect(found.length).toBe(lines.join('').length + 'begun 1 times\n'.length);
    expect(found === `${lines.join('')}begun 1 times\n`).toBe(true);
    expect(await readdir(join(folder.path, 'killed'))).toEqual(['fast.log']);
  });

  it('is taken up by one of two that resume it at once; the other follows, and takes over when that one is killed', async () => {
    const { running, id } = await beginRun([numbers(6000, 1)]);
    await running.output(/number 100\n/);
    await kill(running);

    const both = [begin('resume', id), begin('resume', id)];
    const follower = await Promise.any(
      both.map(async (one) => {
        await one.output(/this only looks on/);
        return one;
      }),
    );
    const winner = both.find((one) => one !== follower)!;
    await follower.output(/\[count\] number 1\n/); // as attach: from the beginning
    await kill(winner);
    const result = await follower.result;

    expectExit(result, 0);
    expect(result.stdout).toMatch(/gives no sign of life any more: it is taken over\n/);
    expect(result.stdout).toMatch(/taken up where it stands: count\n/);
    expect(result.stdout).toContain('[count] number 6000\n');
    expect(await left()).toEqual([]);
  });

  it('is shown by attach, which says when nobody drives it any more, and who does then', async () => {
    const { running, id } = await beginRun([numbers(5000, 1)]);
    await running.output(/number 100\n/);
    const onlooker = begin('attach', id);
    await onlooker.output(/driven by/);
    await kill(running);

    await onlooker.output(
      new RegExp(`gives no sign of life any more: .pipeline resume ${id}. goes on with it`),
    );
    const resumed = begin('resume', id);

    expectExit(await resumed.result, 0);
    const seen = await onlooker.result;
    expectExit(seen, 0);
    expect(seen.stdout).toMatch(new RegExp(`driven by \\S+/${String(resumed.child.pid)}/\\w+ now`));
    expect(seen.stdout).toContain('[count] number 5000\n');
  });

  it('is left alone by gc --keep-runs, and leaves nothing after gc', async () => {
    const { running, id } = await beginRun([{ name: 'long', run: 'echo begun; sleep 600' }]);
    await running.output(/\[long\] begun/);
    await kill(running);

    const careful = await pipeline('gc', '--keep-runs');
    const between = await left();
    const thorough = await pipeline('gc');

    expectExit(careful, 0);
    expect(between).toContainEqual(expect.stringMatching(/^Pod\//));
    expectExit(thorough, 0);
    expect(thorough.stdout).toContain(`removed run ${id}`);
    await waitFor('nothing to be left', async () => ((await left()).length === 0 ? true : undefined));
    expect(await stateOf(id)).toBeUndefined();
  });

  it('and was cancelled since ends as cancelled when it is resumed', async () => {
    const { running, id } = await beginRun([{ name: 'long', run: 'echo begun; sleep 600' }], {
      finally: [{ name: 'tidy', run: 'echo "tidied up"' }],
    });
    await running.output(/\[long\] begun/);
    await kill(running);
    expectExit(await pipeline('cancel', id), 0);

    const result = await pipeline('resume', id);

    expectExit(result, 4);
    expect(result.stdout).toContain('[tidy] tidied up\n');
    expect(await left()).toEqual([]);
  });
});

describe('--log-dir', () => {
  it('holds each stage’s whole output, whatever its lines look like', async () => {
    const script =
      'i=0; while [ $i -lt 3000 ]; do printf "0123456789"; i=$((i + 1)); done; printf "\\nlast line"';
    const { running } = await beginRun(
      [
        { name: 'wide', run: script },
        { name: 'quiet', run: 'true' },
      ],
      {},
      ...['--log-dir', join(folder.path, 'wide')],
    );

    expectExit(await running.result, 0);

    expect(await readdir(join(folder.path, 'wide'))).toEqual(['wide.log']);
    const text = await readFile(join(folder.path, 'wide', 'wide.log'), 'utf8');
    expect(text).toBe(`${'0123456789'.repeat(3000)}\nlast line`);
  });
});
