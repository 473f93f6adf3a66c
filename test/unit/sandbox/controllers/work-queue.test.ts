import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { backoffMs, startWorkQueue } from '../../../../src/sandbox/controllers/work-queue.ts';

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** Lets the queue work on what is in it. */
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Goes on to when the queue looks at something again; returns the milliseconds until then. */
const elapse = (): number => {
  const before = Date.now();
  jest.advanceTimersToNextTimer();
  return Date.now() - before;
};

const noErrors = (error: unknown): void => {
  throw error;
};

describe('the work queue', () => {
  it('works once on a key that was added many times', async () => {
    const worked: string[] = [];
    const queue = startWorkQueue((key) => (worked.push(key), Infinity), noErrors);

    queue.add('a');
    queue.add('b');
    queue.add('a');
    await tick();

    expect(worked).toEqual(['a', 'b']);
  });

  it('works again on a key that was added while it was worked on', async () => {
    let times = 0;
    const queue = startWorkQueue((key) => {
      times += 1;
      if (times === 1) queue.add(key);
      return Infinity;
    }, noErrors);

    queue.add('a');
    await tick();
    await tick();

    expect(times).toBe(2);
  });

  it('comes back to a failed key after delays that grow, and starts small again after a success', async () => {
    const errors: unknown[] = [];
    let failing = true;
    const queue = startWorkQueue(
      () => {
        if (failing) throw new Error('no');
        return Infinity;
      },
      (error) => errors.push(error),
    );
    const delays: number[] = [];
    queue.add('a');
    for (let round = 0; round < 4; round += 1) {
      await tick();
      delays.push(elapse());
    }

    failing = false;
    await tick();
    failing = true;
    queue.add('a');
    await tick();

    expect(delays).toEqual([10, 20, 40, 80]);
    expect(elapse()).toBe(10);
    expect(errors).toHaveLength(5);
    queue.close();
  });

  it('never waits longer than half a minute', () => {
    expect(backoffMs(50)).toBe(30_000);
  });

  it('looks again after the time that the work asked for, and only once', async () => {
    let times = 0;
    const queue = startWorkQueue(() => {
      times += 1;
      return times < 3 ? 5000 : Infinity;
    }, noErrors);
    queue.add('a');
    await tick();
    queue.add('a');
    await tick();

    const delay = elapse();
    await tick();

    expect(delay).toBe(5000);
    expect(jest.getTimerCount()).toBe(0);
    expect(times).toBe(3);
  });

  it('does nothing more once closed', async () => {
    const worked: string[] = [];
    const queue = startWorkQueue((key) => (worked.push(key), Infinity), noErrors);
    queue.add('a');

    queue.close();
    await tick();
    queue.add('b');
    await tick();

    expect(worked).toEqual([]);
  });
});
