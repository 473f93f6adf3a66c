import type { Clock } from '../ports/clock.ts';

/**
 * Time as a release counts it: by a clock that does not jump, and only while the API answers. Nothing is known of the
 * pods while it does not, so an outage is not held against them.
 */
export class AnsweredTime {
  readonly #clock: Clock;
  #lastMs: number;
  #answeredMs = 0;
  #unansweredMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastMs = clock.monotonicMs();
  }

  /** Milliseconds in which the API answered. */
  get ms(): number {
    return this.#answeredMs;
  }

  /** Milliseconds since the API answered last; 0 while it does. */
  get unansweredMs(): number {
    return this.#unansweredMs;
  }

  /** The API answers: the time since the last call counts. */
  answered(): void {
    this.#answeredMs += this.#elapsed();
    this.#unansweredMs = 0;
  }

  /** The API does not answer: the time since the last call does not count. */
  unanswered(): void {
    this.#unansweredMs += this.#elapsed();
  }

  /** The release did something else than look, which may have waited for the API: that time does not count. */
  skip(): void {
    this.#elapsed();
  }

  #elapsed(): number {
    const now = this.#clock.monotonicMs();
    const elapsed = now - this.#lastMs;
    this.#lastMs = now;
    return elapsed;
  }
}
