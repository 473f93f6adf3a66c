import type { Symptom } from './pod-problems.ts';
import type { WorkloadState } from './strategy.ts';
import type { Pod, Workload } from './workload-objects.ts';

/** What Kubernetes says of one workload at one moment. */
export interface WorkloadSnapshot {
  /** undefined: it is not there. */
  workload: Workload | undefined;
  /** Those that the Deployment owns. */
  replicaSets: readonly Workload[];
  /** Those that belong to the workload. */
  pods: readonly Pod[];
  /** Generation that the last apply made; an older status says nothing of it. */
  generation: number;
}

/** A workload's state whose problems have no times yet. */
export type TimelessState = Omit<WorkloadState, 'problems'> & { symptoms: readonly Symptom[] };

/** The state of a workload of which nothing is known yet. */
export function unsettled(reference: WorkloadState['reference']): TimelessState {
  return {
    reference,
    settled: false,
    unprobed: false,
    paused: false,
    desired: 1,
    updated: 0,
    ready: 0,
    revision: undefined,
    symptoms: [],
    tracks: [],
    stuckPods: [],
  };
}

/** Whether a pod takes requests. */
export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}
