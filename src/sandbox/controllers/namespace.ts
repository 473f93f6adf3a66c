import { writeStatus } from './status.ts';
import type { StoredObject } from '../store/objects.ts';
import { itself, type Controller, type ControllerContext } from './controller.ts';
import { timestamp } from '../store/timestamp.ts';
import type { Inventory } from './inventory.ts';
import type { Condition } from './workload-types.ts';

type Namespace = StoredObject<{ finalizers?: string[] }, { phase?: string; conditions?: Condition[] }>;

const ROOT_CERTIFICATE = 'kube-root-ca.crt';

/** Gives every namespace its default service account and the CA, and empties one that is being deleted before it goes. */
export function namespaceController(
  context: ControllerContext,
  inventory: Inventory,
  caCertificate: string | undefined,
): Controller {
  const { objects } = context;
  return {
    name: 'namespace-controller',
    watches: {
      Namespace: itself,
      // What goes may be the last thing of its namespace, or what every namespace has.
      '*': ({ metadata }, deleted) =>
        deleted && metadata.namespace !== undefined ? [{ name: metadata.namespace }] : [],
    },
    reconcile: ({ name }) => {
      const namespace = objects.get<Namespace>({ kind: 'Namespace', group: '', name });
      if (namespace === undefined) return undefined;
      if (namespace.metadata.deletionTimestamp === undefined) furnish(name);
      else empty(namespace);
      return undefined;
    },
  };

  function furnish(namespace: string): void {
    ensure('ServiceAccount', namespace, 'default', {});
    if (caCertificate !== undefined) {
      ensure('ConfigMap', namespace, ROOT_CERTIFICATE, { data: { 'ca.crt': caCertificate } });
    }
  }

  function ensure(kind: string, namespace: string, name: string, content: object): void {
    if (objects.get({ kind, group: '', namespace, name }) !== undefined) return;
    objects.create({ apiVersion: 'v1', kind, metadata: { name, namespace }, ...content });
  }

  function empty(namespace: Namespace): void {
    const { name } = namespace.metadata;
    const content = inventory.contentOf(name);
    for (const key of content) {
      const object = objects.get(key);
      if (object !== undefined && object.metadata.deletionTimestamp === undefined) objects.delete(key);
    }
    const left = inventory.contentOf(name).filter((key) => objects.get(key) !== undefined);
    writeStatus(objects, namespace, terminatingStatus(namespace, left.length, timestamp(context.now())));
    if (left.length > 0) return;
    objects.modify<Namespace>({ kind: 'Namespace', group: '', name }, ({ spec }) => {
      if (spec !== undefined)
        spec.finalizers = (spec.finalizers ?? []).filter((entry) => entry !== 'kubernetes');
    });
  }
}

function terminatingStatus({ status }: Namespace, left: number, at: string): object {
  const remaining: Condition = {
    type: 'NamespaceContentRemaining',
    status: left > 0 ? 'True' : 'False',
    reason: left > 0 ? 'SomeResourcesRemain' : 'ContentRemoved',
    message: left > 0 ? `Some resources are remaining: ${left}` : 'All content successfully removed',
    lastTransitionTime: at,
  };
  const current = status?.conditions?.find(({ type }) => type === remaining.type);
  const same = current?.status === remaining.status && current.message === remaining.message;
  return { phase: 'Terminating', conditions: [same ? current : remaining] };
}
