import type { ObservedWorkload, Problem } from '../strategy.ts';

/** Milliseconds that new pods may not be ready after they were: a probe that fails under load for a moment passes. */
const unreadyMs = 30_000;

/**
 * What of the new pods' health ends a release that holds its Deployment: they serve beside the old ones so that it is
 * seen how they do. A rolling release goes by whether they become available.
 */
export function healthFailure(workloads: readonly ObservedWorkload[]): Problem | undefined {
  return workloads
    .filter(({ complete }) => !complete)
    .flatMap(({ problems }) => problems)
    .find(({ kind, lastedMs }) => kind === 'restarted' || (kind === 'unready' && lastedMs >= unreadyMs));
}
