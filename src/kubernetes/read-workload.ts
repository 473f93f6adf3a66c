import type { TrackState } from '../ports/events.ts';
import { deploymentState, refusals } from './deployment-state.ts';
import { goneJobState, jobState, podState } from './job-state.ts';
import { symptomsOfPod } from './pod-problems.ts';
import { isReady, incomplete, type WorkloadState, type WorkloadSnapshot } from './workload-state.ts';
import { imagesOf, podTemplateOf, referenceOf, type Pod, type Workload } from './workload-objects.ts';

/**
 * Reads the state of a workload from Kubernetes' own status: new pods are those of the wanted revision, and it is
 * complete when they are all available and no others are left. A status older than what was applied says nothing.
 */
export function readWorkload(
  reference: WorkloadState['reference'],
  snapshot: WorkloadSnapshot,
): WorkloadState {
  const { workload } = snapshot;
  if (workload === undefined && snapshot.wasComplete === true) return goneJobState(reference);
  if (workload === undefined) {
    const ended =
      reference.kind === 'Job' ? ': it was deleted, or removed after its end (ttlSecondsAfterFinished)' : '';
    const message = `${reference.kind} ${reference.name} does not exist${ended}`;
    const symptom = { kind: 'missing', message, key: `${reference.name}/missing` } as const;
    return { ...incomplete(reference), symptoms: [symptom] };
  }
  if (!isUpToDate(workload, snapshot.generation)) {
    const { paused = false, replicas = 1 } = workload.spec;
    return { ...incomplete(reference), paused, desired: replicas };
  }
  return { ...stateOfKind(workload, snapshot), withoutReadinessProbe: lacksReadinessProbe(workload) };
}

/** A Job says itself when it has succeeded. */
function lacksReadinessProbe(workload: Workload): boolean {
  const containers = podTemplateOf(workload)?.spec.containers ?? [];
  return workload.kind !== 'Job' && containers.some((container) => container.readinessProbe === undefined);
}

function stateOfKind(workload: Workload, snapshot: WorkloadSnapshot): WorkloadState {
  switch (workload.kind) {
    case 'Deployment':
      return deploymentState(workload, snapshot);
    case 'StatefulSet':
      return statefulSetState(workload, snapshot);
    case 'DaemonSet':
      return daemonSetState(workload, snapshot);
    case 'ReplicaSet':
      return replicaSetState(workload, snapshot);
    case 'Job':
      return jobState(workload, snapshot);
    default:
      return podState(workload);
  }
}

/** Whether the watch has seen what was applied, and the controller has observed it. Jobs and pods have no such mark. */
function isUpToDate(workload: Workload, applied: number): boolean {
  const { generation = 0 } = workload.metadata;
  if (generation < applied) return false;
  if (workload.kind === 'Job' || workload.kind === 'Pod') return true;
  return (workload.status?.observedGeneration ?? 0) >= generation;
}

const revisionLabel = 'controller-revision-hash';

function statefulSetState(set: Workload, snapshot: WorkloadSnapshot): WorkloadState {
  const { replicas = 0, readyReplicas = 0, updateRevision: wanted } = set.status ?? {};
  const desired = set.spec.replicas ?? 1;
  const isNew = (pod: Pod) => pod.metadata.labels?.[revisionLabel] === wanted;
  const newPods = snapshot.pods.filter(isNew);
  const ready = newPods.filter(isReady).length;
  const stuck = snapshot.pods.filter(
    (pod) => !isNew(pod) && isReplaced(set, pod) && !isReady(pod) && symptomsOfPod(pod).length > 0,
  );
  return {
    ...incomplete(referenceOf(set)),
    complete: newPods.length >= toUpdate(set, desired) && readyReplicas >= desired && replicas === desired,
    desired,
    updated: newPods.length,
    ready,
    revision: wanted,
    symptoms: newPods.flatMap((pod) => symptomsOfPod(pod)),
    tracks: [track(set, wanted, { desired, ready, total: readyReplicas })],
    stuckPods: stuck.map((pod) => ({
      reference: referenceOf({ ...pod, apiVersion: 'v1', kind: 'Pod' }),
      uid: pod.metadata.uid ?? '',
    })),
  };
}

/** With OnDelete the pods are replaced by hand; with a partition only those at and above it are replaced. */
function toUpdate({ spec }: Workload, desired: number): number {
  if (spec.updateStrategy?.type === 'OnDelete') return 0;
  return Math.max(0, desired - (spec.updateStrategy?.rollingUpdate?.partition ?? 0));
}

/** Whether the set makes this pod again in the new revision: below a partition it comes back as it was. */
function isReplaced({ spec }: Workload, { metadata }: Pod): boolean {
  if (spec.updateStrategy?.type === 'OnDelete') return false;
  const ordinal = Number(/-(\d+)$/.exec(metadata.name)?.[1] ?? 0);
  return ordinal >= (spec.updateStrategy?.rollingUpdate?.partition ?? 0);
}

function daemonSetState(set: Workload, snapshot: WorkloadSnapshot): WorkloadState {
  const {
    desiredNumberScheduled: desired = 0,
    updatedNumberScheduled: updated = 0,
    numberAvailable = 0,
    numberReady = 0,
  } = set.status ?? {};
  const onDelete = set.spec.updateStrategy?.type === 'OnDelete';
  const generation = set.metadata.annotations?.['deprecated.daemonset.template.generation'];
  const newPods = snapshot.pods.filter((pod) => {
    const made = pod.metadata.labels?.['pod-template-generation'];
    return generation === undefined || made === undefined || made === generation;
  });
  const ready = newPods.filter(isReady).length;
  return {
    ...incomplete(referenceOf(set)),
    complete: (onDelete || updated >= desired) && numberAvailable >= desired,
    desired,
    updated,
    ready,
    revision: generation === undefined ? undefined : `generation ${generation}`,
    symptoms: newPods.flatMap((pod) => symptomsOfPod(pod)),
    tracks: [track(set, generation, { desired, ready, total: numberReady })],
  };
}

function replicaSetState(set: Workload, snapshot: WorkloadSnapshot): WorkloadState {
  const { replicas = 0, readyReplicas: ready = 0, availableReplicas = 0 } = set.status ?? {};
  const desired = set.spec.replicas ?? 1;
  return {
    ...incomplete(referenceOf(set)),
    complete: availableReplicas === desired && replicas === desired,
    desired,
    updated: replicas,
    ready,
    revision: set.metadata.name,
    symptoms: [...snapshot.pods.flatMap((pod) => symptomsOfPod(pod)), ...refusals(set)],
    tracks: [track(set, set.metadata.name, { desired, ready, total: ready })],
  };
}

/** One track for a workload whose pods are replaced in place. */
function track(
  workload: Workload,
  revision: string | undefined,
  { desired, ready, total }: { desired: number; ready: number; total: number },
): TrackState {
  return {
    name: ready === desired ? 'stable' : 'candidate',
    workload: revision ?? workload.metadata.name,
    image: imagesOf(workload),
    desired,
    ready,
    weight: total === 0 ? 0 : Math.round((ready / Math.max(total, ready)) * 100),
  };
}
