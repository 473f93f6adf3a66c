import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

describe.each<{ where: string; make: () => Clock }>([
  { where: 'of the machine', make: () => systemClock },
  { where: 'of tests', make: () => new VirtualClock() },
])('a clock $where', ({ make }) => {
  const signal = new AbortController().signal;

  it('sleeps no shorter than it is asked to, by both of its times', async () => {
    const clock = make();
    const [wallMs, monotonicMs] = [clock.now(), clock.monotonicMs()];

    await clock.sleep(50, { signal });

    // A timer of the machine may be early by a part of a millisecond.
    expect(clock.monotonicMs() - monotonicMs).toBeGreaterThanOrEqual(49);
    expect(clock.now() - wallMs).toBeGreaterThanOrEqual(48);
  });

  it('wakes sleepers in the order of their times', async () => {
    const clock = make();
    const woken: number[] = [];

    await Promise.all(
      [120, 5, 60].map(async (ms) => {
        await clock.sleep(ms, { signal });
        woken.push(ms);
      }),
    );

    expect(woken).toEqual([5, 60, 120]);
  });

  it('ends a sleep with the reason of the abort, without waiting for its time', async () => {
    const clock = make();
    const aborting = new AbortController();
    const reason = new Error('enough');
    const sleeping = clock.sleep(3_600_000, { signal: aborting.signal });
    const before = clock.monotonicMs();

    aborting.abort(reason);

    await expect(sleeping).rejects.toBe(reason);
    expect(clock.monotonicMs() - before).toBeLessThan(60_000);
  });

  it('does not begin a sleep whose signal is aborted already', async () => {
    const reason = new Error('enough');

    await expect(make().sleep(0, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
