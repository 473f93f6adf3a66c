import { describe, expect, it } from '@jest/globals';
import type { Patch } from '../../../../src/ports/cluster.ts';
import { ConflictError, RejectedError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { applyObjects, applyOne, isUnchangeable } from '../../../../src/release/act/apply-objects.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };

/** A clock whose pauses take no time, a thousand of them at most. */
function patientClock() {
  let nowMs = 0;
  const pauses: number[] = [];
  const sleep = async (ms: number) => {
    if (pauses.push(ms) > 1000) throw new Error('it waits without end');
    nowMs += ms;
  };
  return { now: () => 0, monotonicMs: () => nowMs, sleep, pauses };
}

function requestOn(cluster: FakeCluster) {
  const told: string[] = [];
  const notice = async (message: string) => void told.push(message);
  const clock = patientClock();
  return { cluster, clock, force: false, replicas: {}, autoscaled: new Set<string>(), notice, told };
}

function object(kind: string, more: object = {}, metadata: object = {}): KubernetesObject {
  const versions: Partial<Record<string, string>> = { Job: 'batch/v1', Deployment: 'apps/v1' };
  return {
    ...{
      apiVersion: versions[kind] ?? 'v1',
      kind,
      metadata: { name: 'web', namespace: 'shop', ...metadata },
    },
    ...more,
  };
}

const referenceOf = ({ apiVersion, kind }: KubernetesObject) => ({
  ...{ apiVersion, kind, name: 'web', namespace: 'shop' },
});

const failed = { status: { conditions: [{ type: 'Failed', status: 'True' }] } };
const complete = { status: { conditions: [{ type: 'Complete', status: 'True' }] } };

describe('what applying objects did', () => {
  it('is the generations of what it made or changed, the Jobs, and the replicas', async () => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    const objects = [
      object('ConfigMap'),
      object('Deployment', { spec: { replicas: 3 } }),
      object('Job', { spec: {} }),
    ];

    const first = await applyObjects(objects, request, options);

    const uid = cluster.peek(referenceOf(objects[2]!))?.metadata.uid;
    expect(first).toEqual({
      generations: { 'apps/Deployment/shop/web': 1, 'batch/Job/shop/web': 1 },
      jobs: { 'batch/Job/shop/web': { uid, complete: false } },
      replicas: { 'apps/Deployment/shop/web': 3 },
    });
    const again = await applyObjects(objects, request, options);
    expect(again).toEqual({ ...first, generations: {} });
    const [changed] = [object('Deployment', { spec: { replicas: 3, minReadySeconds: 1 } })];
    expect((await applyObjects([changed], request, options)).generations).toEqual({
      'apps/Deployment/shop/web': 2,
    });
  });

  it('has what was made anew while it was applied', async () => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    const wanted = object('Deployment', { spec: { minReadySeconds: 1 } });
    await applyObjects([wanted], request, options);
    let isDone = false;
    cluster.before = (verb) => {
      if (verb !== 'apply' || isDone) return;
      isDone = true;
      cluster.drop(referenceOf(wanted));
      cluster.put(object('Deployment', { spec: {} }));
      throw new ConflictError('the object has been modified');
    };

    expect(Object.keys((await applyObjects([wanted], request, options)).generations)).toHaveLength(1);
    expect(request.clock.pauses).toEqual([100]);
  });
});

describe('a workload that others change all the time', () => {
  it('is applied without its version after twenty tries', async () => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    await applyObjects([object('Deployment', { spec: {} })], request, options);
    const versions: unknown[] = [];
    const apply = cluster.apply.bind(cluster);
    cluster.apply = ((...[wanted, how]: Parameters<typeof apply>) => {
      versions.push(wanted.metadata.resourceVersion);
      if (versions.length <= 20) return Promise.reject(new ConflictError('the object has been modified'));
      return apply(wanted, how);
    }) as typeof cluster.apply;

    await applyObjects([object('Deployment', { spec: { minReadySeconds: 1 } })], request, options);

    expect(versions).toHaveLength(21);
    expect(versions.slice(0, 20)).not.toContain(undefined);
    expect(versions[20]).toBeUndefined();
    expect(request.clock.pauses).toEqual(Array.from({ length: 20 }, () => 100));
  });

  it('is left when that is overtaken, too, or the error is another', async () => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    let error: Error = new ConflictError('the object has been modified');
    let applies = 0;
    cluster.before = (verb) => {
      if (verb !== 'apply') return;
      applies += 1;
      throw error;
    };
    const wanted = [object('Deployment', { spec: {} })];

    await expect(applyObjects(wanted, request, options)).rejects.toBe(error);
    error = new RejectedError('no');
    applies = 0;
    await expect(applyObjects(wanted, request, options)).rejects.toBe(error);
    expect(applies).toBe(1);
  });
});

