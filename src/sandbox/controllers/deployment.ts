import type { StoredObject } from '../store/objects.ts';
import { findCondition, withCondition, writeStatus } from './status.ts';
import { itself, type Controller, type ControllerContext, type ObjectName } from './controller.ts';
import * as revision from './deployment-revisions.ts';
import * as status from './deployment-status.ts';
import { claim, controllerRefOf, keyOf, ownersConcerned } from './ownership.ts';
import { hasEnded } from './pod-facts.ts';
import { newReplicaSetSize, nextRollingStep, proportionalSizes } from './rollout-arithmetic.ts';
import type { ReplicaSetSize, Resize } from './rollout-arithmetic.ts';
import { sameTemplate } from './template-hash.ts';
import type { Deployment, DeploymentStatus, Pod, ReplicaSet } from './workload-types.ts';
import type { WorkResult } from './work-queue.ts';

const COMPONENT = 'deployment-controller';

/** Rolls Deployments out: by surge and unavailability or by Recreate; scales, pauses, keeps revisions, tells of progress. */
export function deploymentController(context: ControllerContext): Controller {
  const { objects } = context;
  return {
    name: COMPONENT,
    watches: {
      Deployment: itself,
      ReplicaSet: (object) => ownersConcerned(objects, 'Deployment', object),
      // Recreate waits for the last old pod to be gone.
      Pod: (pod, deleted) => (deleted || hasEnded(pod as Pod) ? deploymentOfPod(pod) : []),
    },
    reconcile: (target) => {
      const deployment = objects.get<Deployment>({ kind: 'Deployment', group: 'apps', ...target });
      return deployment === undefined ? undefined : reconcileDeployment(context, deployment);
    },
  };

  function deploymentOfPod(pod: StoredObject): ObjectName[] {
    const owner = controllerRefOf(pod);
    const { namespace } = pod.metadata;
    if (owner?.kind !== 'ReplicaSet' || namespace === undefined) return [];
    const replicaSet = objects.get({ kind: 'ReplicaSet', group: 'apps', namespace, name: owner.name });
    return replicaSet === undefined ? [] : ownersConcerned(objects, 'Deployment', replicaSet);
  }
}

function reconcileDeployment(context: ControllerContext, found: Deployment): WorkResult {
  const { objects, now } = context;
  const replicaSets = claim<ReplicaSet>(objects, found, 'ReplicaSet', found.spec.selector);
  const revisions = revision.splitRevisions(found, replicaSets);
  if (found.metadata.deletionTimestamp !== undefined) {
    writeStatus(objects, found, status.countedStatus(found, revisions, now()));
    return undefined;
  }
  const deployment = withPauseTold(context, found);
  const scaled = replicaSets.some(
    ({ spec, metadata }) =>
      spec.replicas > 0 &&
      Number(metadata.annotations?.[revision.DESIRED_REPLICAS] ?? -1) !== deployment.spec.replicas,
  );
  if (deployment.spec.paused === true || scaled) {
    syncScale(context, deployment, revisions);
    return undefined;
  }
  const next = rollOut(context, deployment, revisions);
  return status.progressCheckInMs(deployment, next, now());
}

function withPauseTold({ objects, now }: ControllerContext, deployment: Deployment): Deployment {
  const condition = status.pauseCondition(deployment, now());
  if (condition === undefined) return deployment;
  const conditions = withCondition(deployment.status?.conditions, condition);
  const next = { ...deployment, status: { ...deployment.status, conditions } };
  writeStatus(objects, deployment, next.status);
  return next;
}

/** Brings a paused Deployment, or one whose size changed, to its size without rolling anything out. */
function syncScale(
  context: ControllerContext,
  deployment: Deployment,
  { newer, older }: revision.Revisions,
): void {
  const kept = newer === undefined ? undefined : annotate(context, deployment, newer, older);
  const revisions = { newer: kept, older };
  const after = resize(context, deployment, revisions, scaleSizes(deployment, revisions));
  if (deployment.spec.paused === true) prune(context, deployment, older);
  writeStatus(context.objects, deployment, status.countedStatus(deployment, after, context.now()));
}

