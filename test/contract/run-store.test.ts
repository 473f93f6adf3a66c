import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createKubernetes, type Kubernetes } from '../../src/adapters/kubernetes/create-kubernetes.ts';
import { ConflictError, NotFoundError } from '../../src/ports/cluster-errors.ts';
import type { Lease } from '../../src/ports/leases.ts';
import { LeaseLostError } from '../../src/ports/leases.ts';
import {
  runLease,
  runObjectName,
  type RunRecord,
  type RunStore,
  type StoredRun,
} from '../../src/ports/run-record.ts';
import { MemoryRunStore } from '../fakes/memory-run-store.ts';
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
    formatVersion: 2,
    fence: 1,
    runId: `01JTEST${String(count).padStart(4, '0')}`,
    pipeline: 'shop',
    namespace: scratch.namespace,
    createdAt: 1,
    state: 'running',
    source: { file: 'app.yaml', text: 'name: shop\n' },
    parameters: {},
    trigger: {},
    agents: {},
    git: {},
    stages: {},
    ...more,
  };
}

/** Two processes that share what they keep. */
const stores: { where: string; make: () => [RunStore, RunStore] }[] = [
  {
    where: 'in memory',
    make: () => {
      const store = new MemoryRunStore();
      return [store, store];
    },
  },
  { where: 'in Kubernetes', make: () => [scratch.kubernetes.runs, other.runs] },
];

describe.each(stores)('the record of a run $where', ({ make }) => {
  let one: RunStore;
  let two: RunStore;

  beforeAll(() => {
    [one, two] = make();
  });

  it('is written, read by any other process, and removed', async () => {
    const record = newRecord();

    const stored = await one.create(record, soon());

    expect(stored.owner).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: runObjectName(record.runId),
    });
    await expect(two.load(record, soon())).resolves.toEqual(stored);
    const listed = await two.list(scratch.namespace, soon());
    expect(listed.map(({ record: { runId } }) => runId)).toContain(record.runId);
    await two.remove(stored, soon());
    await two.remove(stored, soon());
    await expect(one.load(record, soon())).resolves.toBeUndefined();
    await expect(one.update(stored, record, soon())).rejects.toThrow(NotFoundError);
  });

  it('is not made twice', async () => {
    const record = newRecord();
    await one.create(record, soon());

    await expect(two.create(record, soon())).rejects.toThrow(ConflictError);
  });

  it('is written only over the version that the writer has seen', async () => {
    const record = newRecord();
    const stored = await one.create(record, soon());
    const updated = await two.update(stored, { ...record, state: 'cancelling' }, soon());

    const late = one.update(stored, { ...record, parameters: { a: '1' } }, soon());

    await expect(late).rejects.toThrow(ConflictError);
    await expect(one.load(record, soon())).resolves.toEqual(updated);
  });

  it('is written when it says already what is to be written: the answer to our own write was lost', async () => {
    const record = newRecord();
    const stored = await one.create(record, soon());
    const written = await one.update(stored, { ...record, git: { sha: 'a' } }, soon());

    await expect(one.update(stored, { ...record, git: { sha: 'a' } }, soon())).resolves.toEqual(written);
  });

  it('that another runner has claimed is written no more by the one before', async () => {
    const record = newRecord();
    const stored = await one.create(record, soon());
    const claimed = await two.update(stored, { ...record, fence: 2 }, soon());

    const late = one.update(stored, { ...record, state: 'finished', outcome: 'infrastructure' }, soon());

    await expect(late).rejects.toThrow(LeaseLostError);
    await expect(late).rejects.toMatchObject({ hint: expect.stringContaining('another runner has resumed') });
    // Also when it has read what is there now.
    await expect(one.update(claimed, { ...record, git: { sha: 'a' } }, soon())).rejects.toThrow(
      LeaseLostError,
    );
    await expect(one.load(record, soon())).resolves.toEqual(claimed);
  });

  it('that is finished is never written over', async () => {
    const record = newRecord();
    const stored = await one.create(record, soon());
    const end = { ...record, state: 'finished', outcome: 'succeeded', finishedAt: 5 } as const;
    const finished = await two.update(stored, end, soon());

    for (const seen of [stored, finished]) {
      const late = one.update(seen, { ...record, state: 'cancelling' }, soon());
      await expect(late).rejects.toThrow(LeaseLostError);
      const other = one.update(seen, { ...end, outcome: 'infrastructure' }, soon());
      await expect(other).rejects.toThrow(LeaseLostError);
    }

    await expect(one.load(record, soon())).resolves.toEqual(finished);
  });

  it('has its end when its owner writes that again, since the answer was lost', async () => {
    const record = newRecord();
    const stored = await one.create(record, soon());
    const end = { ...record, state: 'finished', outcome: 'succeeded' } as const;
    const finished = await one.update(stored, { ...end, writtenAt: 5 }, soon());

    await expect(one.update(stored, { ...end, writtenAt: 6 }, soon())).resolves.toEqual(finished);
  });

  it('is removed only as it was seen, and never one that was made anew', async () => {
    const record = newRecord();
    const stored = await one.create(record, soon());
    const resumed = await two.update(stored, { ...record, fence: 2 }, soon());

    await expect(one.remove(stored, soon())).rejects.toThrow(ConflictError);
    await expect(two.load(record, soon())).resolves.toEqual(resumed);
    await two.remove(resumed, soon());
    const anew = await two.create(record, soon());
    await one.remove(resumed, soon());

    await expect(two.load(record, soon())).resolves.toEqual(anew);
    await expect(one.update(resumed, { ...record, fence: 3 }, soon())).rejects.toThrow(NotFoundError);
  });
});

