import type { Clock } from '../../../ports/clock.ts';

/** Calls `expire` once when it was not refreshed for `limitMs` milliseconds of its clock. To be stopped by its owner. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #stopped = new AbortController();
  #refreshedAt: number;
  #held = false;

  constructor(clock: Clock, limitMs: number, expire: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#refreshedAt = clock.monotonicMs();
    void this.#wait(expire);
  }

  /** Begins the time anew; ends a hold. */
  refresh(): void {
    this.#held = false;
    this.#refreshedAt = this.#clock.monotonicMs();
  }

  /** Does not expire until the next refresh. */
  hold(): void {
    this.#held = true;
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** One sleep a period, not one a refresh: output of many small pieces refreshes often. */
  async #wait(expire: () => void): Promise<void> {
    const { signal } = this.#stopped;
    let leftMs = this.#limitMs;
    while (leftMs > 0) {
      try {
        await this.#clock.sleep(leftMs, { signal });
      } catch {
        return; // stopped
      }
      const idleMs = this.#held ? 0 : this.#clock.monotonicMs() - this.#refreshedAt;
      leftMs = this.#limitMs - idleMs;
    }
    expire();
  }
}