/** The sizes after a change of `spec.replicas`: all to the one that is active or newest, or in proportion during a rollout. */
function scaleSizes(deployment: Deployment, { newer, older }: revision.Revisions): Resize[] {
  const { replicas } = deployment.spec;
  const all = newer === undefined ? older : [...older, newer];
  const active = all.filter(({ spec }) => spec.replicas > 0);
  const only = active.length === 0 ? (newer ?? older.at(-1)) : active.length === 1 ? active[0] : undefined;
  if (only !== undefined) return [{ name: only.metadata.name, replicas }];
  if (newer !== undefined && isSaturated(deployment, newer)) {
    return older
      .filter(({ spec }) => spec.replicas > 0)
      .map(({ metadata }) => ({ name: metadata.name, replicas: 0 }));
  }
  if (deployment.spec.strategy.type !== 'RollingUpdate') return [];
  const statusReplicas = deployment.status?.replicas ?? 0;
  return proportionalSizes(status.limitsOf(deployment), active.map(sizeOf), statusReplicas);
}

function isSaturated({ spec }: Deployment, { metadata, spec: own, status: seen }: ReplicaSet): boolean {
  const desired = Number(metadata.annotations?.[revision.DESIRED_REPLICAS] ?? -1);
  return (
    desired === spec.replicas &&
    own.replicas === spec.replicas &&
    (seen?.availableReplicas ?? 0) === spec.replicas
  );
}

function sizeOf(replicaSet: ReplicaSet): ReplicaSetSize {
  const { metadata, spec, status: seen } = replicaSet;
  const max = Number(metadata.annotations?.[revision.MAX_REPLICAS] ?? NaN);
  return {
    name: metadata.name,
    replicas: spec.replicas,
    available: seen?.availableReplicas ?? 0,
    age: revision.ageOf(replicaSet),
    ...(Number.isNaN(max) ? {} : { maxReplicas: max }),
  };
}

function rollOut(
  context: ControllerContext,
  deployment: Deployment,
  { newer, older }: revision.Revisions,
): DeploymentStatus {
  const recreate = deployment.spec.strategy.type === 'Recreate';
  const active = older.filter(({ spec }) => spec.replicas > 0);
  let current: revision.Revisions = { newer, older };
  if (recreate && (active.length > 0 || oldPodsRun(context, deployment, older))) {
    const down = active.map(({ metadata }) => ({ name: metadata.name, replicas: 0 }));
    current = resize(context, deployment, current, down);
  } else {
    const made =
      newer === undefined ? create(context, deployment, older) : annotate(context, deployment, newer, older);
    current = { newer: made, older };
    if (made !== undefined)
      current = resize(context, deployment, current, steps(deployment, made, active, recreate));
    if (status.isComplete(deployment, deployment.status ?? {})) prune(context, deployment, older);
  }
  const latest = context.objects.get<Deployment>(keyOf(deployment)) ?? deployment;
  const next = status.rolloutStatus(latest, current, context.now());
  writeStatus(context.objects, latest, next);
  return next;
}

function steps(deployment: Deployment, newer: ReplicaSet, active: ReplicaSet[], recreate: boolean): Resize[] {
  if (recreate) return [{ name: newer.metadata.name, replicas: deployment.spec.replicas }];
  return nextRollingStep(status.limitsOf(deployment), sizeOf(newer), active.map(sizeOf));
}

function oldPodsRun(
  { objects }: ControllerContext,
  { metadata }: Deployment,
  older: readonly ReplicaSet[],
): boolean {
  const where = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
  return older.some((replicaSet) =>
    objects.list<Pod>('Pod', { ...where, ownerUid: replicaSet.metadata.uid }).some((pod) => !hasEnded(pod)),
  );
}

/** Makes the new ReplicaSet and writes its revision on the Deployment; a name that is taken by another template counts as a collision. */
function create(
  context: ControllerContext,
  deployment: Deployment,
  older: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const { objects } = context;
  const limits = status.limitsOf(deployment);
  const total = older.reduce((sum, { spec }) => sum + spec.replicas, 0);
  const rolling = deployment.spec.strategy.type === 'RollingUpdate';
  const replicas = rolling ? newReplicaSetSize(limits, 0, total) : deployment.spec.replicas;
  const number = revision.nextRevision(older);
  const wanted = revision.newReplicaSet(deployment, {
    replicas,
    maxReplicas: limits.replicas + limits.surge,
    revision: number,
  });
  const taken = objects.get<ReplicaSet>({
    kind: 'ReplicaSet',
    group: 'apps',
    name: wanted.metadata.name ?? '',
    ...placeOf(deployment),
  });
  if (taken !== undefined) {
    if (sameTemplate(taken.spec.template, deployment.spec.template)) return undefined;
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    writeStatus(objects, deployment, { ...deployment.status, collisionCount });
    return undefined;
  }
  const created = objects.create<ReplicaSet>(wanted);
  if (replicas > 0) tellScaled(context, deployment, created, 'up');
  const message = `Created new replica set "${created.metadata.name}"`;
  tellProgress(context, deployment, 'NewReplicaSetCreated', message);
  writeRevision(context, deployment, number);
  return created;
}

