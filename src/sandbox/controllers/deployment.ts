import { sameJson } from '../../base/same-json.ts';
import * as status from './deployment-status.ts';
import type { Inventory } from './inventory.ts';
import { controllerRefTo, isGoing, remove, type Action, type Plan, type World } from './plan.ts';
import { hasEnded } from './pod-facts.ts';
import { newReplicaSetSize, nextRollingStep, proportionalSizes } from './rollout-arithmetic.ts';
import type { ReplicaSetSize, Sizes } from './rollout-arithmetic.ts';
import { POD_TEMPLATE_HASH, hashOf, sameTemplate } from './template-hash.ts';
import type { Deployment, Pod, ReplicaSet } from './workload-types.ts';

const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
/** These stay with the Deployment or belong to the ReplicaSet alone. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);

/** The store fills these in. */
const NOT_STORED_YET = { uid: '', resourceVersion: '', creationTimestamp: '' };

type Annotations = Record<string, string>;
type Annotated = Pick<Deployment, 'metadata'>;

/** Rolls Deployments out: by surge and unavailability or by Recreate; scales, pauses, keeps revisions, tells of progress. */
export function planDeployment(
  found: Deployment,
  { cluster, nowMs }: World,
  replicaSets: readonly ReplicaSet[],
): Plan {
  const revisions = splitRevisions(found, replicaSets);
  if (isGoing(found)) return { status: status.countedStatus(found, revisions, nowMs) };
  const deployment = status.withPauseTold(found, nowMs);
  const { paused, replicas } = deployment.spec;
  const isScaled = replicaSets.some(
    (one) => one.spec.replicas > 0 && numberIn(one, DESIRED_REPLICAS) !== replicas,
  );
  if (paused === true || isScaled) return planScale(deployment, revisions, nowMs);
  return planRollout(deployment, revisions, cluster, nowMs);
}

/** Splits the ReplicaSets; of several with the Deployment's template the oldest is the new one. */
function splitRevisions(deployment: Deployment, replicaSets: readonly ReplicaSet[]): status.Revisions {
  const byAge = [...replicaSets].sort((left, right) => ageOf(left) - ageOf(right));
  const newer = byAge.find((replicaSet) => sameTemplate(replicaSet.spec.template, deployment.spec.template));
  return { newer, older: byAge.filter((replicaSet) => replicaSet !== newer) };
}

/** Milliseconds of creation, made finer by the revision: times are stored in whole seconds only. */
function ageOf(replicaSet: ReplicaSet): number {
  return Date.parse(replicaSet.metadata.creationTimestamp) + Math.min(revisionOf(replicaSet), 999);
}

function numberIn({ metadata }: Annotated, annotation: string): number | undefined {
  const text = metadata.annotations?.[annotation];
  return text === undefined || Number.isNaN(Number(text)) ? undefined : Number(text);
}

function revisionOf(object: Annotated): number {
  return numberIn(object, REVISION) ?? 0;
}

/** Brings a paused Deployment, or one whose size changed, to its size without rolling anything out. */
function planScale(deployment: Deployment, revisions: status.Revisions, nowMs: number): Plan {
  const after = adjust(deployment, revisions, scaleSizes(deployment, revisions));
  return {
    actions: [
      ...changes(revisions, after),
      ...tellRevision(deployment, after.newer),
      ...(deployment.spec.paused === true ? prune(deployment, revisions.older) : []),
    ],
    status: status.countedStatus(status.withFoundTold(deployment, after.newer, nowMs), after, nowMs),
  };
}

/** The sizes after a change of `spec.replicas`: all to the one that is active or newest, or in proportion during a rollout. */
function scaleSizes(deployment: Deployment, { newer, older }: status.Revisions): Sizes {
  const { replicas, strategy } = deployment.spec;
  const active = [...older, ...(newer === undefined ? [] : [newer])].filter(isActive);
  const only = active.length === 0 ? (newer ?? older.at(-1)) : active.length === 1 ? active[0] : undefined;
  if (only !== undefined) return new Map([[only.metadata.name, replicas]]);
  const isSaturated =
    newer?.spec.replicas === replicas &&
    numberIn(newer, DESIRED_REPLICAS) === replicas &&
    (newer.status?.availableReplicas ?? 0) === replicas;
  if (isSaturated) return toZero(older.filter(isActive));
  if (strategy.type !== 'RollingUpdate') return new Map();
  return proportionalSizes(status.limitsOf(deployment), active.map(sizeOf), deployment.status?.replicas ?? 0);
}

function isActive({ spec }: ReplicaSet): boolean {
  return spec.replicas > 0;
}

function toZero(replicaSets: readonly ReplicaSet[]): Sizes {
  return new Map(replicaSets.map(({ metadata }) => [metadata.name, 0]));
}

