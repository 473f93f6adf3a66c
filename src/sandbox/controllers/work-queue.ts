/** A queue of keys: each is there at most once, failures come back with growing delays, and a key may ask to be looked at later. */

/** How the queue tells time; tests give their own. */
export interface QueueTimers {
  soon(work: () => void): void;
  /** Calls `work` after `delayMs`; returns what cancels it. */
  later(work: () => void, delayMs: number): () => void;
}

const SHORTEST_BACKOFF_MS = 10;
const LONGEST_BACKOFF_MS = 30_000;
/** How long the queue works before it lets the server answer requests. */
const SLICE_MS = 5;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** `SHORTEST × 2^(failures − 1)`, at most 30 s: 10 ms, 20 ms, 40 ms, ... */
export function backoffMs(failures: number): number {
  return Math.min(LONGEST_BACKOFF_MS, SHORTEST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20));
}

/** What working on a key gave: nothing more to do, or look again after so many milliseconds. */
export type WorkResult = number | undefined;

export interface WorkQueue {
  /** Puts the key in, once, however often it is called before it is worked on. */
  add(key: string): void;
  close(): void;
}

const nodeTimers: QueueTimers = {
  soon: (work) => void setImmediate(work),
  later: (work, delayMs) => {
    const timer = setTimeout(work, Math.min(delayMs, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/**
 * Starts a queue that calls `work` for each key, one at a time. When `work` throws, `onError` hears of it and the key
 * comes again after a back-off that grows with each failure in a row.
 */
export function startWorkQueue(
  work: (key: string) => WorkResult,
  onError: (error: unknown, key: string) => void,
  timers: QueueTimers = nodeTimers,
): WorkQueue {
  const waiting = new Set<string>();
  const failures = new Map<string, number>();
  const laterLooks = new Map<string, () => void>();
  let scheduled = false;
  let closed = false;

  function add(key: string): void {
    if (closed) return;
    waiting.add(key);
    if (scheduled) return;
    scheduled = true;
    timers.soon(drain);
  }

  function drain(): void {
    scheduled = false;
    const until = performance.now() + SLICE_MS;
    for (const key of waiting) {
      if (closed) return;
      waiting.delete(key);
      workOn(key);
      if (performance.now() > until) break;
    }
    if (waiting.size > 0) {
      scheduled = true;
      timers.soon(drain);
    }
  }

  function workOn(key: string): void {
    laterLooks.get(key)?.();
    laterLooks.delete(key);
    try {
      const again = work(key);
      failures.delete(key);
      if (again !== undefined) lookLater(key, Math.max(again, 1));
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      lookLater(key, backoffMs(count));
      onError(error, key);
    }
  }

  function lookLater(key: string, delayMs: number): void {
    if (closed) return;
    const look = (): void => {
      laterLooks.delete(key);
      add(key);
    };
    laterLooks.set(key, timers.later(look, delayMs));
  }

  function close(): void {
    closed = true;
    waiting.clear();
    for (const cancel of laterLooks.values()) cancel();
    laterLooks.clear();
  }

  return { add, close };
}
