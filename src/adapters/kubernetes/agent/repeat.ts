import type { Clock } from '../../../ports/clock.ts';
import {
  ClusterError,
  ForbiddenError,
  UnauthorizedError,
  UnreachableError,
} from '../../../ports/cluster-errors.ts';
import { retryDelay, startingMs } from '../client/retry.ts';
import type { KubernetesSettings } from '../settings.ts';
import { ConnectionLostError } from '../streams/connection-lost.ts';
import { lossBehind, type PodWitness } from './pod-loss.ts';

/** How often a connection may be lost in the middle of what it is for. */
const mostLosses = 5;

/** What repeating needs of the pod. */
export interface Repetition {
  monitor: PodWitness;
  settings: Pick<KubernetesSettings, 'retryBudgetMs'>;
  clock: Clock;
}

/**
 * Does with a pod what may be done again, and again where its connection was refused or lost: connections that were
 * open five times in all, refused ones within the retry budget, with growing pauses.
 * @param ask gets a signal that ends with the pod too
 * @throws AgentError when the pod is gone; the last error of `ask`; `signal.reason`
 */
export async function repeatWhereLost<T>(
  { monitor, settings, clock }: Repetition,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = AbortSignal.any([signal, monitor.failure]);
  const failures = new Failures(settings.retryBudgetMs);
  for (;;) {
    const startedAt = clock.monotonicMs();
    let waitMs: number | undefined;
    try {
      return await ask(either);
    } catch (error) {
      either.throwIfAborted();
      const now = clock.monotonicMs();
      if (!failures.mayPass(error, now)) throw await lossBehind(error, monitor, either);
      waitMs = failures.delayAfter(error, { startedAt, now });
      if (waitMs === undefined) throw error;
    }
    if (failures.count > 1) await confirm(monitor, either);
    await clock.sleep(waitMs, { signal: either });
  }
}

/** The failures of one thing that is repeated. */
class Failures {
  readonly #budgetMs: number;
  #losses = 0;
  /** Those since the last connection that was open. */
  #refusals = 0;
  #refusedSince = 0;
  #firstAt: number | undefined;

  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs;
  }

  get count(): number {
    return this.#losses + this.#refusals;
  }

  /** Whether an error may be another one, or none, the next time. */
  mayPass(error: unknown, now: number): error is ClusterError {
    if (error instanceof UnreachableError) return true;
    const refused = error instanceof ForbiddenError || error instanceof UnauthorizedError;
    // An API server that was away may not have read its rules and accounts yet.
    return refused && this.#firstAt !== undefined && now - this.#firstAt < startingMs;
  }

  /** Milliseconds to wait after one more; undefined when it is the last. */
  delayAfter(
    error: ClusterError,
    { startedAt, now }: { startedAt: number; now: number },
  ): number | undefined {
    this.#firstAt ??= now;
    const random = Math.random();
    if (error instanceof ConnectionLostError) {
      this.#losses += 1;
      this.#refusals = 0;
      if (this.#losses >= mostLosses) return undefined;
      return retryDelay({ error, attempt: this.#losses, elapsedMs: 0, budgetMs: this.#budgetMs, random });
    }
    if (this.#refusals === 0) this.#refusedSince = startedAt;
    this.#refusals += 1;
    const passing = error instanceof UnreachableError ? error : new UnreachableError(error.message);
    const elapsedMs = now - this.#refusedSince;
    return retryDelay({
      error: passing,
      attempt: this.#refusals,
      elapsedMs,
      budgetMs: this.#budgetMs,
      random,
    });
  }
}

/** A failed call may have met a pod that has gone. When the API cannot be asked now, the next attempt tells more. */
async function confirm(monitor: PodWitness, signal: AbortSignal): Promise<void> {
  try {
    await monitor.confirm(signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ClusterError)) throw error;
  }
}
