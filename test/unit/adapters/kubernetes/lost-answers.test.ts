import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../../../src/adapters/kubernetes/log.ts';
import { KubernetesRunStore } from '../../../../src/adapters/kubernetes/record/run-store.ts';
import { ConflictError } from '../../../../src/ports/cluster-errors.ts';
import type { Lease, LeaseRequest } from '../../../../src/ports/leases.ts';
import type { RunRecord } from '../../../../src/ports/run-record.ts';
import { recordName } from '../../../../src/release/record/release-record.ts';
import { ReleaseStore } from '../../../../src/release/record/release-store.ts';
import { leasesOn } from '../../../fakes/cluster-leases.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

const { signal } = new AbortController();
const leaseMs = 15_000;

/**
 * The next write of a kind is done, and its caller learns of a conflict: what becomes of a write whose answer was lost
 * and that is repeated, where nobody has looked whose write it conflicts with. The cluster's adapter looks, too.
 */
function loseNext(cluster: FakeCluster, verb: 'create' | 'replace'): void {
  cluster.after = (done) => {
    if (done !== verb) return;
    cluster.after = () => undefined;
    throw new ConflictError('the object has been modified');
  };
}

const record: RunRecord = {
  ...{ formatVersion: 2, fence: 1, runId: '01RUN', pipeline: 'shop', namespace: 'ci', createdAt: 1 },
  ...{ state: 'running', source: { file: 'app.yaml', text: '' }, parameters: {}, trigger: {} },
  ...{ agents: {}, git: {}, stages: {} },
};

describe('the record of a run whose write lost its answer', () => {
  const begin = async () => {
    const cluster = new FakeCluster();
    const store = new KubernetesRunStore({ cluster, log: silentLog });
    return { cluster, store, before: await store.create(record, { signal }) };
  };

  it('is written, and can be written again', async () => {
    const { cluster, store, before } = await begin();
    loseNext(cluster, 'replace');

    const written = await store.update(before, { ...record, git: { sha: 'a' } }, { signal });
    await store.update(written, { ...record, git: { sha: 'b' } }, { signal });

    expect(written.record.git).toEqual({ sha: 'a' });
    expect((await store.load(record, { signal }))?.record.git).toEqual({ sha: 'b' });
  });

  it('is finished', async () => {
    const { cluster, store, before } = await begin();
    loseNext(cluster, 'replace');
    const end = { ...record, state: 'finished', outcome: 'succeeded' } as const;

    await expect(store.update(before, end, { signal })).resolves.toMatchObject({ record: end });
    // Its owner, who has learned of nothing, writes it again with a later time in it.
    const later = { ...end, writtenAt: 2 };
    await expect(store.update(before, later, { signal })).resolves.toMatchObject({ record: end });
  });
});

describe('the record of a release whose write lost its answer', () => {
  const begin = () => {
    const cluster = new FakeCluster();
    return { cluster, store: new ReleaseStore(cluster, 'web', 'shop') };
  };

  it('is made', async () => {
    const { cluster, store } = begin();
    loseNext(cluster, 'create');

    const made = await store.loadOrCreate({ signal });
    await store.save(made, { ...made.record, stable: 1 }, { signal });

    expect((await store.load({ signal }))?.record.stable).toBe(1);
  });

  it('is written, and can be written again', async () => {
    const { cluster, store } = begin();
    const before = await store.loadOrCreate({ signal });
    loseNext(cluster, 'replace');

    const written = await store.save(before, { ...before.record, stable: 1 }, { signal });
    await store.save(written, { ...before.record, stable: 2 }, { signal });

    expect((await store.load({ signal }))?.record.stable).toBe(2);
  });

  it('has the objects of its revision', async () => {
    const { cluster, store } = begin();
    const { uid } = await store.loadOrCreate({ signal });
    const objects = [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'login', namespace: 'shop' },
        data: { a: 'eA==' },
      },
    ];
    loseNext(cluster, 'create');

    await store.saveRevision(1, objects, { signal, owner: uid });

    expect(cluster.all('ConfigMap').map(({ metadata }) => metadata.name)).toContain(`${recordName('web')}.1`);
    expect(cluster.all('Secret').map(({ metadata }) => metadata.name)).toEqual([`${recordName('web')}.1`]);
  });
});

describe('a lease whose write lost its answer', () => {
  const request: LeaseRequest = {
    name: 'web',
    namespace: 'shop',
    subject: 'the release of web',
    holder: 'me',
  };
  let held: Lease | undefined;
  const begin = () => {
    const cluster = new FakeCluster();
    const clock = new VirtualClock();
    return { cluster, clock, leases: leasesOn(cluster, clock, leaseMs) };
  };
  const stored = (cluster: FakeCluster) => cluster.all('Lease')[0]?.['spec'];
  afterEach(() => held?.release({ signal }));

  it('is acquired, with the fence that was written', async () => {
    const { cluster, leases } = begin();
    loseNext(cluster, 'create');

    held = await leases.acquire(request, { signal });

    expect(held.fence).toBe(1);
    expect(stored(cluster)).toMatchObject({ holderIdentity: 'me', leaseTransitions: 1 });
  });

  it('is acquired again after it was given back, with the fence that was written', async () => {
    const { cluster, leases } = begin();
    await (await leases.acquire(request, { signal })).release({ signal });
    loseNext(cluster, 'replace');

    held = await leases.acquire({ ...request, fenceAfter: 1 }, { signal });

    expect(held.fence).toBe(2);
    expect(stored(cluster)).toMatchObject({ holderIdentity: 'me', leaseTransitions: 2 });
  });

  it('is renewed, and goes on being renewed', async () => {
    const { cluster, clock, leases } = begin();
    held = await leases.acquire(request, { signal });
    loseNext(cluster, 'replace');

    await clock.sleep(3 * leaseMs, { signal });

    expect(held.leaseLost.aborted).toBe(false);
    await held.confirm({ signal });
    expect(stored(cluster)).toMatchObject({ holderIdentity: 'me', leaseTransitions: 1 });
  });

  it('is given back after a renewal that lost its answer', async () => {
    const { cluster, leases } = begin();
    const lease = await leases.acquire(request, { signal });
    loseNext(cluster, 'replace');

    await lease.release({ signal });

    expect(stored(cluster)).not.toHaveProperty('holderIdentity');
  });
});
