import type { TrackState } from '../ports/events.ts';
import type { ObjectReference } from '../ports/kubernetes-object.ts';
import type { Answer } from './hold-mark.ts';
import type { SeenReady } from './serving-health.ts';
import type { Symptom } from './symptom.ts';
import type { Pod, Workload } from './workload-objects.ts';

/** A workload as it is now, read from Kubernetes' own status. */
export interface WorkloadState {
  reference: ObjectReference;
  /** As `kubectl rollout status` has it: the applied state was observed, all pods are new and available, the old ones gone. */
  complete: boolean;
  /** A container of it has no readinessProbe: it is ready as soon as it runs, also when it is about to crash. */
  withoutReadinessProbe: boolean;
  /** A Job that is removed some time after its end (ttlSecondsAfterFinished). */
  goesAfterEnd?: true;
  /** What a person has answered to a release that waits for this Job. */
  answer?: Answer;
  paused: boolean;
  desired: number;
  updated: number;
  ready: number;
  /** What the new pods belong to: ReplicaSet name, controller revision. */
  revision: string | undefined;
  symptoms: readonly Symptom[];
  tracks: readonly TrackState[];
  /** Broken pods of another revision than the wanted one, which a StatefulSet would make again in the wanted one. */
  stuckPods: readonly { reference: ObjectReference; uid: string }[];
}

/** What Kubernetes says of one workload at one moment. */
export interface WorkloadSnapshot {
  /** undefined: it is not there. */
  workload: Workload | undefined;
  /** Those that the Deployment owns. */
  replicaSets: readonly Workload[];
  /** Those that belong to the workload. */
  pods: readonly Pod[];
  /** A Job that is not there any more was seen complete. */
  wasComplete?: boolean;
  /** Generation that the last apply made; an older status says nothing of it. */
  generation: number;
  /** Of the containers of these pods; missing: none was. */
  seenReady?: SeenReady;
}

/** The state of a workload of which nothing is known yet. */
export function incomplete(reference: ObjectReference): WorkloadState {
  return {
    reference,
    complete: false,
    withoutReadinessProbe: false,
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
