import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject, ObjectKind } from '../../ports/kubernetes-object.ts';
import { isWorkload, keyOf, referenceOf } from '../../kubernetes/workload-objects.ts';

interface Autoscaler extends KubernetesObject {
  spec: { scaleTargetRef: { apiVersion?: string; kind: string; name: string } };
}

/** From the newest: 1.20 serves v1 and v2beta2, 1.26 and later v1 and v2. */
const autoscalerKinds: readonly ObjectKind[] = ['v2', 'v2beta2', 'v1'].map((version) => ({
  apiVersion: `autoscaling/${version}`,
  kind: 'HorizontalPodAutoscaler',
}));

/**
 * Keys of the workloads among `objects` whose replicas a HorizontalPodAutoscaler sets: one in the cluster or one
 * among the objects.
 */
export async function autoscaledWorkloads(
  objects: readonly KubernetesObject[],
  cluster: Cluster,
  options: CallOptions,
): Promise<Set<string>> {
  const workloads = objects.filter(isWorkload).map(referenceOf);
  const namespaces = new Set(workloads.map((workload) => workload.namespace ?? ''));
  const scalers = objects.filter((o): o is Autoscaler => o.kind === 'HorizontalPodAutoscaler');
  const kind = workloads.length === 0 ? undefined : await cluster.firstServed(autoscalerKinds, options);
  if (kind !== undefined) {
    for (const namespace of namespaces) {
      scalers.push(...(await cluster.list<Autoscaler>(kind, { namespace }, options)));
    }
  }
  const keys = new Set<string>();
  for (const { metadata, spec } of scalers) {
    const target = workloads.find(
      ({ kind: workloadKind, name, namespace }) =>
        workloadKind === spec.scaleTargetRef.kind &&
        name === spec.scaleTargetRef.name &&
        namespace === metadata.namespace,
    );
    if (target !== undefined) keys.add(keyOf(target));
  }
  return keys;
}
