import { defined } from '../../base/defined.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { referenceOf, selectorText, isWorkload, type Workload } from '../../kubernetes/workload-objects.ts';
import { managersOf, withFields } from '../../kubernetes/field-set.ts';
import { liveReplicaSet, withoutHash } from '../../kubernetes/replica-sets.ts';
import { writtenFields } from './ownership.ts';

/**
 * What serves now of the workloads that a first release is about to change, as objects that bring it back: their pod
 * templates, taken from the workload itself, and for a Deployment in
 * trouble from the ReplicaSet with most available pods.
 * Jobs and bare Pods are not adopted: what has run cannot be rolled back to.
 */
export async function adoptable(
  objects: readonly KubernetesObject[],
  cluster: Cluster,
  options: CallOptions,
): Promise<Workload[]> {
  const adopted: Workload[] = [];
  for (const object of objects) {
    if (!isWorkload(object) || object.kind === 'Job' || object.kind === 'Pod') continue;
    const live = await cluster.get<Workload>(referenceOf(object), options);
    if (live === undefined) continue;
    const serving = await servingTemplate(live, cluster, options);
    if (serving === undefined) continue;
    adopted.push(baseline(live, serving));
  }
  return adopted;
}

async function servingTemplate(
  live: Workload,
  cluster: Cluster,
  options: CallOptions,
): Promise<Workload['spec']['template']> {
  if (live.kind !== 'Deployment') return live.spec.template;
  const selection = {
    namespace: live.metadata.namespace ?? '',
    labelSelector: selectorText(live.spec.selector),
  };
  const sets = (
    await cluster.list<Workload>({ apiVersion: 'apps/v1', kind: 'ReplicaSet' }, selection, options)
  ).filter((set) => set.metadata.ownerReferences?.some((owner) => owner.uid === live.metadata.uid));
  const current = liveReplicaSet(live, sets);
  const available = (set: Workload) => set.status?.availableReplicas ?? 0;
  if (current !== undefined && available(current) >= (live.spec.replicas ?? 1)) return live.spec.template;
  const best = [...sets].sort((a, b) => available(b) - available(a))[0];
  const template = best === undefined || available(best) === 0 ? undefined : best.spec.template;
  return template === undefined ? undefined : withoutHash(template);
}

/**
 * What clients have written, and all that pods are made from; replicas stay as they are. The managers of the fields
 * are kept: they get them back when it is rolled back to.
 */
function baseline(live: Workload, template: NonNullable<Workload['spec']['template']>): Workload {
  const { apiVersion, kind, metadata } = live;
  const { name, namespace } = metadata;
  const written = withFields(live, writtenFields(live)) as Partial<Workload>;
  const { labels, annotations } = written.metadata ?? {};
  const { selector, strategy, updateStrategy } = live.spec;
  const serviceName = live.spec['serviceName'];
  const managedFields = managersOf(live);
  return {
    apiVersion,
    kind,
    metadata: { name, ...defined({ namespace, labels, annotations }), managedFields },
    spec: {
      ...written.spec,
      ...defined({ selector, strategy, updateStrategy, serviceName }),
      template,
    },
  };
}
