/** Which ReplicaSet is a Deployment's new one, and the annotations that carry revisions and sizes between them. */
import { POD_TEMPLATE_HASH, hashOf, sameTemplate } from './template-hash.ts';
import type { Deployment, ReplicaSet } from './workload-types.ts';
import { controllerRefTo } from './ownership.ts';
import type { NewObject } from '../store/objects.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
/** These stay with the Deployment or belong to the ReplicaSet alone. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);

/** A Deployment's ReplicaSets: the one with its template, if there is one, and the others. */
export interface Revisions {
  newer: ReplicaSet | undefined;
  older: ReplicaSet[];
}

/** Splits the ReplicaSets; of several with the Deployment's template the oldest is the new one. */
export function splitRevisions(deployment: Deployment, replicaSets: readonly ReplicaSet[]): Revisions {
  const byAge = [...replicaSets].sort((left, right) => ageOf(left) - ageOf(right));
  const newer = byAge.find((replicaSet) => sameTemplate(replicaSet.spec.template, deployment.spec.template));
  return { newer, older: byAge.filter((replicaSet) => replicaSet !== newer) };
}

/** Milliseconds of creation, made finer by the revision: times are stored in whole seconds only. */
export function ageOf(replicaSet: ReplicaSet): number {
  return Date.parse(replicaSet.metadata.creationTimestamp) + Math.min(revisionOf(replicaSet), 999);
}

/** The revision annotation as a number, 0 without one. */
export function revisionOf(object: { metadata: { annotations?: Record<string, string> } }): number {
  return Number(object.metadata.annotations?.[REVISION] ?? 0) || 0;
}

/** The revision that the new ReplicaSet is to have: one more than the highest of the old ones. */
export function nextRevision(older: readonly ReplicaSet[]): number {
  return Math.max(0, ...older.map(revisionOf)) + 1;
}

/** The annotations of the new ReplicaSet: the Deployment's own, the revision, and the revisions it had before. */
export function revisionAnnotations(
  deployment: Deployment,
  current: Readonly<Record<string, string>>,
  revision: number,
): Record<string, string> {
  const annotations = { ...current };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!NOT_COPIED.has(key)) annotations[key] = value;
  }
  const before = Number(current[REVISION] ?? 0);
  if (revision <= before) return annotations;
  annotations[REVISION] = String(revision);
  if (before > 0) {
    const history = current[REVISION_HISTORY];
    annotations[REVISION_HISTORY] = history === undefined ? String(before) : `${history},${before}`;
  }
  return annotations;
}

/** The ReplicaSet to create for the Deployment's template. */
export function newReplicaSet(
  deployment: Deployment,
  { replicas, maxReplicas, revision }: { replicas: number; maxReplicas: number; revision: number },
): NewObject<ReplicaSet> {
  const { spec, metadata } = deployment;
  const hash = hashOf(spec.template, deployment.status?.collisionCount ?? 0);
  const labels = { ...spec.template.metadata?.labels, [POD_TEMPLATE_HASH]: hash };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${metadata.name}-${hash}`,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels,
      annotations: {
        ...revisionAnnotations(deployment, {}, revision),
        [DESIRED_REPLICAS]: String(spec.replicas),
        [MAX_REPLICAS]: String(maxReplicas),
      },
      ownerReferences: [controllerRefTo(deployment)],
    },
    spec: {
      replicas,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: {
        ...spec.selector,
        matchLabels: { ...spec.selector.matchLabels, [POD_TEMPLATE_HASH]: hash },
      },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
}

/** The old ReplicaSets beyond the history limit that are done: no pods, nothing unseen, not going already. */
export function surplusRevisions(deployment: Deployment, older: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined) return [];
  const alive = older.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return alive
    .sort((left, right) => revisionOf(left) - revisionOf(right))
    .slice(0, Math.max(0, alive.length - limit))
    .filter(
      ({ metadata, spec, status }) =>
        spec.replicas === 0 &&
        (status?.replicas ?? 0) === 0 &&
        (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0),
    );
}
