import type { StoredObject } from '../store/objects.ts';
import { timestamp } from '../store/timestamp.ts';
import { isTerminating, remove, type Action, type Plan, type World } from './plan.ts';
import type { Condition } from './workload-types.ts';

type Namespace = StoredObject<{ finalizers?: string[] }, { conditions?: Condition[] }>;

/** Gives every namespace its default service account and the CA, and empties one that is being deleted before it goes. */
export function planNamespace(namespace: Namespace, { cluster, nowMs, caCertificate }: World): Plan {
  const { name } = namespace.metadata;
  const ensure = (kind: string, of: string, content: object): Action[] => {
    if (cluster.get({ kind, namespace: name, name: of }) !== undefined) return [];
    const metadata = { name: of, namespace: name };
    return [{ act: 'create', object: { apiVersion: 'v1', kind, metadata, ...content } }];
  };
  if (!isTerminating(namespace)) {
    const data = { 'ca.crt': caCertificate };
    const certificate = caCertificate === undefined ? [] : ensure('ConfigMap', 'kube-root-ca.crt', { data });
    return { actions: [...ensure('ServiceAccount', 'default', {}), ...certificate] };
  }
  const content = cluster.contentOf(name);
  if (content.length === 0) return { actions: [dropFinalizer(namespace)] };
  const condition: Condition = {
    type: 'NamespaceContentRemaining',
    status: 'True',
    reason: 'SomeResourcesRemain',
    message: `Some resources are remaining: ${content.length}`,
    lastTransitionTime: timestamp(nowMs),
  };
  const [current] = namespace.status?.conditions ?? [];
  const kept = current?.message === condition.message ? current : condition;
  return {
    actions: content.filter((object) => !isTerminating(object)).map(remove),
    // What was only marked deleted is counted when its change brings the namespace here again.
    ...(content.every(isTerminating) ? { status: { phase: 'Terminating', conditions: [kept] } } : {}),
  };
}

function dropFinalizer(namespace: Namespace): Action {
  const change = ({ spec }: Namespace): void => {
    if (spec !== undefined) spec.finalizers = (spec.finalizers ?? []).filter((name) => name !== 'kubernetes');
  };
  return { act: 'change', object: namespace, change };
}
