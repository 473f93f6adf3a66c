import { describe, expect, it } from '@jest/globals';
import type { Patch } from '../../../../src/ports/cluster.ts';
import { ConflictError, RejectedError } from '../../../../src/ports/cluster-errors.ts';
import { applyObjects, applyOne } from '../../../../src/release/act/apply-objects.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { object, referenceOf, requestOn } from './apply-request.ts';

const options = { signal: new AbortController().signal };

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
    expect(first).toStrictEqual({
      generations: { 'apps/Deployment/shop/web': 1, 'batch/Job/shop/web': 1 },
      jobs: { 'batch/Job/shop/web': { uid, complete: false } },
      replicas: { 'apps/Deployment/shop/web': 3 },
    });
    const again = await applyObjects(objects, request, options);
    expect(again).toStrictEqual({ ...first, generations: {} });
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
      cluster.put(wanted);
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