describe('a workload whose earlier apply may still be under way', () => {
  const wanted = object('Deployment', { spec: { minReadySeconds: 1 } });
  const patchesOf = async (isUnanswered: ((key: string) => boolean) | undefined, next = wanted) => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    await applyObjects([wanted], request, options);
    cluster.calls.length = 0;
    await applyObjects([next], isUnanswered === undefined ? request : { ...request, isUnanswered }, options);
    return cluster.calls.filter((call) => call.startsWith('patch')).length;
  };

  it('gets a new version though it is right as it is', async () => {
    const keys: string[] = [];
    expect(await patchesOf((key) => keys.push(key) > 0)).toBe(2);
    expect(keys).toEqual(['apps/Deployment/shop/web']);
  });

  it('is left alone where that was answered, is not known, or a version was made', async () => {
    expect(await patchesOf(() => false)).toBe(0);
    expect(await patchesOf(undefined)).toBe(0);
    expect(await patchesOf(() => true, object('Deployment', { spec: { minReadySeconds: 2 } }))).toBe(0);
  });
});

describe('what was adopted', () => {
  it('is applied without its managers, and given back to them', async () => {
    const cluster = new FakeCluster();
    const patches: Patch[] = [];
    const patch = cluster.patch.bind(cluster);
    cluster.patch = (...args: Parameters<typeof patch>) => {
      patches.push(args[1]);
      return patch(...args);
    };
    const fieldsV1 = { 'f:spec': { 'f:minReadySeconds': {} } };
    const managedFields = [{ manager: 'kubectl', operation: 'Update', apiVersion: 'apps/v1', fieldsV1 }];
    const wanted = object('Deployment', { spec: { minReadySeconds: 1 } }, { managedFields });

    await applyObjects([wanted], requestOn(cluster), options);

    expect(patches).toMatchObject([
      { type: 'json', body: [{ op: 'add', path: '/metadata/managedFields', value: managedFields }, {}] },
    ]);
  });
});

describe('a Job or a Pod of an earlier release', () => {
  it.each<[string, KubernetesObject]>([
    ['Job', object('Job', { spec: {}, ...failed })],
    ['Pod', object('Pod', { spec: { containers: [] }, status: { phase: 'Failed' } })],
  ])('is made again when it has failed: %s', async (kind, before) => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    const { uid } = cluster.put(before).metadata;
    const deleted: unknown[] = [];
    const remove = cluster.delete.bind(cluster);
    cluster.delete = (...args: Parameters<typeof remove>) => {
      deleted.push(args[1]);
      return remove(...args);
    };

    await applyObjects([object(kind, { spec: { containers: [] } })], request, options);

    expect(request.told).toEqual([`${kind} shop/web had failed before this release: it is made again`]);
    expect(deleted).toEqual([{ ...options, propagation: 'Foreground', uid }]);
    expect(cluster.peek(referenceOf(before))?.metadata.uid).not.toBe(uid);
  });

  it('is left when it has not, and a Deployment is not asked', async () => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    cluster.put(object('Job', { spec: {}, ...complete }));
    cluster.put(object('Deployment', { spec: {}, ...failed }));

    await applyObjects([object('Job', { spec: {} }), object('Deployment', { spec: {} })], request, options);

    expect(request.told).toEqual([]);
    expect(cluster.calls.filter((call) => call.startsWith('delete'))).toEqual([]);
    expect(cluster.calls.filter((call) => call === 'get Deployment/web')).toHaveLength(1);
  });
});

describe('a Job whose template cannot be changed', () => {
  const immutable = new RejectedError('spec.template: field is immutable');
  const setUp = (live: KubernetesObject | undefined) => {
    const cluster = new FakeCluster();
    const uid = live === undefined ? undefined : cluster.put(live).metadata.uid;
    let applies = 0;
    const hows: unknown[] = [];
    const apply = cluster.apply.bind(cluster);
    cluster.apply = ((...args: Parameters<typeof apply>) => {
      hows.push(args[1]);
      applies += 1;
      return applies === 1 ? Promise.reject(immutable) : apply(...args);
    }) as typeof cluster.apply;
    return { cluster, uid, hows, request: { ...requestOn(cluster), force: true } };
  };
  const job = object('Job', { spec: { completions: 2 } });

  it('is made anew when it has ended', async () => {
    const { cluster, uid, hows, request } = setUp(object('Job', { spec: {}, ...complete }));

    const applied = await applyOne(job, request, options);

    expect(applied.metadata.uid).not.toBe(uid);
    expect(cluster.peek(referenceOf(job))).toMatchObject({ spec: { completions: 2 } });
    expect(hows[1]).toEqual({ ...options, fieldManager: 'slipway', force: true });
  });

  it('is applied again when it is gone by then', async () => {
    const { cluster, request } = setUp(undefined);

    await applyOne(job, request, options);

    expect(cluster.peek(referenceOf(job))).toBeDefined();
    expect(cluster.calls).not.toContain('delete Job/web');
  });

  it('is not touched while it runs, nor by a dry run', async () => {
    const { cluster, uid, request } = setUp(object('Job', { spec: {}, status: { active: 1 } }));
    await expect(applyOne(job, request, options)).rejects.toMatchObject({
      message: 'Job shop/web is still running and its template cannot be changed',
      cause: immutable,
      hint: 'wait for it, delete it, or give the new one another name',
    });
    const dry = setUp(object('Job', { spec: {}, ...complete }));

    expect(await applyOne(job, dry.request, { ...options, dryRun: true })).toBe(job);

    expect(dry.cluster.calls).toEqual([]);
    expect(cluster.peek(referenceOf(job))?.metadata.uid).toBe(uid);
  });

  it('is told by the kind and what the API says', () => {
    const pod = object('Pod');

    expect(isUnchangeable(job, immutable)).toBe(true);
    expect(isUnchangeable(pod, new RejectedError('Forbidden: pod updates may not change fields'))).toBe(true);
    expect(isUnchangeable(object('Deployment'), immutable)).toBe(false);
    expect(isUnchangeable(job, new RejectedError('quota exceeded'))).toBe(false);
    expect(isUnchangeable(job, new Error('field is immutable'))).toBe(false);
  });

  it('of a running Pod gives way', async () => {
    const pod = object('Pod', { spec: { containers: [] } });
    const { uid, request } = setUp({ ...pod, status: { active: 1 } });

    expect((await applyOne(pod, request, options)).metadata.uid).not.toBe(uid);
  });

  it('keeps an error of another kind', async () => {
    const cluster = new FakeCluster();
    const error = new RejectedError('quota exceeded');
    cluster.before = (verb) => {
      if (verb === 'apply') throw error;
    };

    await expect(applyOne(job, requestOn(cluster), options)).rejects.toBe(error);
    expect(cluster.calls.filter((call) => call.startsWith('apply'))).toHaveLength(1);
  });
});

