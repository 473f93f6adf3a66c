import type { TrackState } from '../ports/events.ts';
import { symptomOfCreation, symptomsOfPod, type Symptom } from './pod-problems.ts';
import { containersOf, referenceOf, type Pod, type Workload } from './workload-objects.ts';
import type { WorkloadState } from './strategy.ts';

/** What Kubernetes says of one workload at one moment. */
export interface WorkloadSnapshot {
  /** undefined: it is not there. */
  workload: Workload | undefined;
  /** Those that the Deployment owns. */
  replicaSets: readonly Workload[];
  /** Those that the workload's selector picks. */
  pods: readonly Pod[];
  /** Generation that the last apply made; an older status says nothing of it. */
  generation: number;
}

/** A workload's state whose problems have no times yet. */
export type TimelessState = Omit<WorkloadState, 'problems'> & { symptoms: readonly Symptom[] };

/**
 * Reads the state of a workload from Kubernetes' own status, with the rules of `kubectl rollout status`
 * (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status): new pods are those of
 * the wanted revision, and it is settled when they are all available and no others are left.
 */
export function workloadState(
  reference: WorkloadState['reference'],
  snapshot: WorkloadSnapshot,
  restartLimit: number,
): TimelessState {
  const { workload } = snapshot;
  if (workload === undefined) {
    const message = `${reference.kind} ${reference.name} is not there`;
    return {
      ...unsettled(reference),
      symptoms: [{ kind: 'missing', message, key: `${reference.name}/missing`, graceMs: 5000 }],
    };
  }
  const observed =
    workload.status?.observedGeneration ??
    (workload.kind === 'Pod' || workload.kind === 'Job' ? Number.POSITIVE_INFINITY : 0);
  const current = Math.max(snapshot.generation, workload.metadata.generation ?? 0);
  if ((workload.metadata.generation ?? 0) < snapshot.generation || observed < current) {
    return {
      ...unsettled(reference),
      paused: workload.spec.paused === true,
      desired: workload.spec.replicas ?? 1,
    };
  }
  switch (workload.kind) {
    case 'Deployment':
      return deploymentState(workload, snapshot, restartLimit);
    case 'StatefulSet':
      return statefulSetState(workload, snapshot, restartLimit);
    case 'DaemonSet':
      return daemonSetState(workload, snapshot, restartLimit);
    case 'ReplicaSet':
      return replicaSetState(workload, snapshot, restartLimit);
    case 'Job':
      return jobState(workload, snapshot, restartLimit);
    default:
      return podState(workload, restartLimit);
  }
}

