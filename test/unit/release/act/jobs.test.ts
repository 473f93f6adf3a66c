import { describe, expect, it } from '@jest/globals';
import { RejectedError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { applyObjects, applyOne, isUnchangeable } from '../../../../src/release/act/apply-objects.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { object, referenceOf, requestOn } from './apply-request.ts';

const options = { signal: new AbortController().signal };
const failed = { status: { conditions: [{ type: 'Failed', status: 'True' }] } };
const complete = { status: { conditions: [{ type: 'Complete', status: 'True' }] } };

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
