import { describe, expect, it } from '@jest/globals';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import type { ReleaseRecord, RevisionRecord } from '../../../src/release/record/release-record.ts';
import { ReleaseStore } from '../../../src/release/record/release-store.ts';
import { releaseHistory, releaseStatus } from '../../../src/release/status.ts';
import { FakeCluster } from '../../fakes/cluster.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { servedObjects } from './blue-green-world.ts';
import { podOf, setOf, sliceOf } from './observe/held-objects.ts';
import { entry, inProgress } from './record/records.ts';

const { signal } = new AbortController();
const application = { name: 'web', namespace: 'shop' };
const deployment = (name: string) => ({ apiVersion: 'apps/v1', kind: 'Deployment', name, namespace: 'shop' });
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };

/** A revision whose Deployment is called after its number. */
const revision = (number: number, more: Partial<RevisionRecord> = {}) =>
  entry(number, { objects: [service, deployment(`web-${String(number)}`)], ...more });

async function setUp(record: Partial<ReleaseRecord> | undefined, holder?: string) {
  const cluster = new FakeCluster();
  const clock = new VirtualClock();
  const store = new ReleaseStore(cluster, 'web', 'shop');
  if (record !== undefined) {
    const made = await store.loadOrCreate({ signal });
    await store.save(made, { ...made.record, ...record }, { signal });
  }
  const asked: unknown[] = [];
  const leases = {
    find: async (lease: unknown) => {
      asked.push(lease);
      return holder === undefined ? undefined : { holder, expired: false };
    },
  };
  const status = () => releaseStatus({ cluster, clock, leases, application }, { signal });
  const looked = async () => (await status())?.workloads.map(({ reference }) => reference.name);
  return { cluster, clock, store, asked, status, looked };
}

