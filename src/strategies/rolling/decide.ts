import { keyOf } from '../workload-objects.ts';
import type { Decision, DecisionInput, Problem, ReleaseState, WorkloadState } from '../strategy.ts';

/** The phases of a rolling release: the way forward, then the way back. */
const phases = ['applying', 'progressing', 'cleaned', 'rollingBack', 'restoring', 'restored'] as const;
type RollingPhase = (typeof phases)[number];

/** The revision whose workloads are observed: the new one on the way forward, the stable one on the way back. */
export function followedRevision(state: ReleaseState): number | undefined {
  switch (phaseOf(state)) {
    case 'progressing':
    case 'cleaned':
      return state.revision;
    case 'restoring':
    case 'restored':
      return state.stable;
    case 'applying':
    case 'rollingBack':
      return undefined;
  }
}

/** The next decision of a rolling release. Worked examples: test/unit/strategies/rolling/decide.test.ts. */
export function decideRolling({ state, observed, now }: DecisionInput): Decision {
  switch (phaseOf(state)) {
    case 'applying':
      return {
        type: 'act',
        action: { type: 'apply', revision: state.revision },
        phase: 'progressing',
        message: `applying revision ${String(state.revision)}`,
      };
    case 'progressing':
      return progress(state, observed.workloads, now);
    case 'rollingBack':
      if (state.stable === undefined) return { type: 'halt', reason: state.reason ?? 'the release failed' };
      return {
        type: 'act',
        action: { type: 'apply', revision: state.stable },
        phase: 'restoring',
        message: `going back to revision ${String(state.stable)}`,
      };
    case 'restoring':
      return restore(state, observed.workloads, now);
    case 'cleaned':
    case 'restored':
      return { type: 'done' };
  }
}

function progress(state: ReleaseState, workloads: readonly WorkloadState[], now: number): Decision {
  const failure = failureOf(workloads, now);
  if (failure !== undefined) return back(state, failure.message, failure);
  if (workloads.every((workload) => workload.settled)) {
    const provenAt = Math.max(0, ...workloads.map((workload) => provenAtMs(workload, state)));
    if (now < provenAt) {
      return {
        type: 'wait',
        untilMs: provenAt,
        message: 'watching that new pods without a readinessProbe stay up',
      };
    }
    return {
      type: 'act',
      action: { type: 'cleanUp', revision: state.revision },
      phase: 'cleaned',
      message: 'all new pods are ready',
    };
  }
  const deadline = state.phaseStartedAt + state.timeoutMs;
  const paused = workloads.find((workload) => workload.paused);
  if (now >= deadline) {
    // A paused Deployment goes nowhere, neither forward nor back.
    if (paused !== undefined) return { type: 'halt', reason: pausedMessage(paused) };
    const cause = workloads.flatMap((workload) => workload.problems)[0];
    return back(state, overdue(state, workloads, cause), cause);
  }
  return {
    type: 'wait',
    untilMs: nextLook(workloads, deadline),
    message: paused === undefined ? progressMessage(workloads) : pausedMessage(paused),
  };
}

/** Milliseconds that changed pods without a readinessProbe must stay up: Kubernetes calls them ready before they crash. */
const provingMs = 5000;

function provenAtMs({ reference, unprobed, settledSinceMs }: WorkloadState, state: ReleaseState): number {
  const isChanged = state.generations[keyOf(reference)] !== undefined;
  return unprobed && isChanged ? (settledSinceMs ?? 0) + provingMs : 0;
}

function restore(state: ReleaseState, workloads: readonly WorkloadState[], now: number): Decision {
  if (workloads.every((workload) => workload.settled)) {
    return {
      type: 'act',
      action: { type: 'cleanUp', revision: state.stable ?? state.revision },
      phase: 'restored',
      message: 'all pods of the released revision are ready',
    };
  }
  const stuck = workloads.flatMap((workload) => workload.stuckPods);
  if (stuck.length > 0) {
    return {
      type: 'act',
      action: { type: 'deletePods', pods: stuck },
      phase: 'restoring',
      message: 'deleting pods of the failed revision that hold the way back up',
    };
  }
  const failure = failureOf(workloads, now);
  const deadline = state.phaseStartedAt + state.timeoutMs;
  if (failure !== undefined || now >= deadline) {
    const why = failure?.message ?? overdue(state, workloads, undefined);
    const reason = `${state.reason ?? 'the release failed'}; going back to revision ${String(state.stable)} failed too: ${why}`;
    return { type: 'halt', reason, ...(failure === undefined ? {} : { problem: failure }) };
  }
  return {
    type: 'wait',
    untilMs: nextLook(workloads, deadline),
    message: `going back: ${progressMessage(workloads)}`,
  };
}

function back(state: ReleaseState, reason: string, problem: Problem | undefined): Decision {
  const cause = problem === undefined ? {} : { problem };
  if (state.rollback === 'never') return { type: 'halt', reason: `${reason} (rollback: never)`, ...cause };
  if (state.stable === undefined) {
    return {
      type: 'halt',
      reason: `${reason}; this was the first release, there is nothing to go back to`,
      ...cause,
    };
  }
  return { type: 'rollBack', reason, ...cause };
}

/** The first problem that has lasted longer than it may. */
function failureOf(workloads: readonly WorkloadState[], now: number): Problem | undefined {
  return workloads
    .filter((workload) => !workload.settled)
    .flatMap((workload) => workload.problems)
    .find((problem) => now - problem.sinceMs >= problem.graceMs);
}

function nextLook(workloads: readonly WorkloadState[], deadline: number): number {
  const ends = workloads.flatMap((workload) => workload.problems.map((p) => p.sinceMs + p.graceMs));
  return Math.min(deadline, ...ends);
}

function overdue(
  state: ReleaseState,
  workloads: readonly WorkloadState[],
  cause: Problem | undefined,
): string {
  const time = `not done within ${String(Math.round(state.timeoutMs / 1000))} s`;
  return `${progressMessage(workloads)}: ${time}${cause === undefined ? '' : `; ${cause.message}`}`;
}

function pausedMessage(workload: WorkloadState): string {
  const { kind, name } = workload.reference;
  return `${kind} ${name} is paused: kubectl rollout resume ${kind.toLowerCase()}/${name} lets it go on`;
}

/** `web 2/3 new, 2 ready`, for each workload that is not settled. */
function progressMessage(workloads: readonly WorkloadState[]): string {
  return workloads
    .filter((workload) => !workload.settled)
    .map((workload) => {
      const { name } = workload.reference;
      if (workload.revision === undefined && workload.problems.length === 0)
        return `${name} not taken up yet`;
      const counts = `${String(workload.updated)}/${String(workload.desired)} new, ${String(workload.ready)} ready`;
      const explained = workload.problems[0] === undefined ? '' : ` (${workload.problems[0].message})`;
      return `${name} ${counts}${explained}`;
    })
    .join(', ');
}

function phaseOf(state: ReleaseState): RollingPhase {
  const phase = phases.find((known) => known === state.phase);
  // A record of a newer version or a broken one: nothing is guessed.
  if (phase === undefined) throw new TypeError(`a rolling release has no phase "${state.phase}"`);
  return phase;
}
