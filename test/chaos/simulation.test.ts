import { beforeAll, describe, expect, it } from '@jest/globals';
import { playHistory } from './world/history.ts';
import { World } from './world/world.ts';

/**
 * `CHAOS_SEED=n` plays one history alone and prints it. `CHAOS_HISTORIES=FIRST-LAST` plays others than the 300 of
 * `npm test`.
 */
const seed = process.env['CHAOS_SEED'];
const range = /^(\d+)-(\d+)$/.exec(process.env['CHAOS_HISTORIES'] ?? '1-300');
const first = Number(seed ?? range?.[1]);
const last = Number(seed ?? range?.[2]);

beforeAll(() => World.prepare());

describe('runs that meet trouble', () => {
  it('keep what is promised in every history', async () => {
    expect(last).toBeGreaterThanOrEqual(first);
    const broken: Record<string, string[]> = {};
    for (let each = first; each <= last; each += 1) {
      const history = await playHistory(each);
      const { script, violations } = history;
      if (violations.length > 0) broken[`CHAOS_SEED=${String(each)}`] = [...script, ...violations];
      if (seed !== undefined) process.stdout.write(`${JSON.stringify(history, null, 2)}\n`);
    }

    expect(broken).toEqual({});
  }, 3_600_000);

  it('are the same whenever their seed is', async () => {
    expect(await playHistory(7)).toEqual(await playHistory(7));
  });
});
