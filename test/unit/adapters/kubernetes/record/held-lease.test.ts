import { describe, expect, it } from '@jest/globals';
import { HeldLease } from '../../../../../src/adapters/kubernetes/record/held-lease.ts';
import type { Cluster } from '../../../../../src/ports/cluster.ts';
import { ConflictError } from '../../../../../src/ports/cluster-errors.ts';

const lease = {
  name: 'slipway-run-1',
  namespace: 'ci',
  run: '1',
  owner: { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-run-1', uid: 'u' },
  holder: 'me',
  transitions: 0,
  seconds: 15,
  version: '1',
};

/** A cluster whose lease stands at another version than the holder knows. */
function clusterWith(holder: string) {
  const deleted: (string | undefined)[] = [];
  const cluster = {
    get: async () => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: lease.name, resourceVersion: '2' },
      spec: { holderIdentity: holder },
    }),
    replace: () => Promise.reject(new Error('nothing is renewed here')),
    delete: async (_reference: unknown, { resourceVersion }: { resourceVersion?: string }) => {
      if (resourceVersion !== '2') throw new ConflictError('another version');
      deleted.push(resourceVersion);
      return true;
    },
  } as unknown as Pick<Cluster, 'get' | 'replace' | 'delete'>;
  return { cluster, deleted };
}

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

describe('giving a lease back', () => {
  it('removes it also when a renewal that was ended under way had been written', async () => {
    const { cluster, deleted } = clusterWith('me');
    const held = new HeldLease({ cluster, log, renewMs: 60_000 }, lease);

    await held.release({ signal: AbortSignal.timeout(5000) });

    expect(deleted).toEqual(['2']);
  });

  it('leaves the lease of whoever has taken it over', async () => {
    const { cluster, deleted } = clusterWith('another');
    const held = new HeldLease({ cluster, log, renewMs: 60_000 }, lease);

    await held.release({ signal: AbortSignal.timeout(5000) });

    expect(deleted).toEqual([]);
  });
});
