import { describe, expect, it } from '@jest/globals';
import {
  backoffMs,
  startWorkQueue,
  type QueueTimers,
} from '../../../../src/sandbox/controllers/work-queue.ts';

/** Timers that run when told to. */
function manualTimers(): QueueTimers & { tick(): void; elapse(): number[] } {
  let soon: (() => void)[] = [];
  let later: { work: () => void; delayMs: number }[] = [];
  return {
    soon: (work) => void soon.push(work),
    later: (work, delayMs) => {
      const entry = { work, delayMs };
      later.push(entry);
      return () => {
        later = later.filter((other) => other !== entry);
      };
    },
    tick() {
      const due = soon;
      soon = [];
      for (const work of due) work();
    },
    elapse() {
      const due = later;
      later = [];
      for (const { work } of due) work();
      return due.map(({ delayMs }) => delayMs);
    },
  };
}

const noErrors = (error: unknown): void => {
  throw error;
};

describe('the work queue', () => {
  it('works once on a key that was added many times', () => {
    const timers = manualTimers();
    const worked: string[] = [];
    const queue = startWorkQueue((key) => void worked.push(key), noErrors, timers);

    queue.add('a');
    queue.add('b');
    queue.add('a');
    timers.tick();

    expect(worked).toEqual(['a', 'b']);
  });

  it('works again on a key that was added while it was worked on', () => {
    const timers = manualTimers();
    let times = 0;
    const queue = startWorkQueue(
      (key) => {
        times += 1;
        if (times === 1) queue.add(key);
        return undefined;
      },
      noErrors,
      timers,
    );

    queue.add('a');
    timers.tick();
    timers.tick();

    expect(times).toBe(2);
  });

  it('comes back to a failed key after delays that grow, and starts small again after a success', () => {
    const timers = manualTimers();
    const errors: unknown[] = [];
    let failing = true;
    const queue = startWorkQueue(
      () => {
        if (failing) throw new Error('no');
        return undefined;
      },
      (error) => errors.push(error),
      timers,
    );
    const delays: number[] = [];
    queue.add('a');
    for (let round = 0; round < 4; round += 1) {
      timers.tick();
      delays.push(...timers.elapse());
    }

    failing = false;
    timers.tick();
    failing = true;
    queue.add('a');
    timers.tick();

    expect(delays).toEqual([10, 20, 40, 80]);
    expect(timers.elapse()).toEqual([10]);
    expect(errors).toHaveLength(5);
  });

  it('never waits longer than half a minute', () => {
    expect(backoffMs(50)).toBe(30_000);
  });

  it('looks again after the time that the work asked for, and only once', () => {
    const timers = manualTimers();
    let times = 0;
    const queue = startWorkQueue(
      () => {
        times += 1;
        return times < 3 ? 5000 : undefined;
      },
      noErrors,
      timers,
    );
    queue.add('a');
    timers.tick();
    queue.add('a');
    timers.tick();

    const delays = timers.elapse();
    timers.tick();

    expect(delays).toEqual([5000]);
    expect(times).toBe(3);
  });

  it('does nothing more once closed', () => {
    const timers = manualTimers();
    const worked: string[] = [];
    const queue = startWorkQueue((key) => void worked.push(key), noErrors, timers);
    queue.add('a');

    queue.close();
    timers.tick();
    queue.add('b');
    timers.tick();

    expect(worked).toEqual([]);
  });
});