describe('applying one object', () => {
  const configMap = object('ConfigMap', { data: { a: '1' } });

  it('says whose field it is, and what to do', async () => {
    const cluster = new FakeCluster();
    await cluster.apply(configMap, { ...options, fieldManager: 'argocd' });

    await expect(
      applyOne(object('ConfigMap', { data: { a: '2' } }), requestOn(cluster), options),
    ).rejects.toMatchObject({
      code: 'field-conflict',
      fault: 'failure',
      message: expect.stringMatching(/^ConfigMap shop\/web: conflict with "argocd"/),
      hint: 'remove the field from the manifest, or take it over with "force: true" under deploy',
      cause: expect.anything(),
    });
  });

  it('is tried twenty times when others overtake it, and once where its version was given', async () => {
    const cluster = new FakeCluster();
    const { resourceVersion = '' } = cluster.put(configMap).metadata;
    cluster.before = (verb) => {
      if (verb === 'apply') throw new ConflictError('the object has been modified');
    };
    const first = requestOn(cluster);

    await expect(applyOne(configMap, first, options)).rejects.toThrow(ConflictError);
    expect(first.clock.pauses).toEqual(Array.from({ length: 19 }, () => 250));
    const seen = { ...configMap, metadata: { ...configMap.metadata, resourceVersion } };
    const second = requestOn(cluster);
    await expect(applyOne(seen, second, options)).rejects.toThrow(ConflictError);
    expect(second.clock.pauses).toEqual([]);
  });

  it('only looks in a dry run', async () => {
    const cluster = new FakeCluster();

    await applyOne(configMap, requestOn(cluster), { ...options, dryRun: true });

    expect(cluster.calls).toEqual(['apply ConfigMap/web']);
    expect(cluster.all('ConfigMap')).toEqual([]);
  });
});

describe('a definition of a kind', () => {
  const definition = {
    ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'web' } },
  } as KubernetesObject;
  const condition = (type: string, status: string, more: object = {}) => ({
    status: {
      conditions: [
        { type: 'Other', status: 'True' },
        { type, status, ...more },
      ],
    },
  });
  const applyWith = async (status: object, afterPauses: number) => {
    const cluster = new FakeCluster();
    const request = requestOn(cluster);
    const { pauses } = request.clock;
    cluster.before = (verb) => {
      if (verb === 'get' && pauses.length === afterPauses) cluster.put({ ...definition, ...status });
    };
    await applyObjects([definition, object('ConfigMap')], request, options);
    return pauses;
  };

  it('is waited for until the API serves it', async () => {
    expect(await applyWith(condition('Established', 'True'), 2)).toEqual([250, 250]);
  });

  it.each([
    [condition('NamesAccepted', 'False', { message: 'web is taken' }), 'web is taken'],
    [condition('NamesAccepted', 'False'), 'its names are taken'],
  ])('is refused when its names are taken', async (status, message) => {
    await expect(applyWith(status, 1)).rejects.toThrow(
      new RejectedError(`CustomResourceDefinition web: ${message}`),
    );
  });

  it.each([[condition('Established', 'False')], [condition('NamesAccepted', 'True')]])(
    'is waited for for 30 s',
    async (status) => {
      await expect(applyWith(status, 0)).rejects.toThrow(
        new RejectedError('CustomResourceDefinition web was not established within 30 s'),
      );
    },
  );
});
