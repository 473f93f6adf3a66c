import { afterEach, describe, expect, it } from '@jest/globals';
import type { CallOptions, Selection } from '../../../../src/ports/cluster.ts';
import type { Pod, Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { RejectedError, UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import type { ObjectReference } from '../../../../src/ports/kubernetes-object.ts';
import { AnsweredTime } from '../../../../src/release/answered-time.ts';
import { ReleaseObserver } from '../../../../src/release/observe/observer.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';
import { deploymentOf, podOf, setOf } from './held-objects.ts';

const { signal } = new AbortController();
const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };
let observer: ReleaseObserver | undefined;
afterEach(() => observer?.close());

function setUp(references: readonly ObjectReference[] = [reference]) {
  const cluster = new FakeCluster();
  const clock = new VirtualClock();
  const time = new AnsweredTime(clock);
  const following = new ReleaseObserver({ cluster, clock, time }, references);
  observer = following;
  const look = async (generations: Record<string, number> = {}) => {
    await clock.sleep(0, { signal });
    const observed = await following.observe(generations, { signal });
    if (observed.type === 'unknown') throw new Error(observed.reason);
    return observed.workloads;
  };
  return { cluster, clock, time, observer: following, look };
}

/** A Deployment whose three pods are new and available. */
function completeDeployment(): Workload {
  const counts = { replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
  return { ...deploymentOf({ replicas: 3 }), status: { observedGeneration: 1, ...counts } };
}

const crashing = (pod: Pod): Pod => ({
  ...pod,
  status: { containerStatuses: [{ name: 'web', state: { waiting: { reason: 'ErrImagePull' } } }] },
});

/** What is watched from now on. */
function watchedBy(cluster: FakeCluster) {
  const watched: { kind: string; selection: Selection; until: AbortSignal }[] = [];
  const watch = cluster.watch.bind(cluster);
  cluster.watch = ({ kind, ...rest }, selection, options) => {
    watched.push({ kind, selection, until: options.signal });
    return watch({ kind, ...rest }, selection, options);
  };
  return watched;
}

describe('an observed Deployment', () => {
  it('remembers which containers were ready, and what they had been through before', async () => {
    const { cluster, look } = setUp();
    const { uid } = cluster.put({
      ...deploymentOf({ replicas: 1 }),
      status: { observedGeneration: 1 },
    }).metadata;
    const set = cluster.put(setOf('web-new', { hash: 'new', image: 'web:1', owner: uid, replicas: 1 }));
    const show = (ready: boolean, restartCount: number) =>
      cluster.put({
        ...podOf('a', set, { ready }),
        status: {
          containerStatuses: [{ name: 'web', ready, restartCount, state: { running: {} } }],
        },
      });
    const problems = async () => (await look())[0]?.problems.map(({ kind }) => kind);

    show(false, 1);
    expect(await problems()).toEqual([]);
    show(true, 1);
    expect(await problems()).toEqual([]);
    show(false, 1);
    expect(await problems()).toEqual(['unready']);
    show(true, 1);
    expect(await problems()).toEqual([]);
    show(true, 2);
    expect(await problems()).toEqual(['restarted']);
  });

  it('has the ReplicaSets that it owns and their pods, not those of others with the same labels', async () => {
    const { cluster, look } = setUp();
    const { uid } = cluster.put(completeDeployment()).metadata;
    const own = cluster.put(setOf('web-new', { hash: 'new', image: 'web:1', owner: uid, replicas: 1 }));
    const other = cluster.put(
      setOf('web-other', { hash: 'new', image: 'web:1', owner: 'another', replicas: 1 }),
    );
    cluster.put(setOf('web-alone', { hash: 'new', image: 'web:1', replicas: 1 }));
    cluster.put(crashing(podOf('a', own, { ready: false })));
    cluster.put(crashing(podOf('b', other, { ready: false })));

    const [workload] = await look();

    expect(workload?.tracks.map((track) => track.workload)).toEqual(['web-new']);
    expect(workload?.problems.map(({ message }) => message)).toEqual([expect.stringContaining('a')]);
  });

  it('is complete for as long as it has been so without a break', async () => {
    const { cluster, clock, look } = setUp();
    cluster.put(completeDeployment());
    expect((await look())[0]).toMatchObject({ complete: true, completeForMs: 0 });
    await clock.sleep(4000, { signal });
    expect((await look())[0]?.completeForMs).toBe(4000);

    cluster.put({ ...completeDeployment(), status: { observedGeneration: 1 } });
    expect((await look())[0]).not.toHaveProperty('completeForMs');
    cluster.put(completeDeployment());
    await clock.sleep(1000, { signal });

    expect((await look())[0]?.completeForMs).toBe(0);
  });

  it('is not complete before the generation that was applied is seen', async () => {
    const { cluster, look } = setUp();
    cluster.put(completeDeployment());

    expect((await look({ 'apps/Deployment/shop/web': 2 }))[0]?.complete).toBe(false);
    expect((await look({ 'apps/Deployment/shop/web': 1 }))[0]?.complete).toBe(true);
  });

  it('is complete for a time of its own', async () => {
    const api = { ...reference, name: 'api' };
    const { cluster, clock, look } = setUp([reference, api]);
    const complete = completeDeployment();
    cluster.put(complete);
    await look();
    await clock.sleep(3000, { signal });
    cluster.put({ ...complete, metadata: { ...complete.metadata, name: 'api' } });

    expect((await look()).map(({ completeForMs }) => completeForMs)).toEqual([3000, 0]);
  });

  it('is followed from when it is looked at: only Jobs may have gone by then', async () => {
    const { cluster, observer: following } = setUp();
    const watched = watchedBy(cluster);

    await following.expectJobs({ signal });

    expect(watched).toEqual([]);
  });

  it('is that of its namespace', async () => {
    const { cluster, look } = setUp();
    const { metadata, ...rest } = completeDeployment();
    cluster.put({ ...rest, metadata: { ...metadata, namespace: 'stage' } });

    expect((await look())[0]?.problems.map(({ kind }) => kind)).toEqual(['missing']);
  });
});

describe('an observed workload without ReplicaSets', () => {
  const statefulSet = { ...reference, kind: 'StatefulSet' };

  it('has its own pods, and none that others with the same labels have', async () => {
    const { cluster, look } = setUp([statefulSet]);
    const set = { ...deploymentOf({ replicas: 2 }), kind: 'StatefulSet' };
    const status = { observedGeneration: 1, updateRevision: 'web-2', replicas: 2 };
    const own = cluster.put<Workload>({ ...set, status });
    const revision = { app: 'web', 'controller-revision-hash': 'web-2' };
    const pod = (name: string, uid: string) => {
      const made = podOf(name, own, { ready: false });
      const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid }];
      return crashing({ ...made, metadata: { ...made.metadata, labels: revision, ownerReferences } });
    };
    cluster.put(pod('web-0', own.metadata.uid!));
    cluster.put(pod('foreign', 'another'));

    const [workload] = await look();

    expect(workload?.problems.map(({ message }) => message)).toEqual([expect.stringContaining('web-0')]);
  });

  it('watches no ReplicaSets for it', async () => {
    const { cluster, look } = setUp([statefulSet]);
    const watched = watchedBy(cluster);
    cluster.put({ ...deploymentOf({ replicas: 2 }), kind: 'StatefulSet' });

    await look();

    expect(watched).toMatchObject([
      { kind: 'StatefulSet', selection: { namespace: 'shop', fieldSelector: 'metadata.name=web' } },
      { kind: 'Pod', selection: { namespace: 'shop', labelSelector: 'app=web' } },
    ]);
  });

  it.each(['Pod', 'Job'])('watches nothing but itself where it is a %s without a selector', async (kind) => {
    const { cluster, look } = setUp([{ ...reference, kind }]);
    const watched = watchedBy(cluster);
    cluster.put({
      ...reference,
      kind,
      metadata: { name: 'web', namespace: 'shop' },
      spec: { containers: [] },
    });

    await look();

    expect(watched.map((watch) => watch.kind)).toEqual([kind]);
  });
});

