import type { Clock } from '../../src/ports/clock.ts';

/** Sleepers that a clock wakes before its time stands still; the longest test needs some 14,000. */
const mostWoken = 50_000;

/**
 * A clock whose time passes by itself as soon as nothing else can happen: the next sleeper is woken when all promises
 * have settled. Hours pass in milliseconds, in an order that is the same every time. It stops where a test waits in vain
 * while leases are renewed for ever.
 */
export class VirtualClock implements Clock {
  #time: number;
  readonly #sleepers = new Set<{ at: number; order: number; wake: () => void }>();
  #order = 0;
  #ticking = false;
  #woken = 0;
  readonly #stopped = Promise.withResolvers<never>();

  constructor(start = 1_700_000_000_000) {
    this.#time = start;
    this.#stopped.promise.catch(() => undefined); // not every test looks
  }

  /** The promise's result; rejects when time stands still before. */
  unlessStopped<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#stopped.promise]);
  }

  /** What the machine's wall clock is wrong by; a test sets it to make that clock jump. */
  wallShiftMs = 0;

  /** How many wait for their time. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  now(): number {
    return this.#time + this.wallShiftMs;
  }

  monotonicMs(): number {
    return this.#time;
  }

  sleep(ms: number, { signal }: { signal: AbortSignal }): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const done = () => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        done();
        reject(signal.reason as Error);
      };
      const wake = () => {
        done();
        resolve();
      };
      const sleeper = { at: this.#time + ms, order: this.#order++, wake };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.add(sleeper);
      this.#schedule();
    });
  }

  /** Who is to be woken next: of those of one moment the one that has slept longest. */
  #next() {
    let next: { at: number; order: number; wake: () => void } | undefined;
    for (const sleeper of this.#sleepers)
      if (
        next === undefined ||
        sleeper.at < next.at ||
        (sleeper.at === next.at && sleeper.order < next.order)
      )
        next = sleeper;
    return next;
  }

  #schedule(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      const next = this.#next();
      if (next === undefined) return;
      if ((this.#woken += 1) > mostWoken) {
        this.#stopped.reject(new Error(`${String(mostWoken)} sleepers were woken: the test waits in vain`));
        return;
      }
      this.#time = Math.max(this.#time, next.at);
      next.wake();
      if (this.#sleepers.size > 0) this.#schedule();
    });
  }
}
