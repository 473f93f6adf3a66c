import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { KubernetesObject, ObjectReference } from '../ports/kubernetes-object.ts';

/** A change that is about to be sent. */
export type ClusterWrite =
  | { type: 'create' | 'replace' | 'apply'; object: KubernetesObject }
  | { type: 'patch' | 'delete'; reference: ObjectReference };

/**
 * The cluster with a check before each of its writes; reads pass.
 * @param check keeps a write back by throwing
 */
export function guardedCluster(
  cluster: Cluster,
  check: (write: ClusterWrite, options: CallOptions) => Promise<void>,
): Cluster {
  return {
    identity: cluster.identity,
    version: (options) => cluster.version(options),
    get: (reference, options) => cluster.get(reference, options),
    list: (kind, selection, options) => cluster.list(kind, selection, options),
    watch: (kind, selection, options) => cluster.watch(kind, selection, options),
    served: (kind, options) => cluster.served(kind, options),
    firstServed: (kinds, options) => cluster.firstServed(kinds, options),
    mayI: (questions, options) => cluster.mayI(questions, options),
    async create(object, options) {
      await check({ type: 'create', object }, options);
      return cluster.create(object, options);
    },
    async replace(object, options) {
      await check({ type: 'replace', object }, options);
      return cluster.replace(object, options);
    },
    async apply(object, options) {
      await check({ type: 'apply', object }, options);
      return cluster.apply(object, options);
    },
    async patch(reference, patch, options) {
      await check({ type: 'patch', reference }, options);
      return cluster.patch(reference, patch, options);
    },
    async delete(reference, options) {
      await check({ type: 'delete', reference }, options);
      return cluster.delete(reference, options);
    },
  };
}
