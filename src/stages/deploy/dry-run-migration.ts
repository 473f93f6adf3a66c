import { defined } from '../../base/defined.ts';
import { podTemplateOf, type PodTemplate } from '../../kubernetes/workload-objects.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { QuotaError, RejectedError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import type { DryRunResult } from './preflight.ts';

/** A webhook that takes no part in dry runs says nothing of the pod. */
const noDryRun = /does not support dry run/i;

/**
 * The results of a dry run with what the API says of the pods of a migration's Job: its controller tells of pods that it
 * may not create by events alone, and tries again until the Job's time is over.
 * @param objects of the migration; empty: there is none
 */
export async function withMigrationPods(
  { results, objects }: { results: readonly DryRunResult[]; objects: readonly KubernetesObject[] },
  cluster: Cluster,
  options: CallOptions,
): Promise<DryRunResult[]> {
  const job = objects.at(-1);
  const template = job && podTemplateOf(job);
  const result = results.find(({ object }) => object === job);
  // What could not be tried, or was refused already, says it of its pods, too.
  if (job === undefined || template === undefined || result?.after === undefined) return [...results];
  if (
    objects.some(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === accountOf(template))
  )
    return [...results];
  const error = await refusalOf(podOf(job, template), cluster, options);
  return results.map((each) => (each === result && error !== undefined ? { ...each, error } : each));
}

/** Whether the API takes a pod now; what may change by itself, or is a matter of rights, is no refusal. */
async function refusalOf(
  pod: KubernetesObject,
  cluster: Cluster,
  options: CallOptions,
): Promise<Error | undefined> {
  try {
    await cluster.create(pod, { ...options, dryRun: true });
    return undefined;
  } catch (error) {
    options.signal.throwIfAborted();
    const isRefusal = error instanceof RejectedError || (error instanceof QuotaError && error.isFinal);
    return isRefusal && !noDryRun.test(error.message) ? error : undefined;
  }
}

function podOf({ metadata }: KubernetesObject, template: PodTemplate): KubernetesObject {
  const { name, namespace } = metadata;
  const own = template.metadata as KubernetesObject['metadata'] | undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...own, name, ...defined({ namespace }) },
    spec: template.spec,
  };
}

function accountOf({ spec }: PodTemplate): unknown {
  return spec['serviceAccountName'] ?? spec['serviceAccount'];
}
