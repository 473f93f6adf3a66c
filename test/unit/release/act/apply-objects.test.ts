import { describe, expect, it } from '@jest/globals';
import { ConflictError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { applyObjects, applyOne } from '../../../../src/release/act/apply-objects.ts';
import { FieldConflictError } from '../../../../src/release/act/take-ownership.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';
import { webObjects } from '../release-world.ts';

const { signal } = new AbortController();
const clock = { now: () => 0, monotonicMs: () => 0, sleep: async () => undefined };

function requestOn(cluster: FakeCluster) {
  const policy = { replicas: {}, autoscaled: new Set<string>() };
  return { ...policy, cluster, clock, force: false, notice: async () => undefined };
}

describe('applyObjects', () => {
  it('sends a workload with the version that was seen: a request that arrives late changes nothing', async () => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    await applyObjects(webObjects('v1'), request, { signal });
    const sent: KubernetesObject[] = [];
    const client = new Proxy(cluster, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: [KubernetesObject]) => {
          if (name === 'apply') sent.push(args[0]);
          return member.apply(target, args) as unknown;
        };
      },
    });
    await applyObjects(webObjects('v2'), { ...request, cluster: client }, { signal });
    const late = sent.find(({ kind }) => kind === 'Deployment')!;
    await applyObjects(webObjects('v1'), request, { signal });

    const arrival = cluster.apply(late, { signal, fieldManager: 'slipway' });

    await expect(arrival).rejects.toMatchObject({ name: 'ConflictError' });
    expect(JSON.stringify(cluster.all('Deployment'))).toContain('"v1"');
  });

  it('applies a workload again that its controllers have changed since it was looked at', async () => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    await applyObjects(webObjects('v1'), request, { signal });
    let changes = 0;
    cluster.before = (verb, { kind }) => {
      if (verb !== 'apply' || kind !== 'Deployment' || changes === 3) return;
      changes += 1;
      const [live] = cluster.all('Deployment');
      cluster.put({ ...live!, status: { replicas: changes } });
    };

    const applied = await applyObjects(webObjects('v2'), request, { signal });

    expect(changes).toBe(3);
    expect(Object.values(applied.generations)).toEqual([2]);
    expect(JSON.stringify(cluster.all('Deployment'))).toContain('"v2"');
  });
});

describe('what applying a workload has changed', () => {
  it('is told of a request that was done and sent again, since its answer was lost', async () => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    await applyObjects(webObjects('v1'), request, { signal });
    let isLost = false;
    cluster.after = (verb, { kind }) => {
      if (verb !== 'apply' || kind !== 'Deployment' || isLost) return;
      isLost = true;
      throw new ConflictError(modified);
    };

    const { generations } = await applyObjects(webObjects('v2'), request, { signal });

    expect(Object.values(generations)).toEqual([2]);
  });
});

const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web', namespace: 'shop' } };
const modified =
  'cannot apply configmaps "web": Operation cannot be fulfilled on configmaps "web": the object has been modified; please apply your changes to the latest version and try again';

/** A cluster that answers the first `times` applies with 409. */
function conflicting(times: number, message: string) {
  const cluster = new FakeCluster();
  const apply = cluster.apply.bind(cluster);
  let calls = 0;
  cluster.apply = ((...args: Parameters<typeof apply>) => {
    calls += 1;
    if (calls <= times)
      return Promise.reject(new ConflictError(message, { status: 409, reason: 'Conflict' }));
    return apply(...args);
  }) as typeof cluster.apply;
  return { cluster, calls: () => calls };
}

describe('applying to an object that is being deleted', () => {
  const going = {
    ...object,
    metadata: {
      ...object.metadata,
      uid: 'uid-old',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      finalizers: ['example.com/a'],
    },
  };
  const [deployment] = webObjects('v1');

  it.each([object, deployment!])('waits until it is gone ($kind)', async (wanted) => {
    const cluster = new FakeCluster();
    const { deletionTimestamp } = going.metadata;
    cluster.put({ ...wanted, metadata: { ...wanted.metadata, deletionTimestamp } });
    const { kind, metadata } = wanted;
    const reference = { apiVersion: wanted.apiVersion, kind, name: metadata.name, namespace: 'shop' };
    const virtual = new VirtualClock();
    let looks = 0;
    cluster.before = (verb) => {
      if (verb === 'get' && ++looks === 4) cluster.drop(reference);
    };

    await applyObjects([wanted], { ...requestOn(cluster), clock: virtual }, { signal });

    expect(looks).toBeGreaterThanOrEqual(4);
    expect(cluster.peek(reference)?.metadata.deletionTimestamp).toBeUndefined();
  });

  it('is refused when it is held for longer than a minute', async () => {
    const cluster = new FakeCluster();
    cluster.put(going);

    const applied = applyOne(object, { cluster, clock: new VirtualClock(), force: false }, { signal });

    await expect(applied).rejects.toMatchObject({
      code: 'being-deleted',
      message: expect.stringMatching(/^ConfigMap shop\/web: it is being deleted .*\(example\.com\/a\)/),
    });
  });
});

describe('applyOne', () => {
  it('applies again when another writer changed the object in the same moment', async () => {
    const { cluster, calls } = conflicting(2, modified);

    const applied = await applyOne(object, { cluster, clock: new VirtualClock(), force: false }, { signal });

    expect(applied.metadata.name).toBe('web');
    expect(calls()).toBe(3);
  });

  it('gives up when others write all the time, without advice about force', async () => {
    const { cluster } = conflicting(Infinity, modified);

    const error: unknown = await applyOne(
      object,
      { cluster, clock: new VirtualClock(), force: false },
      { signal },
    ).catch((each: unknown) => each);

    expect(error).toBeInstanceOf(ConflictError);
    expect(error).not.toBeInstanceOf(FieldConflictError);
  });

  it('asks no second time when another manager owns a field', async () => {
    const { cluster, calls } = conflicting(
      1,
      'Apply failed with 1 conflict: conflict with "kubectl": .data.a',
    );

    await expect(
      applyOne(object, { cluster, clock: new VirtualClock(), force: false }, { signal }),
    ).rejects.toThrow(FieldConflictError);
    expect(calls()).toBe(1);
  });
});