describe('an API that says nothing', () => {
  it('is asked after ten seconds, and not known when the answer does not come in ten more', async () => {
    const { cluster, clock, time, observer: following, look } = setUp();
    cluster.put(completeDeployment());
    await look();
    let given: AbortSignal | undefined;
    cluster.get = (_: ObjectReference, { signal: until }: CallOptions) => {
      given = until;
      return new Promise((_resolve, reject) => {
        until.addEventListener('abort', () => reject(until.reason as Error));
      });
    };
    await clock.sleep(9999, { signal });
    expect((await following.observe({}, { signal })).type).toBe('seen');
    await clock.sleep(1, { signal });
    const begunMs = clock.monotonicMs();

    expect(await following.observe({}, { signal })).toEqual({
      type: 'unknown',
      reason: 'no answer for too long',
    });
    expect(clock.monotonicMs() - begunMs).toBe(10_000);
    expect(time.unansweredMs).toBe(10_001);
    // The question is given up: nobody waits for it any more.
    expect(given?.aborted).toBe(true);
  });

  it('is not asked where there is nothing to follow', async () => {
    const { cluster, clock, observer: following } = setUp([]);
    let asked = 0;
    cluster.get = () => Promise.resolve(void (asked += 1));
    await clock.sleep(60_000, { signal });

    expect(await following.observe({}, { signal })).toEqual({ type: 'seen', workloads: [] });
    expect(asked).toBe(0);
  });

  it('answers also when it refuses, and its answer counts for ten seconds', async () => {
    const { cluster, clock, look } = setUp();
    cluster.put(completeDeployment());
    await look();
    cluster.before = () => {
      throw new RejectedError('not now', { status: 429 });
    };
    const asked = () => cluster.calls.length;
    await clock.sleep(10_000, { signal });
    expect((await look())[0]?.complete).toBe(true);
    expect(asked()).toBe(1);
    await clock.sleep(9000, { signal });
    await look();
    expect(asked()).toBe(1);

    await clock.sleep(1000, { signal });
    await look();

    expect(asked()).toBe(2);
  });

  it('leaves nothing asleep when it has answered', async () => {
    const { cluster, clock, look } = setUp();
    cluster.put(completeDeployment());
    await clock.sleep(20_000, { signal });

    await look();

    expect(clock.sleeping).toBe(0);
  });

  it.each([
    ['the workload', 'Deployment', 'web'],
    ['its ReplicaSets', 'ReplicaSet', 'web'],
    ['its pods', 'Pod', 'web'],
  ])('is not known when the list of %s does not come', async (_, silent, name) => {
    const { cluster, observer: following } = setUp();
    const watch = cluster.watch.bind(cluster);
    cluster.watch = (kind, selection, options) =>
      kind.kind === silent ? refused() : watch(kind, selection, options);
    cluster.put(completeDeployment());

    expect(await following.observe({}, { signal })).toEqual({
      type: 'unknown',
      reason: `no list of what belongs to ${name} yet`,
    });
  });
});

// eslint-disable-next-line require-yield -- it breaks before it says anything
async function* refused(): AsyncGenerator<never> {
  await Promise.resolve();
  throw new UnreachableError('connection refused');
}

describe('a change of what is observed', () => {
  it('ends the wait for it', async () => {
    const { cluster, clock, observer: following, look } = setUp();
    cluster.put(completeDeployment());
    await look();
    await look();
    const begunMs = clock.monotonicMs();
    await following.changed(5000, { signal });
    expect(clock.monotonicMs() - begunMs).toBe(5000);
    const changed = following.changed(60_000, { signal });
    cluster.put({ ...completeDeployment(), status: { observedGeneration: 1 } });

    await changed;

    expect(clock.monotonicMs() - begunMs).toBeLessThan(6000);
  });
});

describe('an observer that is closed', () => {
  it('watches nothing any more', async () => {
    const { cluster, observer: following, look } = setUp();
    const watched = watchedBy(cluster);
    cluster.put(completeDeployment());
    await look();

    await following.close();

    expect(watched.map(({ until }) => until.aborted)).toEqual([true, true, true]);
  });
});
