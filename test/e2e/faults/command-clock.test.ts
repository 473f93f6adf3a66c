import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { makeCommandBench, runIdOf, type CommandBench } from '../../support/command-bench.ts';
import { expectExit } from '../../support/pipeline-command.ts';

jest.setTimeout(400_000);

const shiftedClock = fileURLToPath(new URL('../../support/shifted-clock.ts', import.meta.url));
const minute = 60_000;
let bench: CommandBench;

beforeAll(async () => {
  bench = await makeCommandBench('clock');
});
afterEach(() => bench.expectNothingLeft());
afterAll(() => bench.remove());

/** The command in a process whose clock is wrong. */
const wrongClock = (shiftMs: number) => ({
  NODE_OPTIONS: `--import ${shiftedClock}`,
  CLOCK_SHIFT_MS: String(shiftMs),
});

describe('runners whose clocks are ten minutes fast and ten minutes slow', () => {
  it('keep their runs: one with the right clock neither takes them over nor collects them', async () => {
    const stages = [
      { name: 'wait', run: 'echo begun; until [ -e go-on ]; do sleep 0.2; done; echo "went on"' },
      { name: 'after', run: 'echo "the last"' },
    ];
    const runs = await Promise.all(
      [10 * minute, -10 * minute].map(async (shiftMs) => {
        const running = await bench.begin(stages, {
          env: wrongClock(shiftMs),
          args: ['--timestamps'],
        });
        const [line = ''] = await running.output(/^\S+ slipway: run .*$/m);
        await running.output(/\[wait\] begun/);
        return { shiftMs, running, id: await runIdOf(running), startedAt: Date.parse(line.split(' ')[0]!) };
      }),
    );

    // To collect looks twice, further apart than a lease lasts: by then those who resume have looked too.
    const resuming = runs.map(({ id }) => bench.command('resume', id));
    const collected = await bench.command('gc', '--older-than', '5m');

    expectExit(collected, 0);
    for (const { id } of runs) expect(collected.stdout).not.toContain(id);
    for (const { id } of runs) await bench.inPod(id, 'touch /workspace/go-on');
    for (const { running, shiftMs, startedAt } of runs) {
      const result = await running.result;
      expectExit(result, 0);
      expect(result.stdout).toMatch(/\[wait\] went on\n[^]*\[after\] the last\n/);
      expect(result.stderr).toBe('');
      // The clock was as wrong as it was meant to be.
      expect(Math.abs(startedAt - shiftMs - Date.now())).toBeLessThan(2 * minute);
    }
    for (const result of await Promise.all(resuming)) {
      expectExit(result, 0);
      expect(result.stdout).toMatch(/owned by \S+; this command only watches/);
      expect(result.stdout).not.toContain('resumed;');
    }
  });
});
