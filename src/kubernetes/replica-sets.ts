import { sameJson } from '../base/same-json.ts';
import type { PodTemplate, Workload } from './workload-objects.ts';

/** The label that tells the pods of one ReplicaSet of a Deployment from those of another. */
export const hashLabel = 'pod-template-hash';

/** The hash that the Deployment controller has given a ReplicaSet, or its pods. */
export function hashOf({ metadata }: Pick<Workload, 'metadata'>): string {
  return metadata.labels?.[hashLabel] ?? '';
}

/** A ReplicaSet's template as the Deployment had it. */
export function withoutHash(template: PodTemplate): PodTemplate {
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/**
 * The ReplicaSet that the Deployment controller takes for that of the Deployment's template: the oldest that has it
 * (https://github.com/kubernetes/kubernetes/blob/v1.36.2/pkg/controller/deployment/util/deployment_util.go,
 * FindNewReplicaSet); undefined before it is made.
 */
export function liveReplicaSet(deployment: Workload, owned: readonly Workload[]): Workload | undefined {
  const { template } = deployment.spec;
  if (template === undefined) return undefined;
  const wanted = withoutHash(template);
  return [...owned]
    .sort((left, right) => ageOf(left).localeCompare(ageOf(right)))
    .find(({ spec }) => spec.template !== undefined && sameJson(withoutHash(spec.template), wanted));
}

function ageOf({ metadata }: Workload): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
}
