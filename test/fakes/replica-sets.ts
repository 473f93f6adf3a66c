import { sameJson } from '../../src/base/same-json.ts';
import type { PodTemplate, Workload } from '../../src/kubernetes/workload-objects.ts';

/** Annotations by which the Deployment controller keeps what it knows; it copies them to no ReplicaSet. */
export const controllerAnnotations = {
  revision: 'deployment.kubernetes.io/revision',
  desiredReplicas: 'deployment.kubernetes.io/desired-replicas',
  maxReplicas: 'deployment.kubernetes.io/max-replicas',
};

const { revision, desiredReplicas } = controllerAnnotations;
const hash = 'pod-template-hash';

/**
 * Whether the number of pods has changed since ReplicaSets were scaled. One alone is scaled as it rolls out, unless the
 * Deployment is paused.
 */
export function isScaled({ spec }: Workload, sets: readonly Workload[]): boolean {
  const active = sets.filter((set) => replicasOf(set) > 0);
  const wanted = String(spec.replicas ?? 1);
  if (active.length === 1 && spec.paused !== true) return false;
  return active.some(({ metadata }) => metadata.annotations?.[desiredReplicas] !== wanted);
}

/** Pods that a ReplicaSet is to have. */
export function replicasOf(set: Workload): number {
  return set.spec.replicas ?? 0;
}

/** The revision of the Deployment that a ReplicaSet is. */
export function revisionOf(set: Workload): number {
  return Number(set.metadata.annotations?.[revision] ?? 0);
}

/** The ReplicaSet of the newest revision. */
export function latest(sets: readonly Workload[]): Workload | undefined {
  return [...sets].sort((a, b) => revisionOf(b) - revisionOf(a))[0];
}

/** Whether a ReplicaSet was made for a template. */
export function sameTemplate(set: PodTemplate | undefined, wanted: PodTemplate | undefined): boolean {
  const { [hash]: _, ...labels } = set?.metadata?.labels ?? {};
  return sameJson({ ...set, metadata: { ...set?.metadata, labels } }, wanted);
}

/** Whether ready pods of a set do not become available in any time of a test. */
export function isWaitedFor({ spec }: Workload): boolean {
  return (spec.minReadySeconds ?? 0) >= 31_536_000;
}

/** A ReplicaSet's annotations with those of its Deployment, which are copied to it and never taken away. */
export function copiedAnnotations(set: Workload, { metadata }: Workload): Record<string, string> {
  const own = Object.values(controllerAnnotations);
  const copied = Object.entries(metadata.annotations ?? {}).filter(([key]) => !own.includes(key));
  return { ...set.metadata.annotations, ...Object.fromEntries(copied) };
}
