import type { TrackState } from '../ports/events.ts';
import { symptomOfCreation, symptomsOfPod, type Symptom } from './pod-problems.ts';
import { imagesOf, referenceOf, type Condition, type Workload } from './workload-objects.ts';
import { unsettled, type TimelessState, type WorkloadSnapshot } from './timeless-state.ts';

const revisionAnnotation = 'deployment.kubernetes.io/revision';
const hashLabel = 'pod-template-hash';

/** The ReplicaSet that the Deployment wants now. */
export function newReplicaSet(deployment: Workload, replicaSets: readonly Workload[]): Workload | undefined {
  const revision = deployment.metadata.annotations?.[revisionAnnotation];
  return replicaSets.find((set) => set.metadata.annotations?.[revisionAnnotation] === revision);
}

/** The state of a Deployment whose status is up to date, by the rules of `kubectl rollout status`. */
export function deploymentState(
  deployment: Workload,
  snapshot: WorkloadSnapshot,
  restartLimit: number,
): TimelessState {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
  const desired = deployment.spec.replicas ?? 1;
  const paused = deployment.spec.paused === true;
  const current = newReplicaSet(deployment, snapshot.replicaSets);
  const old = snapshot.replicaSets.filter((set) => set !== current && (set.status?.replicas ?? 0) > 0);
  const isComplete =
    updatedReplicas === desired && replicas === updatedReplicas && availableReplicas === updatedReplicas;
  return {
    ...unsettled(referenceOf(deployment)),
    settled: !paused && isComplete,
    paused,
    desired,
    updated: updatedReplicas,
    ready: current?.status?.readyReplicas ?? 0,
    revision: current?.metadata.name,
    symptoms: [
      ...podSymptoms(current, snapshot, restartLimit),
      ...refusals(current),
      ...deadlineSymptoms(deployment),
    ],
    tracks: tracksOf(current, old),
  };
}

/** Trouble of the new pods; the old ones are on their way out. */
function podSymptoms(
  current: Workload | undefined,
  { pods }: WorkloadSnapshot,
  restartLimit: number,
): Symptom[] {
  const hash = current?.metadata.labels?.[hashLabel];
  if (hash === undefined) return [];
  return pods
    .filter((pod) => pod.metadata.labels?.[hashLabel] === hash)
    .flatMap((pod) => symptomsOfPod(pod, restartLimit));
}

/** Pods that the API refuses to create. */
export function refusals(set: Workload | undefined): Symptom[] {
  const refused = set?.status?.conditions?.find(isTrue('ReplicaFailure'));
  if (set === undefined || refused === undefined) return [];
  return [symptomOfCreation(set, refused.message ?? refused.reason ?? '')];
}

function isTrue(type: string): (condition: Condition) => boolean {
  return (condition) => condition.type === type && condition.status === 'True';
}

function deadlineSymptoms(deployment: Workload): Symptom[] {
  const progressing = deployment.status?.conditions?.find((condition) => condition.type === 'Progressing');
  if (progressing?.reason !== 'ProgressDeadlineExceeded') return [];
  const seconds = deployment.spec.progressDeadlineSeconds ?? 600;
  return [
    {
      kind: 'deadline',
      message: `Deployment ${deployment.metadata.name} made no progress within ${String(seconds)} s`,
      key: `${deployment.metadata.uid ?? ''}/deadline`,
      graceMs: 0,
    },
  ];
}

/** Shares of traffic by ready pods: a Service spreads it evenly over them. */
function tracksOf(current: Workload | undefined, old: readonly Workload[]): TrackState[] {
  const all = current === undefined ? [...old] : [...old, current];
  const readyOf = (set: Workload) => set.status?.readyReplicas ?? 0;
  const total = all.reduce((sum, set) => sum + readyOf(set), 0);
  return all.map((set) => ({
    // The new one is the stable one as soon as it stands alone.
    name: set === current && (old.length > 0 || readyOf(set) !== set.spec.replicas) ? 'candidate' : 'stable',
    workload: set.metadata.name,
    image: imagesOf(set),
    desired: set.spec.replicas ?? 0,
    ready: readyOf(set),
    weight: total === 0 ? 0 : Math.round((readyOf(set) / total) * 100),
  }));
}