function sizeOf(replicaSet: ReplicaSet): ReplicaSetSize {
  const maxReplicas = numberIn(replicaSet, MAX_REPLICAS);
  return {
    name: replicaSet.metadata.name,
    replicas: replicaSet.spec.replicas,
    available: replicaSet.status?.availableReplicas ?? 0,
    age: ageOf(replicaSet),
    ...(maxReplicas === undefined ? {} : { maxReplicas }),
  };
}

function planRollout(
  deployment: Deployment,
  revisions: status.Revisions,
  cluster: Inventory,
  nowMs: number,
): Plan {
  const { newer, older } = revisions;
  const active = older.filter(isActive);
  const recreate = deployment.spec.strategy.type === 'Recreate';
  const waits = recreate && (active.length > 0 || older.some((replicaSet) => podsRun(cluster, replicaSet)));
  if (newer === undefined && !waits) return planFirst(deployment, revisions, cluster, nowMs);
  const step = (): Sizes =>
    newer === undefined || waits
      ? toZero(active)
      : recreate
        ? new Map([[newer.metadata.name, deployment.spec.replicas]])
        : nextRollingStep(status.limitsOf(deployment), sizeOf(newer), active.map(sizeOf));
  const after = adjust(deployment, revisions, step(), !waits);
  const told = waits ? deployment : status.withFoundTold(deployment, after.newer, nowMs);
  const isDone = !waits && status.isComplete(deployment, deployment.status ?? {});
  return {
    actions: [
      ...changes(revisions, after),
      ...(waits ? [] : tellRevision(deployment, after.newer)),
      ...(isDone ? prune(deployment, older) : []),
    ],
    ...status.rolloutStatus(told, after, nowMs),
  };
}

function podsRun(cluster: Inventory, { metadata }: ReplicaSet): boolean {
  return cluster.dependentsOf(metadata.uid).some((pod) => pod.kind === 'Pod' && !hasEnded(pod as Pod));
}

/** Makes the new ReplicaSet; a name that is taken by another template counts as a collision. */
function planFirst(
  deployment: Deployment,
  { older }: status.Revisions,
  cluster: Inventory,
  nowMs: number,
): Plan {
  const { status: seen, metadata } = deployment;
  const wanted = newReplicaSet(deployment, older);
  const { name } = wanted.metadata;
  const { namespace = 'default' } = metadata;
  const taken = cluster.get<ReplicaSet>({ kind: 'ReplicaSet', group: 'apps', namespace, name });
  if (taken !== undefined) {
    const isSame = sameTemplate(taken.spec.template, deployment.spec.template);
    const collisionCount = (seen?.collisionCount ?? 0) + 1;
    const next = isSame ? deployment : { ...deployment, status: { ...seen, collisionCount } };
    return status.rolloutStatus(next, { newer: undefined, older }, nowMs);
  }
  const message = `Created new replica set "${name}"`;
  const told = status.withProgressTold(deployment, nowMs, { reason: 'NewReplicaSetCreated', message });
  return {
    actions: [
      { act: 'create', object: wanted },
      ...(isActive(wanted) ? [tellScaled(wanted, 'up')] : []),
      ...tellRevision(deployment, wanted),
    ],
    ...status.rolloutStatus(told, { newer: wanted, older }, nowMs),
  };
}

/** The ReplicaSet to create for the Deployment's template. */
function newReplicaSet(deployment: Deployment, older: readonly ReplicaSet[]): ReplicaSet {
  const { spec, metadata } = deployment;
  const limits = status.limitsOf(deployment);
  const total = older.reduce((sum, one) => sum + one.spec.replicas, 0);
  const replicas =
    spec.strategy.type === 'RollingUpdate' ? newReplicaSetSize(limits, 0, total) : spec.replicas;
  const hash = hashOf(spec.template, deployment.status?.collisionCount ?? 0);
  const labels = { ...spec.template.metadata?.labels, [POD_TEMPLATE_HASH]: hash };
  const { minReadySeconds } = spec;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace ?? 'default',
      labels,
      annotations: { ...revisionAnnotations(deployment, {}, older), ...sizeAnnotations(deployment) },
      ownerReferences: [controllerRefTo(deployment)],
      ...NOT_STORED_YET,
    },
    spec: {
      replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: {
        ...spec.selector,
        matchLabels: { ...spec.selector.matchLabels, [POD_TEMPLATE_HASH]: hash },
      },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
}