function placeOf({ metadata }: StoredObject): { namespace?: string } {
  return metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
}

/** Keeps annotations and minReadySeconds of the new ReplicaSet as the Deployment has them. */
function annotate(
  context: ControllerContext,
  deployment: Deployment,
  newer: ReplicaSet,
  older: readonly ReplicaSet[],
): ReplicaSet {
  const number = revision.nextRevision(older);
  const before = newer.metadata.annotations ?? {};
  const annotations = revision.revisionAnnotations(deployment, before, number);
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  const differs =
    Object.entries(annotations).some(([key, value]) => before[key] !== value) ||
    (newer.spec.minReadySeconds ?? 0) !== minReadySeconds;
  const kept = differs
    ? context.objects.modify<ReplicaSet>(keyOf(newer), (replicaSet) => {
        replicaSet.metadata.annotations = annotations;
        replicaSet.spec.minReadySeconds = minReadySeconds;
      })
    : newer;
  writeRevision(context, deployment, revision.revisionOf(kept ?? newer));
  if (findCondition(deployment.status?.conditions, 'Progressing') === undefined) {
    tellProgress(context, deployment, 'FoundNewReplicaSet', `Found new replica set "${newer.metadata.name}"`);
  }
  return kept ?? newer;
}

function writeRevision({ objects }: ControllerContext, deployment: Deployment, number: number): void {
  if (revision.revisionOf(deployment) === number) return;
  objects.modify(keyOf(deployment), ({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, [revision.REVISION]: String(number) };
  });
}

function tellProgress(
  { objects, now }: ControllerContext,
  deployment: Deployment,
  reason: string,
  message: string,
): void {
  if (!status.hasProgressDeadline(deployment)) return;
  const condition = status.deploymentCondition(
    { type: 'Progressing', status: 'True', reason, message },
    now(),
  );
  const conditions = withCondition(deployment.status?.conditions, condition);
  writeStatus(objects, deployment, { ...deployment.status, conditions });
}

/** Writes new sizes, and on every ReplicaSet that it touches how large the Deployment is meant to be. */
function resize(
  context: ControllerContext,
  deployment: Deployment,
  { newer, older }: revision.Revisions,
  sizes: readonly Resize[],
): revision.Revisions {
  const { replicas, surge } = status.limitsOf(deployment);
  const wanted = new Map(sizes.map((size) => [size.name, size.replicas]));
  const annotations = {
    [revision.DESIRED_REPLICAS]: String(replicas),
    [revision.MAX_REPLICAS]: String(replicas + surge),
  };
  const apply = (replicaSet: ReplicaSet): ReplicaSet => {
    const size = wanted.get(replicaSet.metadata.name);
    const marked = Object.entries(annotations).every(
      ([key, value]) => replicaSet.metadata.annotations?.[key] === value,
    );
    if (size === undefined || (size === replicaSet.spec.replicas && marked)) return replicaSet;
    const changed = context.objects.modify<ReplicaSet>(keyOf(replicaSet), (stored) => {
      stored.spec.replicas = size;
      stored.metadata.annotations = { ...stored.metadata.annotations, ...annotations };
    });
    if (changed === undefined) return replicaSet;
    if (size !== replicaSet.spec.replicas) {
      tellScaled(context, deployment, changed, size > replicaSet.spec.replicas ? 'up' : 'down');
    }
    return changed;
  };
  return { newer: newer === undefined ? undefined : apply(newer), older: older.map(apply) };
}

function tellScaled(
  { events }: ControllerContext,
  deployment: Deployment,
  replicaSet: ReplicaSet,
  way: 'up' | 'down',
): void {
  const message = `Scaled ${way} replica set ${replicaSet.metadata.name} to ${replicaSet.spec.replicas}`;
  events.record(deployment, { type: 'Normal', reason: 'ScalingReplicaSet', message, component: COMPONENT });
}

function prune({ objects }: ControllerContext, deployment: Deployment, older: readonly ReplicaSet[]): void {
  for (const replicaSet of revision.surplusRevisions(deployment, older)) objects.delete(keyOf(replicaSet));
}
