import { defined } from '../../base/defined.ts';
/** The ReplicaSets of a Deployment: how they are made, sized and annotated. */
import { sameJson } from '../../base/same-json.ts';
import * as status from './deployment-status.ts';
import { controllerRefTo, type Action } from './plan.ts';
import { newReplicaSetSize } from './rollout-arithmetic.ts';
import type { ReplicaSetSize, Sizes } from './rollout-arithmetic.ts';
import { podTemplateHashLabel, hashOf } from './template-hash.ts';
import type { Deployment, ReplicaSet } from './workload-types.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
/** These stay with the Deployment or belong to the ReplicaSet alone. */
const notCopied: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  'deprecated.deployment.rollback.to',
]);

/** The store fills these in. */
const notStoredYet = { uid: '', resourceVersion: '', creationTimestamp: '' };

type Annotations = Record<string, string>;
type Annotated = Pick<Deployment, 'metadata'>;

/** Milliseconds of creation, made finer by the revision: times are stored in whole seconds only. */
export function ageOf(replicaSet: ReplicaSet): number {
  return Date.parse(replicaSet.metadata.creationTimestamp) + Math.min(revisionOf(replicaSet), 999);
}

export function numberIn({ metadata }: Annotated, annotation: string): number | undefined {
  const text = metadata.annotations?.[annotation];
  return text === undefined || Number.isNaN(Number(text)) ? undefined : Number(text);
}

export function revisionOf(object: Annotated): number {
  return numberIn(object, revisionAnnotation) ?? 0;
}

export function isActive({ spec }: ReplicaSet): boolean {
  return spec.replicas > 0;
}

export function sizeOf(replicaSet: ReplicaSet): ReplicaSetSize {
  const maxReplicas = numberIn(replicaSet, maxReplicasAnnotation);
  return {
    name: replicaSet.metadata.name,
    replicas: replicaSet.spec.replicas,
    available: replicaSet.status?.availableReplicas ?? 0,
    age: ageOf(replicaSet),
    ...defined({ maxReplicas }),
  };
}

/** The ReplicaSet to create for the Deployment's template. */
export function newReplicaSet(deployment: Deployment, older: readonly ReplicaSet[]): ReplicaSet {
  const { spec, metadata } = deployment;
  const limits = status.limitsOf(deployment);
  const total = older.reduce((sum, one) => sum + one.spec.replicas, 0);
  const replicas =
    spec.strategy.type === 'RollingUpdate' ? newReplicaSetSize(limits, 0, total) : spec.replicas;
  const hash = hashOf(spec.template, deployment.status?.collisionCount ?? 0);
  const labels = { ...spec.template.metadata?.labels, [podTemplateHashLabel]: hash };
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
      ...notStoredYet,
    },
    spec: {
      replicas,
      ...defined({ minReadySeconds }),
      selector: {
        ...spec.selector,
        matchLabels: { ...spec.selector.matchLabels, [podTemplateHashLabel]: hash },
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
  const copied = Object.entries(metadata.annotations ?? {}).filter(([key]) => !notCopied.has(key));
  const annotations = { ...current, ...Object.fromEntries(copied) };
  const revision = Math.max(0, ...older.map(revisionOf)) + 1;
  const before = Number(current[revisionAnnotation] ?? 0);
  if (revision <= before) return annotations;
  const history = [current[revisionHistoryAnnotation], before].filter(Boolean).join(',');
  const earlier = before > 0 ? { [revisionHistoryAnnotation]: history } : {};
  return { ...annotations, [revisionAnnotation]: String(revision), ...earlier };
}

/** On every ReplicaSet that is sized: how large the Deployment is meant to be. */
function sizeAnnotations(deployment: Deployment): Annotations {
  const { replicas, surge } = status.limitsOf(deployment);
  return { [desiredReplicasAnnotation]: String(replicas), [maxReplicasAnnotation]: String(replicas + surge) };
}

/** The ReplicaSets as they are to be: with their sizes, the new one also with what it has of the Deployment. */
export function adjust(
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
export function changes(before: status.Revisions, after: status.Revisions): Action[] {
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
    const events = added === 0 ? [] : [scaledEvent(wanted, added > 0 ? 'up' : 'down')];
    return [{ act: 'change', object: current, change }, ...events];
  });
}

export function scaledEvent({ metadata, spec }: ReplicaSet, way: 'up' | 'down'): Action {
  const message = `Scaled ${way} replica set ${metadata.name} to ${spec.replicas}`;
  return { act: 'event', event: { type: 'Normal', reason: 'ScalingReplicaSet', message } };
}
