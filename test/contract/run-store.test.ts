import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createKubernetes, type Kubernetes } from '../../src/adapters/kubernetes/create-kubernetes.ts';
import { recordName } from '../../src/adapters/kubernetes/record/run-store.ts';
import { LeaseLostError, type RunRecord } from '../../src/ports/run-record.ts';
import { testCluster, type TestCluster } from '../support/cluster.ts';
import { scratchNamespace, soon, type ScratchNamespace } from '../support/scratch-namespace.ts';

jest.setTimeout(60_000);

const leaseMs = 3000;
let cluster: TestCluster;
let scratch: ScratchNamespace;
let other: Kubernetes;
let count = 0;

beforeAll(async () => {
  cluster = await testCluster();
  scratch = await scratchNamespace(cluster.kubeconfig, 'runs', { leaseMs });
  other = await createKubernetes({ kubeconfig: cluster.kubeconfig, leaseMs });
});
afterAll(async () => {
  await other.close();
  await scratch.remove();
  await cluster.close();
});

function newRecord(more: Partial<RunRecord> = {}): RunRecord {
  count += 1;
  return {
    formatVersion: 1,
    runId: `01JTEST${String(count).padStart(4, '0')}`,
    pipeline: 'shop',
    namespace: scratch.namespace,
    createdAt: 1,
    state: 'running',
    source: { file: 'app.yaml', text: 'name: shop\n' },
    parameters: {},
    trigger: {},
    git: {},
    stages: {},
    ...more,
  };
}

/** A runner of its own that is killed: its lease is held and never renewed again. */
async function abandoned(): Promise<RunRecord> {
  const record = newRecord();
  const dying = await createKubernetes({ kubeconfig: cluster.kubeconfig, leaseMs });
  const stored = await dying.runs.create(record, soon());
  await dying.runs.acquireLease(stored, 'dead', soon());
  await dying.close(); // every request fails from here on
  return record;
}

describe('the record of a run', () => {
  it('is written, read by any other process, and removed', async () => {
    const record = newRecord();
    const { runs } = scratch.kubernetes;

    const stored = await runs.create(record, soon());

    expect(stored.owner).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: recordName(record.runId),
    });
    await expect(other.runs.load(record, soon())).resolves.toEqual(stored);
    expect(
      (await other.runs.list(scratch.namespace, soon())).map(({ record: { runId } }) => runId),
    ).toContain(record.runId);
    await other.runs.remove(record, soon());
    await other.runs.remove(record, soon());
    await expect(runs.load(record, soon())).resolves.toBeUndefined();
  });

  it('is not made twice', async () => {
    const record = newRecord();
    await scratch.kubernetes.runs.create(record, soon());

    await expect(other.runs.create(record, soon())).rejects.toMatchObject({ name: 'ConflictError' });
  });

  it('is written only over the version that the writer has seen', async () => {
    const record = newRecord();
    const stored = await scratch.kubernetes.runs.create(record, soon());
    const updated = await other.runs.update(stored, { ...record, state: 'cancelling' }, soon());

    const late = scratch.kubernetes.runs.update(stored, { ...record, parameters: { a: '1' } }, soon());

    await expect(late).rejects.toMatchObject({ name: 'ConflictError' });
    await expect(scratch.kubernetes.runs.load(record, soon())).resolves.toEqual(updated);
  });

  it('may be large', async () => {
    const text = Array.from({ length: 40_000 }, (_, line) => `step ${String(line)}: build\n`).join('');
    const record = newRecord({ source: { file: 'app.yaml', text } });

    await scratch.kubernetes.runs.create(record, soon());

    expect((await other.runs.load(record, soon()))?.record).toEqual(record);
  });

  it('of a newer format is refused with what to do, and left out of a list', async () => {
    const record = newRecord({ formatVersion: 2 as 1 });
    // The writer is newer too: it reads what it wrote, this version does not.
    await expect(scratch.kubernetes.runs.create(record, soon())).rejects.toThrow('format 2');

    await expect(other.runs.load(record, soon())).rejects.toMatchObject({
      fault: 'input',
      message: expect.stringMatching(/was written in format 2; this version of Slipway reads up to 1/),
    });
    const listed = await other.runs.list(scratch.namespace, soon());
    expect(listed.map(({ record: { runId } }) => runId)).not.toContain(record.runId);
  });
});

