import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { referenceOf, selectorText, isWorkload, type Workload } from './workload-objects.ts';
import { newReplicaSet } from './deployment-state.ts';

const hashLabel = 'pod-template-hash';

/**
 * What serves now of the workloads that a first release is about to change, as objects that bring it back: their pod
 * templates, taken from the workload itself, and for a Deployment in
 * trouble from the ReplicaSet with most available pods.
 * Jobs and bare Pods are not adopted: there is no going back to what has run.
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
  const current = newReplicaSet(live, sets);
  const available = (set: Workload) => set.status?.availableReplicas ?? 0;
  if (current !== undefined && available(current) >= (live.spec.replicas ?? 1)) return live.spec.template;
  const best = [...sets].sort((a, b) => available(b) - available(a))[0];
  return best === undefined || available(best) === 0 ? undefined : withoutHash(best.spec.template);
}

function withoutHash(template: Workload['spec']['template']): Workload['spec']['template'] {
  if (template === undefined) return undefined;
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** Only what pods are made from, and what the API requires; replicas stay as they are. */
function baseline(live: Workload, template: NonNullable<Workload['spec']['template']>): Workload {
  const { apiVersion, kind, metadata } = live;
  const { name, namespace } = metadata;
  const { selector, strategy, updateStrategy } = live.spec;
  const serviceName = live.spec['serviceName'];
  return {
    apiVersion,
    kind,
    metadata: namespace === undefined ? { name } : { name, namespace },
    spec: {
      ...(selector === undefined ? {} : { selector }),
      ...(strategy === undefined ? {} : { strategy }),
      ...(updateStrategy === undefined ? {} : { updateStrategy }),
      ...(serviceName === undefined ? {} : { serviceName }),
      template,
    },
  };
}