describe('the ConfigMap of a run', () => {
  it('may be large', async () => {
    const text = Array.from({ length: 40_000 }, (_, line) => `step ${String(line)}: build\n`).join('');
    const record = newRecord({ source: { file: 'app.yaml', text } });

    await scratch.kubernetes.runs.create(record, soon());

    expect((await other.runs.load(record, soon()))?.record).toEqual(record);
  });

  it('of the format before is read, and written as one of this format', async () => {
    const record = newRecord();
    const { owner } = await scratch.kubernetes.runs.create(record, soon());
    const { agents: _agents, ...rest } = record;
    const old = JSON.stringify({ ...rest, formatVersion: 1, agentName: 'main-2' });
    const reference = { ...owner, namespace: scratch.namespace };
    const body = { data: { formatVersion: '1', record: old } };
    await scratch.kubernetes.cluster.patch(reference, { type: 'merge', body }, soon());

    const found = await other.runs.load(record, soon());
    await other.runs.update(found!, { ...found!.record, fence: 2 }, soon());

    const expected = { ...record, agents: { main: 'main-2' } };
    expect(found?.record).toEqual(expected);
    expect((await other.runs.load(record, soon()))?.record).toEqual({ ...expected, fence: 2 });
  });

  it('that was damaged by hand is refused as such, read or written', async () => {
    const record = newRecord();
    const stored = await scratch.kubernetes.runs.create(record, soon());
    const reference = { ...stored.owner, namespace: scratch.namespace };
    const body = { data: { record: '{"formatVersion":2' } };
    await scratch.kubernetes.cluster.patch(reference, { type: 'merge', body }, soon());

    const expected = { code: 'record-format', message: expect.stringContaining('it is damaged') };
    await expect(other.runs.load(record, soon())).rejects.toMatchObject(expected);
    await expect(scratch.kubernetes.runs.update(stored, record, soon())).rejects.toMatchObject(expected);
  });

  it('that is too large is not written, with the size and the limit', async () => {
    const record = newRecord();
    const stored = await scratch.kubernetes.runs.create(record, soon());
    const large = { ...record, parameters: { noise: randomBytes(800_000).toString('base64') } };

    const written = scratch.kubernetes.runs.update(stored, large, soon());

    await expect(written).rejects.toMatchObject({
      code: 'record-too-large',
      message: expect.stringMatching(/ has \d+ kB; the limit is 900 kB$/),
    });
    expect((await other.runs.load(record, soon()))?.record).toEqual(record);
  });

  it('of a newer format is refused with what to do, and left out of a list', async () => {
    const record = newRecord({ formatVersion: 3 as 2 });
    // The writer is newer too: it reads what it wrote, this version does not.
    await expect(scratch.kubernetes.runs.create(record, soon())).rejects.toThrow('format 3');

    await expect(other.runs.load(record, soon())).rejects.toMatchObject({
      fault: 'input',
      message: expect.stringMatching(/was written in format 3; this version of Slipway reads up to 2/),
    });
    const listed = await other.runs.list(scratch.namespace, soon());
    expect(listed.map(({ record: { runId } }) => runId)).not.toContain(record.runId);
  });
});

/** The lease of a run, as the engine acquires it. */
function acquire({ leases }: Kubernetes, { record, owner }: StoredRun, holder: string): Promise<Lease> {
  return leases.acquire({ ...runLease(record), subject: record.runId, holder, owner }, soon());
}

/** A runner of its own that is killed: its lease is held and never renewed again. */
async function abandoned(): Promise<RunRecord> {
  const record = newRecord();
  const dying = await createKubernetes({ kubeconfig: cluster.kubeconfig, leaseMs });
  await acquire(dying, await dying.runs.create(record, soon()), 'dead');
  await dying.close(); // every request fails from here on
  return record;
}

describe('orphans', () => {
  it('are runs whose runner has gone, and agents of no run; what lives is left alone', async () => {
    const living = newRecord();
    const stored = await scratch.kubernetes.runs.create(living, soon());
    const lease = await acquire(scratch.kubernetes, stored, 'alive');
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
    await cluster.patch(reference, { type: 'merge', body: { data: { formatVersion: '3' } } }, soon());

    const { objects } = await other.findOrphans(scratch.namespace, soon());

    expect(objects.map(({ name }) => name)).not.toContain(agent.pod);
  });
});
