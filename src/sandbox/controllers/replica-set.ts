import { withCondition, withoutCondition, withoutZeros, writeStatus } from './status.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { timestamp } from '../store/timestamp.ts';
import { claim } from './ownership.ts';
import { createPod, deletePod, workloadController } from './pod-control.ts';
import { compareForDeletion, isActive, isAvailable, isReady, nextAvailableInMs } from './pod-facts.ts';
import { mapMatches } from './selectors.ts';
import type { Condition, Pod, ReplicaSet, ReplicaSetStatus } from './workload-types.ts';
import type { WorkResult } from './work-queue.ts';

const COMPONENT = 'replicaset-controller';

/** Keeps as many pods as a ReplicaSet wants: creates, deletes the least useful first, adopts, and counts. */
export function replicaSetController(context: ControllerContext): Controller {
  return workloadController<ReplicaSet>(
    context,
    { kind: 'ReplicaSet', group: 'apps', component: COMPONENT },
    (replicaSet) => reconcileReplicaSet(context, replicaSet),
  );
}

function reconcileReplicaSet(context: ControllerContext, replicaSet: ReplicaSet): WorkResult {
  const { objects, now } = context;
  const pods = claim<Pod>(objects, replicaSet, 'Pod', replicaSet.spec.selector).filter(isActive);
  const going = replicaSet.metadata.deletionTimestamp !== undefined;
  const failure = going ? undefined : changePods(context, replicaSet, pods);
  // The status counts the pods as they were: the change brings this ReplicaSet here again.
  writeStatus(objects, replicaSet, replicaSetStatus(replicaSet, pods, failure, now()));
  if (failure !== undefined) throw failure;
  return nextAvailableInMs(pods, replicaSet.spec.minReadySeconds ?? 0, now());
}

function changePods(
  context: ControllerContext,
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
): Error | undefined {
  const missing = replicaSet.spec.replicas - pods.length;
  try {
    for (let count = 0; count < missing; count += 1) {
      createPod(context, replicaSet, replicaSet.spec.template, { component: COMPONENT });
    }
    for (const pod of [...pods].sort(compareForDeletion).slice(0, Math.max(0, -missing))) {
      deletePod(context, replicaSet, pod, COMPONENT);
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** A ReplicaSet's status from its active pods. */
export function replicaSetStatus(
  { spec, status, metadata }: ReplicaSet,
  pods: readonly Pod[],
  failure: Error | undefined,
  nowMs: number,
): ReplicaSetStatus {
  const counts = {
    fullyLabeledReplicas: pods.filter((pod) =>
      mapMatches(spec.template.metadata?.labels, pod.metadata.labels),
    ).length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: pods.filter((pod) => isAvailable(pod, spec.minReadySeconds ?? 0, nowMs)).length,
  };
  const conditions = failureConditions(status?.conditions, spec.replicas < pods.length, failure, nowMs);
  return {
    replicas: pods.length,
    ...withoutZeros(counts),
    observedGeneration: metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

function failureConditions(
  current: readonly Condition[] | undefined,
  deleting: boolean,
  failure: Error | undefined,
  nowMs: number,
): Condition[] {
  if (failure === undefined) return withoutCondition(current, 'ReplicaFailure');
  return withCondition(current, {
    type: 'ReplicaFailure',
    status: 'True',
    reason: deleting ? 'FailedDelete' : 'FailedCreate',
    message: failure.message,
    lastTransitionTime: timestamp(nowMs),
  });
}
