import type { TrackState } from '../ports/events.ts';
import { symptomOfCreation, symptomsOfPod } from './pod-problems.ts';
import { quotaRefusal } from './quota.ts';
import { hashLabel, liveReplicaSet } from './replica-sets.ts';
import { servingSymptoms } from './serving-health.ts';
import type { Symptom } from './symptom.ts';
import { imagesOf, referenceOf, type Condition, type Workload } from './workload-objects.ts';
import { incomplete, type WorkloadState, type WorkloadSnapshot } from './workload-state.ts';

/** The state of a Deployment whose status is up to date, by the rules of `kubectl rollout status`. */
export function deploymentState(deployment: Workload, snapshot: WorkloadSnapshot): WorkloadState {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
  const desired = deployment.spec.replicas ?? 1;
  const paused = deployment.spec.paused === true;
  const current = liveReplicaSet(deployment, snapshot.replicaSets);
  const old = snapshot.replicaSets.filter((set) => set !== current && (set.status?.replicas ?? 0) > 0);
  const isComplete =
    updatedReplicas === desired && replicas === updatedReplicas && availableReplicas === updatedReplicas;
  return {
    ...incomplete(referenceOf(deployment)),
    complete: !paused && isComplete,
    paused,
    desired,
    updated: updatedReplicas,
    ready: current?.status?.readyReplicas ?? 0,
    revision: current?.metadata.name,
    symptoms: [
      ...podSymptoms(current, snapshot),
      ...rolloutRefusals(deployment, current, snapshot),
      ...deadlineSymptoms(deployment),
    ],
    tracks: tracksOf(current, old),
  };
}

/** Trouble of the new pods; the old ones are on their way out. */
function podSymptoms(
  current: Workload | undefined,
  { pods, seenReady = new Map() }: WorkloadSnapshot,
): Symptom[] {
  const hash = current?.metadata.labels?.[hashLabel];
  if (hash === undefined) return [];
  const own = pods.filter((pod) => pod.metadata.labels?.[hashLabel] === hash);
  return own.flatMap((pod) => [...symptomsOfPod(pod), ...servingSymptoms(pod, seenReady)]);
}

/** Pods that the API refuses to create. */
export function refusals(set: Workload | undefined): Symptom[] {
  const refused = set?.status?.conditions?.find(isTrue('ReplicaFailure'));
  if (set === undefined || refused === undefined) return [];
  return [symptomOfCreation(set, refused.message ?? refused.reason ?? '')];
}

/**
 * The same in a rollout: what a quota refuses may come when pods that are replaced have gone, and their room is asked
 * for only at the controller's next try, which may be as far away as the refusals have lasted. So the Deployment's
 * progress deadline is the limit then.
 */
function rolloutRefusals(
  deployment: Workload,
  current: Workload | undefined,
  { replicaSets, pods }: WorkloadSnapshot,
): Symptom[] {
  return refusals(current).map((symptom): Symptom => {
    if (quotaRefusal(symptom.message) !== 'passing') return symptom;
    if (pods.some((pod) => pod.metadata.deletionTimestamp !== undefined)) return { ...symptom, room: 'own' };
    const replaces = replicaSets.length > 1 && progressing(deployment)?.reason !== 'NewReplicaSetAvailable';
    if (!replaces) return symptom;
    if ((current?.status?.replicas ?? 0) > 0 || mayMissPods(deployment)) return { ...symptom, room: 'own' };
    const why =
      'maxUnavailable is 0 (the default of a release), so no old pod may go before a new one is there: raise the quota, or set maxUnavailable under strategy.rolling';
    return { ...symptom, room: 'others', message: `${symptom.message}; ${why}` };
  });
}

/** Whether old pods may go before new ones are there: a percentage is rounded down. */
function mayMissPods({ spec: { replicas = 1, strategy } }: Workload): boolean {
  if (strategy?.type === 'Recreate') return true;
  const { maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {};
  if (typeof maxUnavailable === 'number') return maxUnavailable > 0;
  return Math.floor((replicas * Number.parseFloat(maxUnavailable)) / 100) > 0;
}

function isTrue(type: string): (condition: Condition) => boolean {
  return (condition) => condition.type === type && condition.status === 'True';
}

function progressing({ status }: Workload): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === 'Progressing');
}

function deadlineSymptoms(deployment: Workload): Symptom[] {
  if (progressing(deployment)?.reason !== 'ProgressDeadlineExceeded') return [];
  const seconds = deployment.spec.progressDeadlineSeconds ?? 600;
  return [
    {
      kind: 'deadline',
      message: `Deployment ${deployment.metadata.name} made no progress within ${String(seconds)} s`,
      key: `${deployment.metadata.uid ?? ''}/deadline`,
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
