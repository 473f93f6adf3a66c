import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { Lease } from '../ports/leases.ts';
import { guardedCluster } from './guarded-cluster.ts';

/**
 * The cluster for the holder of a lease: nothing is written before it is sure that the lease is still held. A runner
 * that was stopped or cut off for longer than its lease lasts changes nothing of what is another's by then.
 */
export function fencedCluster(cluster: Cluster, lease: Pick<Lease, 'confirm'>): Cluster {
  return guardedCluster(cluster, (_write, options) => ({
    ...options,
    beforeWrite: (call: CallOptions) => lease.confirm(call),
  }));
}
