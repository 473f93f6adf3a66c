import { findCondition } from './status.ts';
import type { Pod } from './workload-types.ts';

/** Whether the pod counts as a replica: it has not ended and is not being deleted. */
export function isActive(pod: Pod): boolean {
  return !hasEnded(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** Whether the pod ran to its end, well or badly. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Whether the pod's Ready condition is True. */
export function isReady(pod: Pod): boolean {
  return findCondition(pod.status?.conditions, 'Ready')?.status === 'True';
}

/** Milliseconds until a pod that is ready counts as available (`minReadySeconds`), 0 when it does; undefined when it is not ready. */
export function availableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  return Math.max(0, readySinceMs(pod) + minReadySeconds * 1000 - nowMs);
}

/** How many of the pods are ready, and how many have been so for `minReadySeconds`. */
export function countReady(
  pods: readonly Pod[],
  minReadySeconds = 0,
  nowMs: number,
): { ready: number; available: number } {
  const waits = pods.map((pod) => availableInMs(pod, minReadySeconds, nowMs));
  return {
    ready: waits.filter((wait) => wait !== undefined).length,
    available: waits.filter((wait) => wait === 0).length,
  };
}

/** Milliseconds until the next of the ready pods becomes available; Infinity when none is waiting for that. */
export function nextAvailableInMs(pods: readonly Pod[], minReadySeconds: number, nowMs: number): number {
  const waits = pods.map((pod) => availableInMs(pod, minReadySeconds, nowMs) ?? 0).filter((wait) => wait > 0);
  return Math.min(...waits) + 10;
}

function readySinceMs(pod: Pod): number {
  return Date.parse(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime ?? '') || 0;
}

/** How often the pod's containers were restarted, all together. */
export function restartsOf(pod: Pod): number {
  return (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
}

const phaseRanks: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };
const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * Compares two pods by which is given up first when a ReplicaSet shrinks: unassigned before assigned, pending before
 * running, not ready before ready, cheaper before dearer (pod-deletion-cost), ready for a shorter before a longer
 * time, more restarts before fewer, newer before older. (ReplicaSet: "How it works", kubernetes.io.)
 */
export function compareForDeletion(left: Pod, right: Pod): number {
  return (
    Number(left.spec.nodeName !== undefined) - Number(right.spec.nodeName !== undefined) ||
    phaseRank(left) - phaseRank(right) ||
    Number(isReady(left)) - Number(isReady(right)) ||
    deletionCost(left) - deletionCost(right) ||
    (isReady(left) ? readySinceMs(right) - readySinceMs(left) : 0) ||
    restartsOf(right) - restartsOf(left) ||
    Date.parse(right.metadata.creationTimestamp) - Date.parse(left.metadata.creationTimestamp)
  );
}

function phaseRank(pod: Pod): number {
  return phaseRanks[pod.status?.phase ?? 'Pending'] ?? 1;
}

function deletionCost(pod: Pod): number {
  return Number(pod.metadata.annotations?.[deletionCostAnnotation] ?? 0) || 0;
}
