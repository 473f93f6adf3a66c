import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { begunOnce, numbers, numbersIn, numbersText, range } from '../support/numbered-lines.ts';
import { expectExit } from '../support/pipeline-command.ts';
import type { StageText } from '../support/pipeline-folder.ts';
import { makeRunsBench, type RunsBench } from '../support/runs-bench.ts';

jest.setTimeout(400_000);

let bench: RunsBench;
beforeAll(async () => {
  bench = await makeRunsBench('resumed');
});
afterEach(() => bench.killAll());
afterAll(() => bench.remove());

describe('a run whose runner was killed', () => {
  it('goes on from another machine: the step ran once, and its folder of logs holds every line of all stages once', async () => {
    const logs = (name: string) => ['--log-dir', join(bench.folder.path, name)];
    const { running, id } = await bench.beginRun(
      [{ name: 'before', run: 'echo "words of before"' }, numbers(10_000, 0.2), begunOnce],
      {},
      ...logs('first'),
    );
    await running.output(/number 2000\n/);
    await bench.kill(running);

    const result = await bench.pipeline('resume', id, ...logs('second'));

    expectExit(result, 0);
    expect(result.stdout).toMatch(/begun 1 times\n/);
    const before = numbersIn(await bench.folder.read('first', 'count.log'));
    expect(before).toEqual(range(1, before.length));
    expect(before.length).toBeGreaterThanOrEqual(1000);
    expect(await bench.folder.read('second', 'count.log')).toBe(numbersText(10_000));
    expect(await bench.folder.read('second', 'before.log')).toBe('words of before\n');
    // What the first runner wrote down is where the second one goes on showing: at most the last seconds come again.
    const shown = numbersIn(result.stdout, '[count] ');
    const seam = shown[0] ?? 0;
    expect(shown).toEqual(range(seam, 10_000));
    expect(seam).toBeGreaterThan(1);
    expect(seam).toBeLessThanOrEqual((before.at(-1) ?? 0) + 1);
    expect(result.stdout).toMatch(/done: before; resumed at: count; pending: once\n/);
    expect(result.stdout).toMatch(
      /output that the previous runner showed after \d\d:\d\d:\d\d UTC .* is shown again\n/,
    );
    expect(await bench.stateOf(id)).toBe('succeeded');
    expect(await bench.left()).toEqual([]);
  });

  it('has every byte of its log once in one folder after three runners were killed while it printed fast', async () => {
    const logs = ['--log-dir', join(bench.folder.path, 'killed')];
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
    const { running, id } = await bench.beginRun(
      [fast],
      { secrets: { token: { env: 'PASSWORD' } } },
      ...logs,
    );
    await running.output(/number \d{4} /);
    await bench.kill(running);
    for (let death = 0; death < 2; death += 1) {
      const next = bench.begin('resume', id, ...logs);
      await next.output(/number \d+ /);
      await bench.kill(next);
    }

    expectExit(await bench.pipeline('resume', id, ...logs), 0);

    const lines = range(1, 300_000).map((number) => `number ${String(number)} ***\n`);
    const found = await bench.folder.read('killed', 'fast.log');
    expect(found.length).toBe(lines.join('').length + 'begun 1 times\n'.length);
    expect(found === `${lines.join('')}begun 1 times\n`).toBe(true);
    expect(await readdir(join(bench.folder.path, 'killed'))).toEqual(['fast.log']);
  });

  it('is resumed by one of two at once; the other follows, and takes over when that one is killed', async () => {
    const { running, id } = await bench.beginRun([numbers(6000, 1)]);
    await running.output(/number 100\n/);
    await bench.kill(running);

    const both = [bench.begin('resume', id), bench.begin('resume', id)];
    const follower = await Promise.any(
      both.map(async (one) => {
        await one.output(/this command only watches/);
        return one;
      }),
    );
    const winner = both.find((one) => one !== follower)!;
    await follower.output(/\[count\] number 1\n/); // as attach: from the beginning
    await bench.kill(winner);
    const result = await follower.result;

    expectExit(result, 0);
    expect(result.stdout).toMatch(/no longer renews its lease: resuming it here\n/);
    expect(result.stdout).toMatch(/resumed at: count\n/);
    expect(result.stdout).toContain('[count] number 6000\n');
    expect(await bench.left()).toEqual([]);
  });
});