/** The annotations of the new ReplicaSet: the Deployment's own, the revision (one more than the others'), and those it had before. */
function revisionAnnotations(
  { metadata }: Deployment,
  current: Readonly<Annotations>,
  older: readonly ReplicaSet[],
): Annotations {
  const copied = Object.entries(metadata.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key));
  const annotations = { ...current, ...Object.fromEntries(copied) };
  const revision = Math.max(0, ...older.map(revisionOf)) + 1;
  const before = Number(current[REVISION] ?? 0);
  if (revision <= before) return annotations;
  const history = [current[REVISION_HISTORY], before].filter(Boolean).join(',');
  const earlier = before > 0 ? { [REVISION_HISTORY]: history } : {};
  return { ...annotations, [REVISION]: String(revision), ...earlier };
}

/** On every ReplicaSet that is sized: how large the Deployment is meant to be. */
function sizeAnnotations(deployment: Deployment): Annotations {
  const { replicas, surge } = status.limitsOf(deployment);
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + surge) };
}

/** The ReplicaSets as they are to be: with their sizes, the new one also with what it has of the Deployment. */
function adjust(
  deployment: Deployment,
  { newer, older }: status.Revisions,
  sizes: Sizes,
  keepsNewer = true,
): status.Revisions {
  const { minReadySeconds = 0 } = deployment.spec;
  const withSize = (replicaSet: ReplicaSet, annotations: Annotations, spec = replicaSet.spec): ReplicaSet => {
    const replicas = sizes.get(replicaSet.metadata.name);
    const sized = replicas === undefined ? {} : sizeAnnotations(deployment);
    return {
      ...replicaSet,
      metadata: { ...replicaSet.metadata, annotations: { ...annotations, ...sized } },
      spec: { ...spec, replicas: replicas ?? spec.replicas },
    };
  };
  const kept = (replicaSet: ReplicaSet): ReplicaSet => {
    const { spec, metadata } = replicaSet;
    const isSame = !keepsNewer || (spec.minReadySeconds ?? 0) === minReadySeconds;
    const current = metadata.annotations ?? {};
    const annotations = keepsNewer ? revisionAnnotations(deployment, current, older) : current;
    return withSize(replicaSet, annotations, isSame ? spec : { ...spec, minReadySeconds });
  };
  return {
    newer: newer === undefined ? undefined : kept(newer),
    older: older.map((one) => withSize(one, one.metadata.annotations ?? {})),
  };
}

/** Makes the ReplicaSets what they are to be. */
function changes(before: status.Revisions, after: status.Revisions): Action[] {
  const stored = [before.newer, ...before.older];
  return [after.newer, ...after.older].flatMap((wanted, index): Action[] => {
    const current = stored[index];
    if (wanted === undefined || current === undefined) return [];
    const { annotations = {} } = wanted.metadata;
    const { replicas, minReadySeconds } = wanted.spec;
    if (sameJson([current.spec, current.metadata.annotations ?? {}], [wanted.spec, annotations])) return [];
    const change = ({ spec, metadata }: ReplicaSet): void => {
      metadata.annotations = annotations;
      spec.replicas = replicas;
      if (minReadySeconds !== undefined) spec.minReadySeconds = minReadySeconds;
    };
    const added = replicas - current.spec.replicas;
    const told = added === 0 ? [] : [tellScaled(wanted, added > 0 ? 'up' : 'down')];
    return [{ act: 'change', object: current, change }, ...told];
  });
}

function tellScaled({ metadata, spec }: ReplicaSet, way: 'up' | 'down'): Action {
  const message = `Scaled ${way} replica set ${metadata.name} to ${spec.replicas}`;
  return { act: 'tell', event: { type: 'Normal', reason: 'ScalingReplicaSet', message } };
}

/** Writes the new ReplicaSet's revision on the Deployment. */
function tellRevision(deployment: Deployment, newer: ReplicaSet | undefined): Action[] {
  if (newer === undefined || revisionOf(deployment) === revisionOf(newer)) return [];
  const change = ({ metadata }: Deployment): void => {
    metadata.annotations = { ...metadata.annotations, [REVISION]: String(revisionOf(newer)) };
  };
  return [{ act: 'change', object: deployment, change }];
}

/** Deletes the old ReplicaSets beyond the history limit that are done: no pods, nothing unseen, not going already. */
function prune({ spec }: Deployment, older: readonly ReplicaSet[]): Action[] {
  const alive = older.filter((replicaSet) => !isGoing(replicaSet));
  const surplus = alive.length - (spec.revisionHistoryLimit ?? Infinity);
  return alive
    .sort((left, right) => revisionOf(left) - revisionOf(right))
    .slice(0, Math.max(0, surplus))
    .filter(
      (one) =>
        !isActive(one) &&
        (one.status?.replicas ?? 0) === 0 &&
        (one.metadata.generation ?? 0) <= (one.status?.observedGeneration ?? 0),
    )
    .map(remove);
}
