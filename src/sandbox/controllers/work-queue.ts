const SHORTEST_BACKOFF_MS = 10;
const LONGEST_BACKOFF_MS = 30_000;
/** How long the queue works before it lets the server answer requests. */
const SLICE_MS = 5;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** `SHORTEST × 2^(failures − 1)`, at most 30 s: 10 ms, 20 ms, 40 ms, ... */
export function backoffMs(failures: number): number {
  return Math.min(LONGEST_BACKOFF_MS, SHORTEST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20));
}

/** A queue of keys: each is there at most once, failures come back with growing delays, and a key may ask to be looked at later. */
export interface WorkQueue {
  /** Puts the key in, once, however often it is called before it is worked on. */
  add(key: string): void;
  close(): void;
}

/**
 * Starts a queue that calls `work` for each key, one at a time; it returns the milliseconds after which the key is to
 * come again, `Infinity` for never. When `work` throws, `onError` hears of it and the key comes again after a back-off that grows
 * with each failure in a row.
 */
export function startWorkQueue(
  work: (key: string) => number,
  onError: (error: unknown, key: string) => void,
): WorkQueue {
  const waiting = new Set<string>();
  const failures = new Map<string, number>();
  const laterLooks = new Map<string, NodeJS.Timeout>();
  let scheduled = false;
  let closed = false;

  function add(key: string): void {
    if (closed) return;
    waiting.add(key);
    schedule();
  }

  function schedule(): void {
    if (scheduled || closed || waiting.size === 0) return;
    scheduled = true;
    setImmediate(drain);
  }

  function drain(): void {
    const until = performance.now() + SLICE_MS;
    for (const key of waiting) {
      waiting.delete(key);
      workOn(key);
      if (closed || performance.now() > until) break;
    }
    scheduled = false;
    schedule();
  }

  function workOn(key: string): void {
    clearTimeout(laterLooks.get(key));
    laterLooks.delete(key);
    try {
      const againInMs = work(key);
      failures.delete(key);
      if (againInMs !== Infinity) lookLater(key, Math.max(againInMs, 1));
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
    laterLooks.set(key, setTimeout(look, Math.min(delayMs, LONGEST_TIMER_MS)));
  }

  function close(): void {
    closed = true;
    waiting.clear();
    for (const timer of laterLooks.values()) clearTimeout(timer);
    laterLooks.clear();
  }

  return { add, close };
}