describe('the status of an application', () => {
  it('is what serves, with its workloads', async () => {
    const { status, asked } = await setUp({ history: [revision(1), revision(2)], stable: 2 });

    const found = await status();

    expect(found).toMatchObject({ application: 'web', namespace: 'shop', stable: { number: 2 } });
    expect(found?.workloads.map(({ reference }) => reference)).toEqual([deployment('web-2')]);
    expect(Object.keys(found ?? {}).sort()).toEqual(['application', 'namespace', 'stable', 'workloads']);
    expect(asked).toEqual([{ name: 'slipway-release-web', namespace: 'shop' }]);
  });

  it('has the release in progress, and its holder', async () => {
    const current = { ...inProgress(2, 1), state: { phase: 'waiting', step: 3 } };
    const { status } = await setUp({ history: [revision(1), revision(2)], stable: 1, current }, 'run 7');

    const found = await status();

    expect(found).toMatchObject({
      holder: 'run 7',
      current: { revision: 2, phase: 'waiting', entry: { number: 2 } },
      workloads: [{ reference: { name: 'web-2' } }],
    });
    expect(found).not.toHaveProperty('last');
  });

  it('has no holder where the lease was given back', async () => {
    const { status } = await setUp({ history: [revision(1)], stable: 1 }, '');

    expect(await status()).not.toHaveProperty('holder');
  });

  it.each([
    ['failed', 'web-2'],
    ['halted', 'web-2'],
    ['rolledBack', 'web-1'],
    ['superseded', 'web-1'],
  ] as const)('has the last release, which was %s, and looks at what is in place', async (outcome, name) => {
    const { status, looked } = await setUp({ history: [revision(1), revision(2, { outcome })], stable: 1 });

    expect(await status()).toMatchObject({ stable: { number: 1 }, last: { number: 2, outcome } });
    expect(await looked()).toEqual([name]);
  });

  it('has no workloads where nothing is in place', async () => {
    const { status } = await setUp({ history: [revision(1, { outcome: 'rolledBack' })] });

    expect(await status()).toMatchObject({ last: { number: 1 }, workloads: [] });
    expect(await status()).not.toHaveProperty('stable');
  });

  it('has nothing before the end of the first release is known', async () => {
    const { status } = await setUp({});

    expect(await status()).toEqual({ application: 'web', namespace: 'shop', workloads: [] });
  });

  it('is none of an application that was never released', async () => {
    const { status, asked } = await setUp(undefined);

    expect(await status()).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('is not known while the API does not answer', async () => {
    const { status, cluster } = await setUp({ history: [revision(1)], stable: 1 });
    cluster.watch = refused;

    await expect(status()).rejects.toMatchObject({
      name: 'UnreachableError',
      message: 'the cluster does not answer: no list of what belongs to web-1 yet',
    });
  });

  it.each([
    ['is found', false],
    ['is not known', true],
  ])('leaves no watch behind when it %s', async (_, isAway) => {
    const { status, cluster } = await setUp({ history: [revision(1)], stable: 1 });
    const until: AbortSignal[] = [];
    const watch = cluster.watch.bind(cluster);
    cluster.watch = (kind, selection, options) => {
      until.push(options.signal);
      return isAway ? refused() : watch(kind, selection, options);
    };

    await status().catch(() => undefined);

    expect(until.length).toBeGreaterThan(0);
    expect(until.every(({ aborted }) => aborted)).toBe(true);
  });
});

// eslint-disable-next-line require-yield -- it breaks before it says anything
async function* refused(): AsyncGenerator<never> {
  await Promise.resolve();
  throw new UnreachableError('connection refused');
}

describe('what a release waits for', () => {
  const hold = { stable: 'old', before: {} };
  const own = { timeoutMs: 1, rollback: 'auto', prune: false, force: false } as const;
  const strategy = { steps: [{ replicas: 1 }, { pause: true }] };

  /** A canary release in its second step. */
  async function waiting(
    state: object = {},
    entry: Partial<RevisionRecord> = {},
    since: object = { phaseSince: 5000 },
  ) {
    const kept = { strategy: 'canary', settings: { ...own, strategy }, ...entry };
    const current = { ...inProgress(2, 1), ...since, state: { phase: 'waiting', step: 1, hold, ...state } };
    const { status } = await setUp({ history: [revision(1), revision(2, kept)], stable: 1, current });
    return (await status())?.waiting;
  }
  const text = 'step 2 of 2: pause until promote';

  it('is said with the time since when', async () => {
    expect(await waiting()).toEqual({ text, forPerson: true, since: 5000 });
  });

  it('is said without the time where a version before has not written it', async () => {
    expect(await waiting({}, {}, {})).toEqual({ text, forPerson: true });
  });

  it.each<[string, object, Partial<RevisionRecord>]>([
    ['does not wait', { phase: 'shifting' }, {}],
    ['is a rollback that somebody has asked for', {}, { rollbackOf: 1 }],
    ['is in a phase that only a newer version knows', { phase: 'dancing' }, {}],
    ['has settings that only a newer version knows', {}, { settings: { ...own, strategy: { dance: 1 } } }],
    ['is by a strategy that asks nothing', { phase: 'progressing' }, { strategy: 'rolling' }],
  ])('is nothing where it %s', async (_, state, entry) => {
    expect(await waiting(state, entry)).toBeUndefined();
  });

  it('is said of a revision whose settings were not kept', async () => {
    const history = [revision(1), revision(2, { strategy: 'blueGreen' })];
    const state = { phase: 'waiting', hold: { ...hold, selector: {} } };
    const { status } = await setUp({ history, stable: 1, current: { ...inProgress(2, 1), state } });

    expect((await status())?.waiting).toMatchObject({ forPerson: true });
  });
});

describe('the traffic in the status of an application', () => {
  /** Two ready pods of each of two ReplicaSets, of which the Service reaches the old ones. */
  async function weights(more: Partial<RevisionRecord>) {
    const objects = servedObjects('v2');
    const references = [service, deployment('web')];
    const history = [entry(1), entry(2, { objects: references, outcome: 'halted', ...more })];
    const { cluster, store, status } = await setUp({ history, stable: more.outcome === 'released' ? 2 : 1 });
    await store.saveRevision(2, objects, { signal, owner: 'uid-1' });
    const [live, own] = objects as [Workload, Workload];
    cluster.put(live);
    const { uid } = cluster.put({ ...own, status: { observedGeneration: 1 } }).metadata;
    for (const [hash, image] of [
      ['old', 'v1'],
      ['new', 'v2'],
    ] as const) {
      const set = setOf(`web-${hash}`, { hash, image, owner: uid, replicas: 2 });
      const made = cluster.put({ ...set, status: { replicas: 2, readyReplicas: 2 } });
      cluster.put(podOf(`${hash}-1`, made, { ready: true }));
    }
    cluster.put(sliceOf('web', ['old-1']));
    cluster.calls.length = 0;
    const found = await status();
    const tracks = found?.workloads.flatMap((workload) => workload.tracks) ?? [];
    return { of: tracks.map(({ workload, weight }) => [workload, weight]), calls: cluster.calls };
  }

  const asServed = [
    ['web-old', 100],
    ['web-new', 0],
  ];
  const asReady = [
    ['web-old', 50],
    ['web-new', 50],
  ];
  const settings = { timeoutMs: 1, rollback: 'auto', prune: false, force: false } as const;

  it('is that of the Service which a release moves', async () => {
    expect((await weights({ strategy: 'blueGreen' })).of).toEqual(asServed);
  });

  it('is of the Service that the settings of the release name', async () => {
    const named = (activeService: string) =>
      weights({ strategy: 'blueGreen', settings: { ...settings, strategy: { activeService } } });

    expect((await named('web')).of).toEqual(asServed);
    expect((await named('another')).of).toEqual(asReady);
  });

  it.each<[string, Partial<RevisionRecord>]>([
    ['moves none', { strategy: 'rolling' }],
    ['moves that of no Service', { strategy: 'canary' }],
    ['is over', { strategy: 'blueGreen', outcome: 'released' }],
  ])('is that of the ready pods where the release %s', async (_, more) => {
    const { of, calls } = await weights(more);

    expect(of).toEqual(asReady);
    expect(calls).not.toContain('get Service/web');
  });
});

describe('the history of an application', () => {
  it('begins with the newest revision', async () => {
    const { cluster } = await setUp({ history: [revision(1), revision(2)], stable: 2 });

    const history = await releaseHistory({ cluster, application }, { signal });

    expect(history.map(({ number }) => number)).toEqual([2, 1]);
  });

  it('is empty where it was never released', async () => {
    const { cluster } = await setUp(undefined);

    expect(await releaseHistory({ cluster, application }, { signal })).toEqual([]);
  });
});
