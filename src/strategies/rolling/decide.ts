import { defined } from '../../base/defined.ts';
import { keyOf } from '../../kubernetes/workload-objects.ts';
import type { Decision, DecisionInput, ObservedWorkload, Problem, ReleaseFacts } from '../strategy.ts';
import { failureOf, nextFailureMs } from './failure.ts';
import type { RollingSettings } from './settings.ts';
import type { RollingState } from './state.ts';

type Input = DecisionInput<RollingSettings, RollingState>;
type RollingDecision = Decision<RollingState>;

/** What the phases that watch pods decide from. */
type Watching = Omit<Input, 'observed' | 'state'> & { workloads: readonly ObservedWorkload[] };

const nothingBefore = 'this was the first release, there is nothing to roll back to';

/** Milliseconds until the next look at a cluster that does not answer. */
const unknownMs = 2000;

/** The next decision of a rolling release. Worked examples: test/unit/strategies/rolling/decide.test.ts. */
export function decideRolling(input: Input): RollingDecision {
  const { release, state, observed } = input;
  if (observed.type === 'unknown') {
    return { type: 'wait', forMs: unknownMs, message: `the cluster does not answer: ${observed.reason}` };
  }
  switch (state.phase) {
    case 'applying':
      return {
        type: 'act',
        action: { type: 'apply', revision: release.revision },
        next: { phase: 'progressing' },
        message: `applying revision ${String(release.revision)}`,
      };
    case 'progressing':
      return progress({ ...input, workloads: observed.workloads });
    case 'selected':
      return {
        type: 'act',
        action: { type: 'cleanUp', revision: release.revision },
        next: { phase: 'cleaned' },
        message: 'cleaning up',
      };
    case 'rollingBack':
      if (release.stable === undefined)
        return { type: 'halt', reason: `${release.reason ?? 'the release failed'}; ${nothingBefore}` };
      return {
        type: 'act',
        action: { type: 'apply', revision: release.stable },
        next: { phase: 'restoring' },
        message: `rolling back to revision ${String(release.stable)}`,
      };
    case 'restoring':
      return restore({ ...input, workloads: observed.workloads });
    case 'cleaned':
      return { type: 'done', outcome: 'released' };
    case 'restored':
      return { type: 'done', outcome: 'rolledBack' };
  }
}

function progress({ release, settings, workloads, phaseMs }: Watching): RollingDecision {
  const failure = failureOf(workloads, settings);
  if (failure !== undefined) return failed(release, failure.message, failure);
  if (workloads.every((workload) => workload.complete)) {
    const unprovenMs = Math.max(0, ...workloads.map((workload) => unprovenForMs(workload, release)));
    if (unprovenMs > 0) {
      return {
        type: 'wait',
        forMs: unprovenMs,
        message: 'watching that new pods without a readinessProbe stay up',
      };
    }
    return {
      type: 'act',
      action: { type: 'select', revision: release.revision },
      next: { phase: 'selected' },
      message: 'all new pods are available',
    };
  }
  const leftMs = release.timeoutMs - phaseMs;
  const paused = workloads.find((workload) => workload.paused);
  if (leftMs <= 0) {
    // A paused Deployment changes no pod, neither forward nor back.
    if (paused !== undefined) return { type: 'halt', reason: pausedMessage(paused) };
    const cause = workloads.flatMap((workload) => workload.problems)[0];
    return failed(release, overdue(release, workloads, cause), cause);
  }
  const stuck = workloads.flatMap((workload) => workload.stuckPods);
  if (stuck.length > 0) {
    return {
      type: 'act',
      action: { type: 'deletePods', pods: stuck },
      next: { phase: 'progressing' },
      message: 'deleting broken pods of an earlier revision that block the release',
    };
  }
  return {
    type: 'wait',
    forMs: Math.min(leftMs, nextFailureMs(workloads, settings)),
    message: paused === undefined ? progressMessage(workloads) : pausedMessage(paused),
  };
}

/** Milliseconds that changed pods without a readinessProbe must stay up: Kubernetes calls them ready before they crash. */
const provingMs = 5000;

function unprovenForMs(workload: ObservedWorkload, { generations }: ReleaseFacts): number {
  const { reference, withoutReadinessProbe, completeForMs = 0 } = workload;
  const isChanged = generations[keyOf(reference)] !== undefined;
  return withoutReadinessProbe && isChanged ? provingMs - completeForMs : 0;
}

function restore({ release, settings, workloads, phaseMs }: Watching): RollingDecision {
  if (workloads.every((workload) => workload.complete)) {
    return {
      type: 'act',
      action: { type: 'cleanUp', revision: release.stable ?? release.revision },
      next: { phase: 'restored' },
      message: 'all pods of the released revision are available',
    };
  }
  const leftMs = release.timeoutMs - phaseMs;
  const stuck = workloads.flatMap((workload) => workload.stuckPods);
  if (stuck.length > 0 && leftMs > 0) {
    return {
      type: 'act',
      action: { type: 'deletePods', pods: stuck },
      next: { phase: 'restoring' },
      message: 'deleting pods of the failed revision that block the rollback',
    };
  }
  const failure = failureOf(workloads, settings);
  if (failure !== undefined || leftMs <= 0) {
    const why = failure?.message ?? overdue(release, workloads, undefined);
    const reason = `${release.reason ?? 'the release failed'}; rolling back to revision ${String(release.stable)} failed too: ${why}`;
    return { type: 'halt', reason, ...defined({ problem: failure }) };
  }
  return {
    type: 'wait',
    forMs: Math.min(leftMs, nextFailureMs(workloads, settings)),
    message: `rolling back: ${progressMessage(workloads)}`,
  };
}

function failed(release: ReleaseFacts, reason: string, problem: Problem | undefined): RollingDecision {
  const cause = problem === undefined ? {} : { problem };
  if (release.rollback === 'never') return { type: 'halt', reason: `${reason} (rollback: never)`, ...cause };
  if (release.stable === undefined) {
    return {
      type: 'halt',
      reason: `${reason}; ${nothingBefore}`,
      ...cause,
    };
  }
  return { type: 'rollBack', reason, ...cause };
}

function overdue(
  { timeoutMs }: ReleaseFacts,
  workloads: readonly ObservedWorkload[],
  cause: Problem | undefined,
): string {
  const time = `not done within ${String(Math.round(timeoutMs / 1000))} s`;
  return `${progressMessage(workloads)}: ${time}${cause === undefined ? '' : `; ${cause.message}`}`;
}

function pausedMessage({ reference: { kind, name } }: ObservedWorkload): string {
  return `${kind} ${name} is paused: kubectl rollout resume ${kind.toLowerCase()}/${name} continues it`;
}

/** `web 2/3 new, 2 ready`, for each workload that is not complete. */
function progressMessage(workloads: readonly ObservedWorkload[]): string {
  return workloads
    .filter((workload) => !workload.complete)
    .map((workload) => {
      const { name } = workload.reference;
      if (workload.revision === undefined && workload.problems.length === 0)
        return `${name} not observed by its controller yet`;
      const counts = `${String(workload.updated)}/${String(workload.desired)} new, ${String(workload.ready)} ready`;
      const explained = workload.problems[0] === undefined ? '' : ` (${workload.problems[0].message})`;
      return `${name} ${counts}${explained}`;
    })
    .join(', ');
}
