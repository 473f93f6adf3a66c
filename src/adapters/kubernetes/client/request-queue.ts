import { pause } from './pause.ts';

/** Limits of the client's own throttle. */
export interface QueueLimits {
  /** Requests in flight at once. */
  concurrency: number;
  /** Of these, kept free for urgent ones. */
  reserved: number;
  /** Requests a second over time, and how many may come at once after a quiet time. */
  perSecond: number;
  burst: number;
}

interface Waiting {
  admit: () => void;
}

/**
 * Lets requests through in order, urgent ones first: cancel, cleanup and lease renewal are never starved by the rest.
 * Urgent requests are not held back by the rate either, but count for it.
 */
export class RequestQueue {
  readonly #limits: QueueLimits;
  readonly #urgent: Waiting[] = [];
  readonly #normal: Waiting[] = [];
  readonly #stopped = new AbortController();
  #inFlight = 0;
  #tokens: number;
  #filledAt = performance.now();
  #timing = false;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
    this.#tokens = limits.burst;
  }

  /** Waits for a turn. @returns a function that ends it, to be called exactly once */
  async enter(priority: 'urgent' | 'normal', signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const line = priority === 'urgent' ? this.#urgent : this.#normal;
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        const index = line.indexOf(entry);
        if (index >= 0) line.splice(index, 1);
        reject(signal.reason as Error);
      };
      const entry: Waiting = {
        admit: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      line.push(entry);
      this.#admit();
    });
    return () => {
      this.#inFlight -= 1;
      this.#admit();
    };
  }

  /** Wakes no waiter any more; used at the end of the process's work. */
  stop(): void {
    this.#stopped.abort();
  }

  #admit(): void {
    this.#fill();
    while (this.#urgent.length > 0 && this.#inFlight < this.#limits.concurrency) {
      this.#take(this.#urgent);
    }
    const free = this.#limits.concurrency - this.#limits.reserved;
    while (this.#normal.length > 0 && this.#inFlight < free && this.#tokens >= 1) {
      this.#take(this.#normal);
    }
    if (this.#normal.length > 0 && this.#tokens < 1) this.#admitLater();
  }

  #take(line: Waiting[]): void {
    this.#inFlight += 1;
    this.#tokens -= 1;
    line.shift()?.admit();
  }

  #fill(): void {
    const now = performance.now();
    const fresh = ((now - this.#filledAt) / 1000) * this.#limits.perSecond;
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + fresh);
    this.#filledAt = now;
  }

  #admitLater(): void {
    if (this.#timing) return;
    this.#timing = true;
    const waitMs = ((1 - this.#tokens) / this.#limits.perSecond) * 1000;
    void pause(Math.max(1, waitMs), this.#stopped.signal).then(
      () => {
        this.#timing = false;
        this.#admit();
      },
      () => undefined, // stopped: there are no waiters any more
    );
  }
}
