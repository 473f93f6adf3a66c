import * as status from './deployment-status.ts';
import type { Inventory } from './inventory.ts';
import {
  adjust,
  ageOf,
  changes,
  desiredReplicasAnnotation,
  isActive,
  newReplicaSet,
  numberIn,
  revisionAnnotation,
  revisionOf,
  scaledEvent,
  sizeOf,
} from './deployment-replica-sets.ts';
import { isTerminating, remove, type Action, type Plan, type World } from './plan.ts';
import { hasEnded } from './pod-facts.ts';
import { nextRollingStep, proportionalSizes } from './rollout-arithmetic.ts';
import type { Sizes } from './rollout-arithmetic.ts';
import { sameTemplate } from './template-hash.ts';
import type { Deployment, Pod, ReplicaSet } from './workload-types.ts';

/** Rolls Deployments out: by surge and unavailability or by Recreate; scales, pauses, keeps revisions, tells of progress. */
export function planDeployment(
  found: Deployment,
  { cluster, nowMs }: World,
  replicaSets: readonly ReplicaSet[],
): Plan {
  const revisions = splitRevisions(found, replicaSets);
  if (isTerminating(found)) return { status: status.countedStatus(found, revisions, nowMs) };
  const deployment = status.withPauseReported(found, nowMs);
  const { paused, replicas } = deployment.spec;
  const isScaled = replicaSets.some(
    (one) => one.spec.replicas > 0 && numberIn(one, desiredReplicasAnnotation) !== replicas,
  );
  if (paused === true || isScaled) return planScale(deployment, revisions, nowMs);
  return planRollout(deployment, revisions, cluster, nowMs);
}

/** Splits the ReplicaSets; of several with the Deployment's template the oldest is the new one. */
function splitRevisions(deployment: Deployment, replicaSets: readonly ReplicaSet[]): status.Revisions {
  const byAge = [...replicaSets].sort((left, right) => ageOf(left) - ageOf(right));
  const newer = byAge.find((replicaSet) => sameTemplate(replicaSet.spec.template, deployment.spec.template));
  return { newer, older: byAge.filter((replicaSet) => replicaSet !== newer) };
}

/** Brings a paused Deployment, or one whose size changed, to its size without rolling anything out. */
function planScale(deployment: Deployment, revisions: status.Revisions, nowMs: number): Plan {
  const after = adjust(deployment, revisions, scaleSizes(deployment, revisions));
  return {
    actions: [
      ...changes(revisions, after),
      ...writeRevision(deployment, after.newer),
      ...(deployment.spec.paused === true ? prune(deployment, revisions.older) : []),
    ],
    status: status.countedStatus(status.withFoundReported(deployment, after.newer, nowMs), after, nowMs),
  };
}

/** The sizes after a change of `spec.replicas`: all to the one that is active or newest, or in proportion during a rollout. */
function scaleSizes(deployment: Deployment, { newer, older }: status.Revisions): Sizes {
  const { replicas, strategy } = deployment.spec;
  const active = [...older, ...(newer === undefined ? [] : [newer])].filter(isActive);
  const only = active.length === 0 ? (newer ?? older.at(-1)) : active.length === 1 ? active[0] : undefined;
  if (only !== undefined) return new Map([[only.metadata.name, replicas]]);
  const isSaturated =
    newer?.spec.replicas === replicas &&
    numberIn(newer, desiredReplicasAnnotation) === replicas &&
    (newer.status?.availableReplicas ?? 0) === replicas;
  if (isSaturated) return toZero(older.filter(isActive));
  if (strategy.type !== 'RollingUpdate') return new Map();
  return proportionalSizes(status.limitsOf(deployment), active.map(sizeOf), deployment.status?.replicas ?? 0);
}

function toZero(replicaSets: readonly ReplicaSet[]): Sizes {
  return new Map(replicaSets.map(({ metadata }) => [metadata.name, 0]));
}

