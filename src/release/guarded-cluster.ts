import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { KubernetesObject, ObjectReference } from '../ports/kubernetes-object.ts';

/** A change that is about to be sent. */
export type ClusterWrite =
  | { type: 'create' | 'replace' | 'apply'; object: KubernetesObject }
  | { type: 'patch' | 'delete'; reference: ObjectReference };

/**
 * The cluster with a check before each of its writes; reads pass.
 * @param check keeps a write back by throwing; returns the options that it is sent with
 */
export function guardedCluster(
  cluster: Cluster,
  check: <O extends CallOptions>(write: ClusterWrite, options: O) => O | Promise<O>,
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
      return cluster.create(object, await check({ type: 'create', object }, options));
    },
    async replace(object, options) {
      return cluster.replace(object, await check({ type: 'replace', object }, options));
    },
    async apply(object, options) {
      return cluster.apply(object, await check({ type: 'apply', object }, options));
    },
    async patch(reference, patch, options) {
      return cluster.patch(reference, patch, await check({ type: 'patch', reference }, options));
    },
    async delete(reference, options) {
      return cluster.delete(reference, await check({ type: 'delete', reference }, options));
    },
  };
}
