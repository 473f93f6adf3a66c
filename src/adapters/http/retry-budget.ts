const most = 20;
const least = most / 2;
const perSuccess = 0.2;

/**
 * Limits further attempts at a server that fails most of the time, so that clients do not hold it down. The rule is
 * gRPC's retry throttling: a failure takes one token, a success gives a part of one, and below half there are no more
 * attempts. https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs
 */
export class RetryBudget {
  readonly #tokens = new Map<string, number>();

  /** A request to the origin failed. @returns whether it may be tried again */
  failed(origin: string): boolean {
    const left = Math.max(0, this.#left(origin) - 1);
    this.#tokens.set(origin, left);
    return left > least;
  }

  succeeded(origin: string): void {
    const left = this.#left(origin) + perSuccess;
    if (left >= most) this.#tokens.delete(origin);
    else this.#tokens.set(origin, left);
  }

  #left(origin: string): number {
    return this.#tokens.get(origin) ?? most;
  }
}
