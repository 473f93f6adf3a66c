import type { Clock } from '../../../src/ports/clock.ts';

interface Timer {
  at: number;
  order: number;
  fire: (() => void) | undefined;
}

const startMs = 1_700_000_000_000;

/**
 * The time of a simulated world: the next timer fires as soon as nothing else can happen. While it is installed, this
 * realm's timers, `performance.now`, `Date.now` and `AbortSignal.timeout` are its own, so that adapters which were
 * written for the machine's clock run in it, too.
 */
export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  #heap: Timer[] = [];
  #ticking = false;
  #ended = false;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Calls back after `ms`; returns what takes the timer back. */
  after(ms: number, fire: () => void): () => void {
    const timer: Timer = { at: this.#nowMs + Math.max(0, ms), order: this.#order++, fire };
    this.#push(timer);
    this.#schedule();
    return () => {
      timer.fire = undefined;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** A clock of a machine in this world; `wallShiftMs` says what its wall clock is wrong by. */
  clock(wallShiftMs: () => number = () => 0): Clock {
    return {
      now: () => startMs + this.#nowMs + wallShiftMs(),
      monotonicMs: () => this.#nowMs,
      sleep: (ms, { signal }) =>
        new Promise((resolve, reject) => {
          if (signal.aborted) {
            reject(signal.reason as Error);
            return;
          }
          const onAbort = () => {
            cancel();
            reject(signal.reason as Error);
          };
          const cancel = this.after(ms, () => {
            signal.removeEventListener('abort', onAbort);
            resolve();
          });
          signal.addEventListener('abort', onAbort, { once: true });
        }),
    };
  }

  /** Fires no timer any more: whatever still waits is left to the garbage collector. */
  end(): void {
    this.#ended = true;
    this.#heap = [];
  }

  /** Replaces the realm's timers; returns what puts them back. */
  install(): () => void {
    const { setTimeout, clearTimeout, performance, AbortSignal } = globalThis;
    const { now } = Date;
    const time = this as VirtualTime;
    globalThis.setTimeout = ((fire: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      new VirtualTimeout(this, ms, () => fire(...args))) as unknown as typeof setTimeout;
    globalThis.clearTimeout = (timeout: unknown) => {
      if (timeout instanceof VirtualTimeout) timeout.clear();
    };
    globalThis.performance = { now: () => this.#nowMs } as typeof performance;
    Date.now = () => startMs + this.#nowMs;
    globalThis.AbortSignal = class extends AbortSignal {
      static override timeout(ms: number): AbortSignal {
        const controller = new AbortController();
        const abort = () => controller.abort(new DOMException('timed out', 'TimeoutError'));
        time.after(ms, abort);
        return controller.signal;
      }
    };
    return () => {
      Object.assign(globalThis, { setTimeout, clearTimeout, performance, AbortSignal });
      Date.now = now;
    };
  }

  #schedule(): void {
    if (this.#ticking || this.#ended) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      const next = this.#pop();
      if (next === undefined) return;
      this.#nowMs = Math.max(this.#nowMs, next.at);
      next.fire?.();
      if (this.#heap.length > 0) this.#schedule();
    });
  }

  /** The next timer that was not taken back. */
  #pop(): Timer | undefined {
    for (;;) {
      const heap = this.#heap;
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (last !== first) {
        heap[0] = last;
        this.#sink(0);
      }
      if (first.fire !== undefined) return first;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isEarlier(heap[parent]!, timer)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const timer = heap[from]!;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child += 1;
      if (isEarlier(timer, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = timer;
  }
}

class VirtualTimeout {
  readonly #time: VirtualTime;
  readonly #ms: number;
  readonly #fire: () => void;
  #cancel: () => void;

  constructor(time: VirtualTime, ms: number, fire: () => void) {
    this.#time = time;
    this.#ms = ms;
    this.#fire = fire;
    this.#cancel = time.after(ms, fire);
  }

  clear(): void {
    this.#cancel();
  }

  refresh(): this {
    this.#cancel();
    this.#cancel = this.#time.after(this.#ms, this.#fire);
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

function isEarlier(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
