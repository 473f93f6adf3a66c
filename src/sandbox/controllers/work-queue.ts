const shortestBackoffMs = 10;
const longestBackoffMs = 30_000;
/** How long the queue works before it lets the server answer requests. */
const sliceMs = 5;
const longestTimerMs = 2 ** 31 - 1;

/** `SHORTEST × 2^(failures − 1)`, at most 30 s: 10 ms, 20 ms, 40 ms, ... */
export function backoffMs(failures: number): number {
  return Math.min(longestBackoffMs, shortestBackoffMs * 2 ** Math.min(failures - 1, 20));
}

/** A queue of keys: each is there at most once, failures come back with growing delays, and a key may ask to be looked at later. */
export interface WorkQueue {
  /** Puts the key in, once, however often it is called before it is worked on. */
  add(key: string): void;
  close(): void;
}

/**
 * Starts a queue that calls `work` for each key, one at a time; it returns the milliseconds after which the key is to
 * come again, `Infinity` for never. When `work` throws, `onError` gets it and the key comes again after a back-off that grows
 * with each failure in a row.
 */
export function startWorkQueue(
  work: (key: string) => number,
  onError: (error: unknown, key: string) => void,
): WorkQueue {
  return new Queue(work, onError);
}

class Queue implements WorkQueue {
  readonly #work: (key: string) => number;
  readonly #onError: (error: unknown, key: string) => void;
  readonly #waiting = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #laterLooks = new Map<string, NodeJS.Timeout>();
  #scheduled = false;
  #closed = false;

  constructor(work: (key: string) => number, onError: (error: unknown, key: string) => void) {
    this.#work = work;
    this.#onError = onError;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#waiting.add(key);
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    for (const timer of this.#laterLooks.values()) clearTimeout(timer);
    this.#laterLooks.clear();
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#waiting.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#drain());
  }

  #drain(): void {
    const until = performance.now() + sliceMs;
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      this.#workOn(key);
      if (this.#closed || performance.now() > until) break;
    }
    this.#scheduled = false;
    this.#schedule();
  }

  #workOn(key: string): void {
    clearTimeout(this.#laterLooks.get(key));
    this.#laterLooks.delete(key);
    try {
      const againInMs = this.#work(key);
      this.#failures.delete(key);
      if (againInMs !== Infinity) this.#lookLater(key, Math.max(againInMs, 1));
    } catch (error) {
      const count = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, count);
      this.#lookLater(key, backoffMs(count));
      this.#onError(error, key);
    }
  }

  #lookLater(key: string, delayMs: number): void {
    if (this.#closed) return;
    const look = (): void => {
      this.#laterLooks.delete(key);
      this.add(key);
    };
    this.#laterLooks.set(key, setTimeout(look, Math.min(delayMs, longestTimerMs)));
  }
}
