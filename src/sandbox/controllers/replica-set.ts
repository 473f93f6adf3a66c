import { timestamp } from '../store/timestamp.ts';
import { createPod, isTerminating, remove, type Plan, type World } from './plan.ts';
import { compareForDeletion, countReady, isActive, nextAvailableInMs } from './pod-facts.ts';
import { mapMatches } from './selectors.ts';
import { withCondition, withoutCondition, withoutZeros } from './status.ts';
import type { Pod, ReplicaSet, ReplicaSetStatus } from './workload-types.ts';

/** Keeps as many pods as a ReplicaSet wants: makes what is missing, deletes the least useful first, and counts. */
export function planReplicaSet(replicaSet: ReplicaSet, { nowMs }: World, owned: readonly Pod[]): Plan {
  const pods = owned.filter(isActive);
  const { replicas, template, minReadySeconds = 0 } = replicaSet.spec;
  const missing = isTerminating(replicaSet) ? 0 : replicas - pods.length;
  const surplus = pods.sort(compareForDeletion).slice(0, Math.max(0, -missing));
  // The status counts the pods as they were: the change brings this ReplicaSet here again.
  const status = (failure?: Error): ReplicaSetStatus => statusOf(replicaSet, pods, nowMs, failure);
  return {
    actions: [
      ...Array.from({ length: Math.max(0, missing) }, () => createPod(replicaSet, template)),
      ...surplus.map(remove),
    ],
    status: status(),
    failed: status,
    againInMs: nextAvailableInMs(pods, minReadySeconds, nowMs),
  };
}

function statusOf(
  { spec, status, metadata }: ReplicaSet,
  pods: readonly Pod[],
  nowMs: number,
  failure: Error | undefined,
): ReplicaSetStatus {
  const { ready, available } = countReady(pods, spec.minReadySeconds, nowMs);
  const labelled = pods.filter((pod) => mapMatches(spec.template.metadata?.labels, pod.metadata.labels));
  const conditions =
    failure === undefined
      ? withoutCondition(status?.conditions, 'ReplicaFailure')
      : withCondition(status?.conditions, {
          type: 'ReplicaFailure',
          status: 'True',
          reason: spec.replicas < pods.length ? 'FailedDelete' : 'FailedCreate',
          message: failure.message,
          lastTransitionTime: timestamp(nowMs),
        });
  return {
    replicas: pods.length,
    ...withoutZeros({
      fullyLabeledReplicas: labelled.length,
      readyReplicas: ready,
      availableReplicas: available,
    }),
    observedGeneration: metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}
