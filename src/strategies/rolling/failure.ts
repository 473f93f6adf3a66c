import type { ObservedWorkload, Problem } from '../strategy.ts';
import type { RollingSettings } from './settings.ts';

/**
 * Milliseconds that what often passes by itself may last: a registry that hiccups, a Secret or an object that comes late.
 * The creation of pods is refused, too, by an API server that has just started and does not know its service accounts
 * yet; controllers ask again after pauses that double, the eleventh time after 10 s, the twelfth after 20 s.
 */
const grace = { imagePull: 15_000, configuration: 10_000, creation: 30_000, missing: 5000 } as const;

/** Milliseconds that a problem may last before it counts as a failure; Infinity: it only explains. */
export function graceMs(problem: Problem, { restartLimit = 1 }: RollingSettings): number {
  switch (problem.kind) {
    case 'imagePull':
      return problem.isFinal === true ? 0 : grace.imagePull;
    case 'configuration':
      // The kubelet may take longer than we do to find an API server that was away; the timeout bounds it.
      return problem.isPassing === true ? Infinity : grace.configuration;
    case 'creation':
      // The Deployment's progress deadline is the limit while its pods are being replaced.
      return problem.room === 'own' ? Infinity : grace.creation;
    case 'missing':
      return grace.missing;
    case 'crashLoop': {
      const { restarts = 0, backsOff = false } = problem;
      // Without CrashLoopBackOff the pod may just have been caught between two crashes: one more is awaited.
      return (backsOff ? restarts >= restartLimit : restarts > restartLimit + 1) ? 0 : Infinity;
    }
    case 'unschedulable':
      // A cluster autoscaler may bring a node.
      return Infinity;
    case 'restarted':
    case 'unready':
      // Whether they become available again decides.
      return Infinity;
    case 'deadline':
    case 'failed':
      return 0;
  }
}

/** The first problem that has lasted longer than it may; a workload that is complete has none. */
export function failureOf(
  workloads: readonly ObservedWorkload[],
  settings: RollingSettings,
): Problem | undefined {
  return workloads
    .filter((workload) => !workload.complete)
    .flatMap((workload) => workload.problems)
    .find((problem) => problem.lastedMs >= limitMs(problem, workloads, settings));
}

/** Milliseconds until a problem that is there now would count; Infinity when none would. */
export function nextFailureMs(workloads: readonly ObservedWorkload[], settings: RollingSettings): number {
  const left = workloads.flatMap(({ problems }) =>
    problems.map((problem) => limitMs(problem, workloads, settings) - problem.lastedMs),
  );
  return Math.min(Infinity, ...left);
}

/** The grace time of a problem, seen with the other workloads of the release: pods of theirs may make room too. */
function limitMs(
  problem: Problem,
  workloads: readonly ObservedWorkload[],
  settings: RollingSettings,
): number {
  return problem.room === 'others' && workloads.length > 1 ? Infinity : graceMs(problem, settings);
}