function planRollout(
  deployment: Deployment,
  revisions: status.Revisions,
  cluster: Inventory,
  nowMs: number,
): Plan {
  const { newer, older } = revisions;
  const active = older.filter(isActive);
  const recreate = deployment.spec.strategy.type === 'Recreate';
  const waits = recreate && (active.length > 0 || older.some((replicaSet) => podsRun(cluster, replicaSet)));
  if (newer === undefined && !waits) return planFirst(deployment, revisions, cluster, nowMs);
  const step = (): Sizes =>
    newer === undefined || waits
      ? toZero(active)
      : recreate
        ? new Map([[newer.metadata.name, deployment.spec.replicas]])
        : nextRollingStep(status.limitsOf(deployment), sizeOf(newer), active.map(sizeOf));
  const after = adjust(deployment, revisions, step(), !waits);
  const reported = waits ? deployment : status.withFoundReported(deployment, after.newer, nowMs);
  const isDone = !waits && status.isComplete(deployment, deployment.status ?? {});
  return {
    actions: [
      ...changes(revisions, after),
      ...(waits ? [] : writeRevision(deployment, after.newer)),
      ...(isDone ? prune(deployment, older) : []),
    ],
    ...status.rolloutStatus(reported, after, nowMs),
  };
}

function podsRun(cluster: Inventory, { metadata }: ReplicaSet): boolean {
  return cluster.dependentsOf(metadata.uid).some((pod) => pod.kind === 'Pod' && !hasEnded(pod as Pod));
}

/** Makes the new ReplicaSet; a name that is taken by another template counts as a collision. */
function planFirst(
  deployment: Deployment,
  { older }: status.Revisions,
  cluster: Inventory,
  nowMs: number,
): Plan {
  const { status: seen, metadata } = deployment;
  const wanted = newReplicaSet(deployment, older);
  const { name } = wanted.metadata;
  const { namespace = 'default' } = metadata;
  const taken = cluster.get<ReplicaSet>({ kind: 'ReplicaSet', group: 'apps', namespace, name });
  if (taken !== undefined) {
    const isSame = sameTemplate(taken.spec.template, deployment.spec.template);
    const collisionCount = (seen?.collisionCount ?? 0) + 1;
    const next = isSame ? deployment : { ...deployment, status: { ...seen, collisionCount } };
    return status.rolloutStatus(next, { newer: undefined, older }, nowMs);
  }
  const message = `Created new replica set "${name}"`;
  const reported = status.withProgressReported(deployment, nowMs, {
    reason: 'NewReplicaSetCreated',
    message,
  });
  return {
    actions: [
      { act: 'create', object: wanted },
      ...(isActive(wanted) ? [scaledEvent(wanted, 'up')] : []),
      ...writeRevision(deployment, wanted),
    ],
    ...status.rolloutStatus(reported, { newer: wanted, older }, nowMs),
  };
}

/** Writes the new ReplicaSet's revision on the Deployment. */
function writeRevision(deployment: Deployment, newer: ReplicaSet | undefined): Action[] {
  if (newer === undefined || revisionOf(deployment) === revisionOf(newer)) return [];
  const change = ({ metadata }: Deployment): void => {
    metadata.annotations = { ...metadata.annotations, [revisionAnnotation]: String(revisionOf(newer)) };
  };
  return [{ act: 'change', object: deployment, change }];
}

/** Deletes the old ReplicaSets beyond the history limit that are done: no pods, nothing unseen, not going already. */
function prune({ spec }: Deployment, older: readonly ReplicaSet[]): Action[] {
  const alive = older.filter((replicaSet) => !isTerminating(replicaSet));
  const surplus = alive.length - (spec.revisionHistoryLimit ?? Infinity);
  return alive
    .sort((left, right) => revisionOf(left) - revisionOf(right))
    .slice(0, Math.max(0, surplus))
    .filter(
      (one) =>
        !isActive(one) &&
        (one.status?.replicas ?? 0) === 0 &&
        (one.metadata.generation ?? 0) <= (one.status?.observedGeneration ?? 0),
    )
    .map(remove);
}