describe('the lease of a run', () => {
  it('is held by one: the other hears who has it as soon as it is renewed', async () => {
    const stored = await scratch.kubernetes.runs.create(newRecord(), soon());
    const lease = await scratch.kubernetes.runs.acquireLease(stored, 'first', soon());

    const second = other.runs.acquireLease(stored, 'second', soon());

    await expect(second).rejects.toThrow(LeaseLostError);
    await expect(second).rejects.toThrow(/first/);
    expect(lease.lost.aborted).toBe(false);
    await lease.release(soon());
  });

  it('may be taken at once when it was released', async () => {
    const stored = await scratch.kubernetes.runs.create(newRecord(), soon());
    const lease = await scratch.kubernetes.runs.acquireLease(stored, 'first', soon());
    await lease.release(soon());
    const startedAt = performance.now();

    const second = await other.runs.acquireLease(stored, 'second', soon());

    expect(performance.now() - startedAt).toBeLessThan(leaseMs);
    await second.release(soon());
    await expect(other.runs.leaseOf(stored.record, soon())).resolves.toBeUndefined();
  });

  it('of a runner that died is taken over after its time', async () => {
    const record = await abandoned();
    const stored = await other.runs.load(record, soon());
    const startedAt = performance.now();

    const lease = await other.runs.acquireLease(stored!, 'heir', soon());

    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(leaseMs * 0.9);
    await expect(other.runs.leaseOf(record, soon())).resolves.toEqual({ holder: 'heir', expired: false });
    await lease.release(soon());
  });

  it('goes to one of two who resume at once', async () => {
    const record = await abandoned();
    const stored = await other.runs.load(record, soon());

    const outcomes = await Promise.allSettled([
      scratch.kubernetes.runs.acquireLease(stored!, 'one', soon()),
      other.runs.acquireLease(stored!, 'two', soon()),
    ]);

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(lost?.reason).toBeInstanceOf(LeaseLostError);
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value.release(soon());
  });

  it('is gone after its release, although a renewal was written whose answer never came', async () => {
    const { cluster: api, runs } = scratch.kubernetes;
    const record = newRecord();
    const lease = await runs.acquireLease(await runs.create(record, soon()), 'me', soon());
    const name = recordName(record.runId);
    const reference = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      name,
      namespace: record.namespace,
    };
    const renewal = { type: 'merge', body: { metadata: { annotations: { written: 'unseen' } } } } as const;
    await api.patch(reference, renewal, soon());

    await lease.release(soon());

    await expect(api.get(reference, soon())).resolves.toBeUndefined();
  });

  it('that was taken over is told to the one who had it, who writes nothing more', async () => {
    const record = newRecord();
    const stored = await scratch.kubernetes.runs.create(record, soon());
    const lease = await scratch.kubernetes.runs.acquireLease(stored, 'first', soon());
    const reference = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      name: recordName(record.runId),
      namespace: record.namespace,
    };
    const thief = { type: 'merge', body: { spec: { holderIdentity: 'second' } } } as const;
    await other.cluster.patch(reference, thief, soon());

    while (!lease.lost.aborted) await sleep(50);

    expect(lease.lost.reason).toBeInstanceOf(LeaseLostError);
    const writing = scratch.kubernetes.runs.update(stored, { ...record, state: 'finished' }, soon());
    await expect(writing).rejects.toBeInstanceOf(LeaseLostError);
    await expect(other.runs.load(record, soon())).resolves.toEqual(stored);
    await lease.release(soon());
    await expect(other.runs.leaseOf(record, soon())).resolves.toMatchObject({ holder: 'second' });
  });

  it('does not depend on what the runner’s clock says', async () => {
    const stored = await scratch.kubernetes.runs.create(newRecord(), soon());
    jest.useFakeTimers({ now: Date.now() - 600_000, doNotFake: [...everythingButDate] });
    try {
      const lease = await scratch.kubernetes.runs.acquireLease(stored, 'late', soon());
      jest.setSystemTime(Date.now() + 1_200_000);
      await expect(other.runs.acquireLease(stored, 'second', soon())).rejects.toThrow(/late/);
      await sleep(leaseMs);
      expect(lease.lost.aborted).toBe(false);
      await lease.release(soon());
    } finally {
      jest.useRealTimers();
    }
  });
});

const everythingButDate = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

describe('orphans', () => {
  it('are runs whose runner has gone, and agents of no run; what lives is left alone', async () => {
    const living = newRecord();
    const stored = await scratch.kubernetes.runs.create(living, soon());
    const lease = await scratch.kubernetes.runs.acquireLease(stored, 'alive', soon());
    const dead = await abandoned();
    const done = newRecord({ state: 'finished' });
    await scratch.kubernetes.runs.create(done, soon());
    const agents = await Promise.all(
      ['01JNOBODY', done.runId, living.runId].map((runId) =>
        scratch.kubernetes.agents.acquire(scratch.agentSpec({ runId }), soon()),
      ),
    );

    const { runs, objects } = await other.findOrphans(scratch.namespace, soon());

    const ids = runs.map(({ record }) => record.runId);
    expect(ids).toContain(dead.runId);
    expect(ids).not.toContain(living.runId);
    expect(objects.map(({ name }) => name).sort()).toEqual([agents[0]!.pod, agents[1]!.pod].sort());
    await lease.release(soon());
  });

  it('are none of the agents of a run whose record a newer version wrote', async () => {
    const newer = newRecord();
    const { cluster, agents, runs: store } = scratch.kubernetes;
    const { owner } = await store.create(newer, soon());
    const agent = await agents.acquire(scratch.agentSpec({ runId: newer.runId }), soon());
    const reference = { ...owner, namespace: scratch.namespace };
    await cluster.patch(reference, { type: 'merge', body: { data: { formatVersion: '2' } } }, soon());

    const { objects } = await other.findOrphans(scratch.namespace, soon());

    expect(objects.map(({ name }) => name)).not.toContain(agent.pod);
  });
});
