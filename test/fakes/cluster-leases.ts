import { KubernetesLeases } from '../../src/adapters/kubernetes/lease/kubernetes-leases.ts';
import { silentLog } from '../../src/adapters/kubernetes/log.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Cluster } from '../../src/ports/cluster.ts';

/** The leases of one process on a cluster, with faults as its calls have them, in the time of the given clock. */
export function leasesOn(cluster: Cluster, clock: Clock, leaseMs = 15_000): KubernetesLeases {
  return new KubernetesLeases({ cluster, clock, leaseMs, log: silentLog });
}