function unsettled(reference: WorkloadState['reference']): TimelessState {
  return {
    reference,
    settled: false,
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

const revisionAnnotation = 'deployment.kubernetes.io/revision';

/** The ReplicaSet that the Deployment wants now. */
export function newReplicaSet(deployment: Workload, replicaSets: readonly Workload[]): Workload | undefined {
  const revision = deployment.metadata.annotations?.[revisionAnnotation];
  return replicaSets.find((set) => set.metadata.annotations?.[revisionAnnotation] === revision);
}

function deploymentState(
  deployment: Workload,
  snapshot: WorkloadSnapshot,
  restartLimit: number,
): TimelessState {
  const desired = deployment.spec.replicas ?? 1;
  const status = deployment.status ?? {};
  const updated = status.updatedReplicas ?? 0;
  const current = newReplicaSet(deployment, snapshot.replicaSets);
  const hash = current?.metadata.labels?.['pod-template-hash'];
  const newPods = snapshot.pods.filter(
    (pod) => hash !== undefined && pod.metadata.labels?.['pod-template-hash'] === hash,
  );
  const symptoms = newPods.flatMap((pod) => symptomsOfPod(pod, restartLimit));
  const refused = current?.status?.conditions?.find(
    (c) => c.type === 'ReplicaFailure' && c.status === 'True',
  );
  if (current !== undefined && refused !== undefined) {
    symptoms.push(symptomOfCreation(current, refused.message ?? refused.reason ?? ''));
  }
  const progressing = status.conditions?.find((condition) => condition.type === 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    symptoms.push({
      kind: 'deadline',
      message: `Deployment ${deployment.metadata.name} made no progress within ${String(deployment.spec.progressDeadlineSeconds ?? 600)} s`,
      key: `${deployment.metadata.uid ?? ''}/deadline`,
      graceMs: 0,
    });
  }
  const old = snapshot.replicaSets
    .filter((set) => set !== current && (set.status?.replicas ?? 0) > 0)
    .sort((a, b) => (b.status?.replicas ?? 0) - (a.status?.replicas ?? 0));
  return {
    ...unsettled(referenceOf(deployment)),
    settled:
      deployment.spec.paused !== true &&
      updated === desired &&
      (status.replicas ?? 0) === updated &&
      (status.availableReplicas ?? 0) === updated,
    paused: deployment.spec.paused === true,
    desired,
    updated,
    ready: current?.status?.readyReplicas ?? 0,
    revision: current?.metadata.name,
    symptoms,
    tracks: tracksOf(current, old),
  };
}

/** Share of traffic by ready pods: a Service spreads it evenly over them. */
function tracksOf(current: Workload | undefined, old: readonly Workload[]): TrackState[] {
  const sets = [
    ...old.map((set) => ({ set, name: 'stable' as const })),
    ...(current === undefined ? [] : [{ set: current, name: 'candidate' as const }]),
  ];
  const total = sets.reduce((sum, { set }) => sum + (set.status?.readyReplicas ?? 0), 0);
  return sets.map(({ set, name }) => {
    const ready = set.status?.readyReplicas ?? 0;
    return {
      name: name === 'candidate' && old.length === 0 && ready === set.spec.replicas ? 'stable' : name,
      workload: set.metadata.name,
      image: imagesOf(set),
      desired: set.spec.replicas ?? 0,
      ready,
      weight: total === 0 ? 0 : Math.round((ready / total) * 100),
    };
  });
}

/** The images of a workload's containers, for people. */
export function imagesOf(workload: Workload): string {
  const template = workload.kind === 'Pod' ? { spec: workload.spec as never } : workload.spec.template;
  return containersOf(template)
    .map((container) => container.image ?? '')
    .join(', ');
}

function podReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
}

function statefulSetState(set: Workload, snapshot: WorkloadSnapshot, restartLimit: number): TimelessState {
  const desired = set.spec.replicas ?? 1;
  const status = set.status ?? {};
  const wanted = status.updateRevision;
  const revisionOf = (pod: Pod) => pod.metadata.labels?.['controller-revision-hash'];
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const newPods = snapshot.pods.filter((pod) => revisionOf(pod) === wanted);
  const updated = newPods.length;
  const ready = newPods.filter(podReady).length;
  // With OnDelete somebody else replaces the pods; with a partition only those at and above it are replaced.
  const toUpdate = set.spec.updateStrategy?.type === 'OnDelete' ? 0 : Math.max(0, desired - partition);
  const stuckPods = snapshot.pods
    .filter(
      (pod) => revisionOf(pod) !== wanted && !podReady(pod) && symptomsOfPod(pod, restartLimit).length > 0,
    )
    .map((pod) => ({
      reference: referenceOf({ ...pod, apiVersion: 'v1', kind: 'Pod' }),
      uid: pod.metadata.uid ?? '',
    }));
  return {
    ...unsettled(referenceOf(set)),
    settled:
      updated >= toUpdate && (status.readyReplicas ?? 0) >= desired && (status.replicas ?? 0) === desired,
    desired,
    updated,
    ready,
    revision: wanted,
    symptoms: newPods.flatMap((pod) => symptomsOfPod(pod, restartLimit)),
    tracks: [track(set, wanted, desired, ready, status.readyReplicas ?? 0)],
    stuckPods,
  };
}

function daemonSetState(set: Workload, snapshot: WorkloadSnapshot, restartLimit: number): TimelessState {
  const status = set.status ?? {};
  const desired = status.desiredNumberScheduled ?? 0;
  const updated = status.updatedNumberScheduled ?? 0;
  const onDelete = set.spec.updateStrategy?.type === 'OnDelete';
  const generation = set.metadata.annotations?.['deprecated.daemonset.template.generation'];
  const newPods = snapshot.pods.filter((pod) => {
    const made = pod.metadata.labels?.['pod-template-generation'];
    return generation === undefined || made === undefined || made === generation;
  });
  const ready = newPods.filter(podReady).length;
  return {
    ...unsettled(referenceOf(set)),
    settled: (onDelete || updated >= desired) && (status.numberAvailable ?? 0) >= desired,
    desired,
    updated,
    ready,
    revision: generation === undefined ? undefined : `generation ${generation}`,
    symptoms: newPods.flatMap((pod) => symptomsOfPod(pod, restartLimit)),
    tracks: [track(set, generation, desired, ready, status.numberReady ?? 0)],
  };
}

function replicaSetState(set: Workload, snapshot: WorkloadSnapshot, restartLimit: number): TimelessState {
  const desired = set.spec.replicas ?? 1;
  const ready = set.status?.readyReplicas ?? 0;
  const refused = set.status?.conditions?.find((c) => c.type === 'ReplicaFailure' && c.status === 'True');
  return {
    ...unsettled(referenceOf(set)),
    settled: (set.status?.availableReplicas ?? 0) === desired && (set.status?.replicas ?? 0) === desired,
    desired,
    updated: set.status?.replicas ?? 0,
    ready,
    revision: set.metadata.name,
    symptoms: [
      ...snapshot.pods.flatMap((pod) => symptomsOfPod(pod, restartLimit)),
      ...(refused === undefined ? [] : [symptomOfCreation(set, refused.message ?? refused.reason ?? '')]),
    ],
    tracks: [track(set, set.metadata.name, desired, ready, ready)],
  };
}

function jobState(job: Workload, snapshot: WorkloadSnapshot, restartLimit: number): TimelessState {
  const conditions = job.status?.conditions ?? [];
  const failed = conditions.find((condition) => condition.type === 'Failed' && condition.status === 'True');
  // A Job has a limit of its own for crashes (backoffLimit); only what its pods can never get over counts before.
  const symptoms = snapshot.pods
    .flatMap((pod) => symptomsOfPod(pod, restartLimit))
    .filter((symptom) => symptom.kind !== 'crashLoop');
  if (failed !== undefined) {
    symptoms.unshift({
      kind: 'failed',
      message: `Job ${job.metadata.name} failed: ${failed.reason ?? ''} ${failed.message ?? ''}`.trim(),
      key: `${job.metadata.uid ?? ''}/failed`,
      graceMs: 0,
      ...lastPodOf(snapshot.pods),
    });
  }
  const succeeded = job.status?.succeeded ?? 0;
  return {
    ...unsettled(referenceOf(job)),
    settled: conditions.some((condition) => condition.type === 'Complete' && condition.status === 'True'),
    desired: job.spec.completions ?? 1,
    updated: (job.status?.active ?? 0) + succeeded,
    ready: succeeded,
    revision: job.metadata.name,
    symptoms,
  };
}

function lastPodOf(pods: readonly Pod[]): Pick<Symptom, 'pod'> {
  const failed = pods.filter((pod) => pod.status?.phase === 'Failed').at(-1);
  const container = failed?.status?.containerStatuses?.find(
    (s) => (s.state?.terminated?.exitCode ?? 0) !== 0,
  );
  if (failed === undefined || container === undefined) return {};
  return {
    pod: {
      namespace: failed.metadata.namespace ?? '',
      name: failed.metadata.name,
      container: container.name,
      restarted: false,
    },
  };
}

function podState(pod: Pod, restartLimit: number): TimelessState {
  const symptoms = symptomsOfPod(pod, restartLimit);
  if (pod.status?.phase === 'Failed') {
    symptoms.unshift({
      kind: 'failed',
      message:
        `Pod ${pod.metadata.name} failed: ${pod.status.reason ?? ''} ${pod.status.message ?? ''}`.trim(),
      key: `${pod.metadata.uid ?? ''}/failed`,
      graceMs: 0,
      ...lastPodOf([pod]),
    });
  }
  const ready = podReady(pod);
  return {
    ...unsettled(referenceOf(pod)),
    settled: ready || pod.status?.phase === 'Succeeded',
    updated: 1,
    ready: ready ? 1 : 0,
    revision: pod.metadata.name,
    symptoms,
  };
}

function track(
  workload: Workload,
  revision: string | undefined,
  desired: number,
  ready: number,
  total = ready,
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
