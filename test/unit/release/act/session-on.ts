import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import type { ReleaseRecord } from '../../../../src/release/record/release-record.ts';
import { ReleaseStore } from '../../../../src/release/record/release-store.ts';
import { ReleaseSession } from '../../../../src/release/session.ts';
import { leasesOn } from '../../../fakes/cluster-leases.ts';
import type { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';
import { entry, inProgress } from '../record/records.ts';

const { signal } = new AbortController();
const settings = { strategy: {}, timeoutMs: 60_000, rollback: 'auto', prune: false, force: false } as const;

/** A record with revision 2 in progress, and revision 1 to go back to. */
export const secondRelease: Partial<ReleaseRecord> = {
  history: [entry(1), entry(2, { outcome: 'unfinished', settings })],
  stable: 1,
  current: inProgress(2, 1),
};

/** The same, which prunes. */
export const pruningRelease: Partial<ReleaseRecord> = {
  ...secondRelease,
  history: [entry(1), entry(2, { outcome: 'unfinished', settings: { ...settings, prune: true } })],
};

/** A release in progress whose revisions have these objects, from 1. */
export async function sessionOn(
  cluster: FakeCluster,
  record: Partial<ReleaseRecord> = secondRelease,
  revisions: readonly (readonly KubernetesObject[])[] = [],
) {
  const clock = new VirtualClock();
  const store = new ReleaseStore(cluster, 'web', 'shop');
  const made = await store.loadOrCreate({ signal });
  const stored = await store.save(made, { ...made.record, ...record }, { signal });
  for (const [index, objects] of revisions.entries())
    await store.saveRevision(index + 1, objects, { signal, owner: stored.uid });
  const told: string[] = [];
  const report = {
    progress: async () => undefined,
    notice: async (level: string, message: string) => void told.push(`${level}: ${message}`),
  };
  const ports = { cluster, clock, leases: leasesOn(cluster, clock), report };
  const release = { application: 'web', namespace: 'shop', holder: 'test', store, stored };
  const session = new ReleaseSession(ports, release);
  cluster.calls.length = 0;
  return { session, store, told, clock };
}
