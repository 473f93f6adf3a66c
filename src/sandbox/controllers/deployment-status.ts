import { defined } from '../../base/defined.ts';
/** A Deployment's status and conditions, with the reasons and messages of the real controller. All pure. */
import { timestamp } from '../store/timestamp.ts';
import { rolloutLimits, type RolloutLimits } from './rollout-arithmetic.ts';
import { findCondition, withCondition, withoutCondition, withoutZeros } from './status.ts';
import type { Condition, Deployment, DeploymentStatus, ReplicaSet } from './workload-types.ts';

/** A Deployment's ReplicaSets: the one with its template, if there is one, and the others. */
export interface Revisions {
  newer: ReplicaSet | undefined;
  older: ReplicaSet[];
}

/** The value that kubectl and the controller take for «no deadline» (the largest 32-bit integer). */
const noDeadline = 2 ** 31 - 1;

/** Surge and unavailability of the Deployment's own strategy; Recreate has neither. */
export function limitsOf({ spec }: Deployment): RolloutLimits {
  if (spec.strategy.type !== 'RollingUpdate') return { replicas: spec.replicas, surge: 0, unavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy.rollingUpdate ?? {};
  return rolloutLimits(spec.replicas, maxSurge, maxUnavailable);
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
  const { replicas, unavailable } = limitsOf(deployment);
  const isEnough = available >= replicas - unavailable;
  const { collisionCount, conditions } = deployment.status ?? {};
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...withoutZeros({
      replicas: count(({ status }) => status?.replicas),
      updatedReplicas: newer?.status?.replicas ?? 0,
      readyReplicas: count(({ status }) => status?.readyReplicas),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, count(({ spec }) => spec.replicas) - available),
    }),
    ...defined({ collisionCount }),
    conditions: withCondition(conditions, {
      type: 'Available',
      status: isEnough ? 'True' : 'False',
      reason: isEnough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: `Deployment ${isEnough ? 'has' : 'does not have'} minimum availability.`,
      ...timesOf(nowMs),
    }),
  };
}

function timesOf(nowMs: number): Pick<Condition, 'lastUpdateTime' | 'lastTransitionTime'> {
  return { lastUpdateTime: timestamp(nowMs), lastTransitionTime: timestamp(nowMs) };
}

/** Whether every replica is updated and available and no other is left. */
export function isComplete({ spec, metadata }: Deployment, status: DeploymentStatus): boolean {
  const counts = [status.updatedReplicas, status.replicas, status.availableReplicas];
  return (
    counts.every((count = 0) => count === spec.replicas) &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  );
}

/** Whether the Deployment minds how long a rollout takes. */
function hasProgressDeadline({ spec }: Deployment): boolean {
  return (spec.progressDeadlineSeconds ?? noDeadline) !== noDeadline;
}

function progressOf({ status }: Pick<Deployment, 'status'>): Condition | undefined {
  return findCondition(status?.conditions, 'Progressing');
}

/** The Deployment with its Progressing condition telling of something. */
export function withProgressReported(
  deployment: Deployment,
  nowMs: number,
  reported: Pick<Condition, 'reason' | 'message'> & Partial<Condition>,
): Deployment {
  if (!hasProgressDeadline(deployment)) return deployment;
  const condition = { type: 'Progressing', status: 'True' as const, ...reported, ...timesOf(nowMs) };
  const conditions = withCondition(deployment.status?.conditions, condition);
  return { ...deployment, status: { ...deployment.status, conditions } };
}

/** The Deployment telling that its ReplicaSet was there already, unless it tells of its progress. */
export function withFoundReported(
  deployment: Deployment,
  newer: ReplicaSet | undefined,
  nowMs: number,
): Deployment {
  if (newer === undefined || progressOf(deployment) !== undefined) return deployment;
  const message = `Found new replica set "${newer.metadata.name}"`;
  return withProgressReported(deployment, nowMs, { reason: 'FoundNewReplicaSet', message });
}

/** The Deployment reporting that it was paused or resumed, when that changed; a reported timeout is not overwritten. */
export function withPauseReported(deployment: Deployment, nowMs: number): Deployment {
  const reason = progressOf(deployment)?.reason;
  const paused = deployment.spec.paused === true;
  if (reason === 'ProgressDeadlineExceeded' || paused === (reason === 'DeploymentPaused')) return deployment;
  return withProgressReported(deployment, nowMs, {
    status: 'Unknown',
    reason: paused ? 'DeploymentPaused' : 'DeploymentResumed',
    message: `Deployment is ${paused ? 'paused' : 'resumed'}`,
  });
}

/**
 * The status during a rollout: counts, and the Progressing condition moved on: complete, moving, or out of time; with
 * the milliseconds until the deadline has to be looked at.
 */
export function rolloutStatus(
  deployment: Deployment,
  revisions: Revisions,
  nowMs: number,
): { status: DeploymentStatus; againInMs: number } {
  const status = countedStatus(deployment, revisions, nowMs);
  const progress = nextProgress(deployment, status, revisions.newer, nowMs);
  if (!hasProgressDeadline(deployment))
    status.conditions = withoutCondition(status.conditions, 'Progressing');
  else if (progress !== undefined) status.conditions = withProgress(status.conditions, progress);
  const failure = [revisions.newer, ...revisions.older]
    .map((replicaSet) => findCondition(replicaSet?.status?.conditions, 'ReplicaFailure'))
    .find((found) => found !== undefined);
  status.conditions =
    failure === undefined
      ? withoutCondition(status.conditions, 'ReplicaFailure')
      : withCondition(status.conditions, { ...failure, ...timesOf(nowMs) });
  return { status, againInMs: progressCheckInMs(deployment, status, nowMs) };
}

function nextProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  newer: ReplicaSet | undefined,
  nowMs: number,
): Condition | undefined {
  const current = progressOf(deployment);
  const isSettled =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (isSettled) return undefined;
  const what =
    newer === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newer.metadata.name}"`;
  const progressing = (value: 'True' | 'False', reason: string, words: string): Condition => ({
    type: 'Progressing',
    status: value,
    reason,
    message: `${what} ${words}`,
    ...timesOf(nowMs),
  });
  if (isComplete(deployment, status))
    return progressing('True', 'NewReplicaSetAvailable', 'has successfully progressed.');
  if (hasMoved(deployment.status ?? {}, status))
    return progressing('True', 'ReplicaSetUpdated', 'is progressing.');
  if (deadlineMs(deployment, current) <= nowMs)
    return progressing('False', 'ProgressDeadlineExceeded', 'has timed out progressing.');
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
  const grew = (['updatedReplicas', 'readyReplicas', 'availableReplicas'] as const).some(
    (count) => (after[count] ?? 0) > (before[count] ?? 0),
  );
  return grew || old(after) < old(before);
}

/** When the rollout runs out of time; never, while there is no condition to count from or it is paused or done. */
function deadlineMs({ spec }: Deployment, current: Condition | undefined): number {
  if (current?.lastUpdateTime === undefined || current.reason === 'NewReplicaSetAvailable') return Infinity;
  return Date.parse(current.lastUpdateTime) + (spec.progressDeadlineSeconds ?? noDeadline) * 1000;
}

function progressCheckInMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number {
  const current = progressOf({ status });
  const isOver = isComplete(deployment, status) || current?.reason === 'ProgressDeadlineExceeded';
  if (!hasProgressDeadline(deployment) || isOver) return Infinity;
  return Math.max(0, deadlineMs(deployment, current) - nowMs) + 100;
}
