/** A Deployment's status and conditions, with the reasons and messages of the real controller. All pure. */
import { findCondition, withCondition, withoutCondition, withoutZeros } from './status.ts';
import { timestamp } from '../store/timestamp.ts';
import { rolloutLimits, type RolloutLimits } from './rollout-arithmetic.ts';
import type { Condition, Deployment, DeploymentStatus, ReplicaSet } from './workload-types.ts';
import type { Revisions } from './deployment-revisions.ts';

/** The value that kubectl and the controller take for «no deadline» (the largest 32-bit integer). */
const NO_DEADLINE = 2 ** 31 - 1;

/** Surge and unavailability of the Deployment's own strategy; Recreate has neither. */
export function limitsOf({ spec }: Deployment): RolloutLimits {
  if (spec.strategy.type !== 'RollingUpdate') return { replicas: spec.replicas, surge: 0, unavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy.rollingUpdate ?? {};
  return rolloutLimits(spec.replicas, maxSurge, maxUnavailable);
}

/** A Progressing, Available or ReplicaFailure condition as of now. */
export function deploymentCondition(
  condition: Omit<Condition, 'lastUpdateTime' | 'lastTransitionTime'>,
  nowMs: number,
): Condition {
  const at = timestamp(nowMs);
  return { ...condition, lastUpdateTime: at, lastTransitionTime: at };
}

/** The counts and the Available condition, from the ReplicaSets. */
export function countedStatus(
  deployment: Deployment,
  { newer, older }: Revisions,
  nowMs: number,
): DeploymentStatus {
  const all = newer === undefined ? older : [...older, newer];
  const count = (value: (replicaSet: ReplicaSet) => number | undefined): number =>
    all.reduce((sum, replicaSet) => sum + (value(replicaSet) ?? 0), 0);
  const available = count(({ status }) => status?.availableReplicas);
  const counts = {
    replicas: count(({ status }) => status?.replicas),
    updatedReplicas: newer?.status?.replicas ?? 0,
    readyReplicas: count(({ status }) => status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, count(({ spec }) => spec.replicas) - available),
  };
  const { replicas, unavailable } = limitsOf(deployment);
  const enough = available >= replicas - unavailable;
  const condition = deploymentCondition(
    {
      type: 'Available',
      status: enough ? 'True' : 'False',
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: `Deployment ${enough ? 'has' : 'does not have'} minimum availability.`,
    },
    nowMs,
  );
  const collisions = deployment.status?.collisionCount;
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...withoutZeros(counts),
    ...(collisions === undefined ? {} : { collisionCount: collisions }),
    conditions: withCondition(deployment.status?.conditions, condition),
  };
}

/** Whether every replica is updated and available and no other is left. */
export function isComplete({ spec, metadata }: Deployment, status: DeploymentStatus): boolean {
  return (
    (status.updatedReplicas ?? 0) === spec.replicas &&
    (status.replicas ?? 0) === spec.replicas &&
    (status.availableReplicas ?? 0) === spec.replicas &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  );
}

/** Whether the Deployment minds how long a rollout takes. */
export function hasProgressDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== NO_DEADLINE;
}

/** The status during a rollout: counts, and the Progressing condition moved on: complete, moving, or out of time. */
export function rolloutStatus(deployment: Deployment, revisions: Revisions, nowMs: number): DeploymentStatus {
  const status = countedStatus(deployment, revisions, nowMs);
  const progressing = progressCondition(deployment, status, revisions.newer, nowMs);
  if (!hasProgressDeadline(deployment))
    status.conditions = withoutCondition(status.conditions, 'Progressing');
  else if (progressing !== undefined) status.conditions = withProgress(status.conditions, progressing);
  const failure = replicaFailure(revisions);
  status.conditions =
    failure === undefined
      ? withoutCondition(status.conditions, 'ReplicaFailure')
      : withCondition(status.conditions, deploymentCondition(failure, nowMs));
  return status;
}

function progressCondition(
  deployment: Deployment,
  status: DeploymentStatus,
  newer: ReplicaSet | undefined,
  nowMs: number,
): Condition | undefined {
  const current = findCondition(deployment.status?.conditions, 'Progressing');
  const settled =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (!hasProgressDeadline(deployment) || settled) return undefined;
  const what =
    newer === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newer.metadata.name}"`;
  const say = (value: 'True' | 'False', reason: string, message: string): Condition =>
    deploymentCondition({ type: 'Progressing', status: value, reason, message: `${what} ${message}` }, nowMs);
  if (isComplete(deployment, status))
    return say('True', 'NewReplicaSetAvailable', 'has successfully progressed.');
  if (hasMoved(deployment.status ?? {}, status)) return say('True', 'ReplicaSetUpdated', 'is progressing.');
  if (deadlineMs(deployment, current) <= nowMs)
    return say('False', 'ProgressDeadlineExceeded', 'has timed out progressing.');
  return undefined;
}

/** Progress renews the update time even when nothing else of the condition changes: the deadline counts from it. */
function withProgress(conditions: readonly Condition[] | undefined, next: Condition): Condition[] {
  const current = findCondition(conditions, 'Progressing');
  if (next.reason !== 'ReplicaSetUpdated' || current?.reason !== next.reason)
    return withCondition(conditions, next);
  const { lastTransitionTime = next.lastTransitionTime ?? '' } =
    current.status === next.status ? current : next;
  return [...withoutCondition(conditions, 'Progressing'), { ...next, lastTransitionTime }];
}

function hasMoved(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number => replicas - updatedReplicas;
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

/** When the rollout runs out of time; never, while there is no condition to count from or it is paused or done. */
function deadlineMs({ spec }: Deployment, current: Condition | undefined): number {
  if (current?.lastUpdateTime === undefined || current.reason === 'NewReplicaSetAvailable') return Infinity;
  return Date.parse(current.lastUpdateTime) + (spec.progressDeadlineSeconds ?? NO_DEADLINE) * 1000;
}

/** Milliseconds until the deadline has to be looked at; undefined when it has not. */
export function progressCheckInMs(
  deployment: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): number | undefined {
  const current = findCondition(status.conditions, 'Progressing');
  if (!hasProgressDeadline(deployment) || isComplete(deployment, status)) return undefined;
  if (deployment.spec.paused === true || current?.reason === 'ProgressDeadlineExceeded') return undefined;
  const at = deadlineMs(deployment, current);
  return at === Infinity ? undefined : Math.max(0, at - nowMs) + 100;
}

function replicaFailure({ newer, older }: Revisions): Condition | undefined {
  const all = newer === undefined ? older : [newer, ...older];
  return all
    .map(({ status }) => findCondition(status?.conditions, 'ReplicaFailure'))
    .find((found) => found !== undefined);
}

/** The Progressing condition that tells of pausing or resuming, when that changed; a timeout told of is not overwritten. */
export function pauseCondition(deployment: Deployment, nowMs: number): Condition | undefined {
  const current = findCondition(deployment.status?.conditions, 'Progressing');
  const paused = deployment.spec.paused === true;
  if (!hasProgressDeadline(deployment) || current?.reason === 'ProgressDeadlineExceeded') return undefined;
  if (paused === (current?.reason === 'DeploymentPaused')) return undefined;
  return deploymentCondition(
    {
      type: 'Progressing',
      status: 'Unknown',
      reason: paused ? 'DeploymentPaused' : 'DeploymentResumed',
      message: `Deployment is ${paused ? 'paused' : 'resumed'}`,
    },
    nowMs,
  );
}
