import { type ClusterError, UnreachableError } from '../../../ports/cluster-errors.ts';
import { isTlsRefusal } from './errors.ts';

/** What is known when a request has failed. */
export interface Failure {
  error: ClusterError;
  /** Counted from 1. */
  attempt: number;
  /** Milliseconds since the first attempt. */
  elapsedMs: number;
  /** Milliseconds that failures may take in all. */
  budgetMs: number;
  /** 0 ≤ random < 1. */
  random: number;
}

/** Milliseconds in which an API server that has just started may refuse what it allows: it has not read its rules and accounts yet. */
export const startingMs = 30_000;

/** A call that fails inside the server (500) is seldom mended by waiting long: an admission webhook that is down. */
const internalErrorBudgetMs = 30_000;

/**
 * Whether and when to try again: 429, 5xx and lost connections, with exponential backoff (0.2 s doubled up to 5 s, half of it random),
 * never earlier than Retry-After says, never beyond the budget.
 * @returns milliseconds to wait; undefined when the failure is final
 */
export function retryDelay(failure: Failure): number | undefined {
  const { error, attempt, elapsedMs, random } = failure;
  if (!(error instanceof UnreachableError) || isTlsRefusal(error.cause)) return undefined;
  const budgetMs =
    error.status === 500 ? Math.min(failure.budgetMs, internalErrorBudgetMs) : failure.budgetMs;
  const ceiling = Math.min(5000, 200 * 2 ** Math.min(attempt - 1, 10));
  const wait = Math.max(error.retryAfterMs ?? 0, ceiling / 2 + (ceiling / 2) * random);
  return elapsedMs + wait > budgetMs ? undefined : wait;
}
