import { describe, expect, it } from '@jest/globals';
import { answerAnnotation, holdAnnotation, holdMarkOf } from '../../../../src/kubernetes/hold-mark.ts';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { ConflictError, NotFoundError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { heldObjects, writeRollout } from '../../../../src/release/act/hold.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { sessionOn } from './session-on.ts';

const options = { signal: new AbortController().signal };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };
const before = { maxSurge: 1, maxUnavailable: 0 };
const end = 'pipeline release abort web --namespace shop';

function workload(image: string, annotations?: Record<string, string>): Workload {
  const metadata = { name: 'web', namespace: 'shop' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: annotations === undefined ? metadata : { ...metadata, annotations },
    spec: {
      replicas: 2,
      strategy: { type: 'RollingUpdate', rollingUpdate: before },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
    },
  };
}

function serviceOf(selector: Record<string, string>, name = 'web'): KubernetesObject {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' } },
    spec: { selector },
  };
}

describe('the objects of a revision that is held', () => {
  it('have a Deployment that is held and marked, and no Service whose traffic stays', async () => {
    const { session, clock } = await sessionOn(new FakeCluster());
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web', namespace: 'shop' } };
    const set = { ...workload('v2'), kind: 'StatefulSet', metadata: { name: 'db', namespace: 'shop' } };
    const other = serviceOf({ app: 'api' }, 'api');
    const action = { type: 'hold', revision: 2, step: 'starting', before, active: 'web' } as const;
    const objects = [serviceOf({ app: 'web' }), other, configMap, set, workload('v2', { team: 'shop' })];

    const held = heldObjects(objects, action, session);

    const since = new Date(clock.now()).toISOString();
    const mark = { revision: 2, step: 'starting', before, since, end };
    expect(held.slice(0, 3)).toEqual([other, configMap, set]);
    expect(held).toHaveLength(4);
    const last = held[3] as Workload;
    expect(last.metadata.annotations).toEqual({ team: 'shop', [holdAnnotation]: JSON.stringify(mark) });
    expect(last.spec).toMatchObject({
      minReadySeconds: heldFields.minReadySeconds,
      paused: false,
      strategy: { rollingUpdate: { maxSurge: '100%', maxUnavailable: 0 } },
    });
  });

  it('have as many new pods as their share is, and know the stable ones', async () => {
    const { session } = await sessionOn(new FakeCluster());
    const share = { surge: 1, stable: 'a' };
    const action = { type: 'hold', revision: 2, step: 'starting', before, share } as const;

    const [held] = heldObjects([workload('v2')], action, session) as Workload[];

    expect(held?.spec.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(holdMarkOf(held!)).toMatchObject({ stable: 'a' });
  });
});

describe('the rollout of a held Deployment', () => {
  const fields = { ...heldFields, paused: true };

  async function setUp(live: Workload) {
    const cluster = new FakeCluster();
    const { resourceVersion = '', generation = 0 } = cluster.put(live).metadata;
    const { session, clock } = await sessionOn(cluster);
    const peek = () => cluster.peek<Workload>(deployment)!;
    const action = { type: 'rollout', deployment, resourceVersion, fields, before } as const;
    return { cluster, session, clock, peek, action, generation };
  }

  it('is written with its mark, in one request', async () => {
    const { cluster, session, clock, peek, action, generation } = await setUp(
      workload('v1', { team: 'shop' }),
    );

    const result = await writeRollout({ ...action, step: 'all new pods are ready' }, session, options);

    const since = new Date(clock.now()).toISOString();
    expect(holdMarkOf(peek())).toEqual({ revision: 2, step: 'all new pods are ready', before, since, end });
    expect(peek().metadata.annotations?.['team']).toBe('shop');
    expect(peek().spec).toMatchObject({ paused: true, minReadySeconds: heldFields.minReadySeconds });
    expect(result).toEqual({ generations: { 'apps/Deployment/shop/web': generation + 1 } });
    expect(cluster.calls).toEqual(['get Deployment/web', 'patch Deployment/web']);
  });

  it('keeps the time since which it is held, and which pods are stable', async () => {
    const since = '2020-02-02T00:00:00Z';
    const mark = JSON.stringify({ revision: 1, step: 'starting', since, end: '', before, stable: 'a' });
    const { session, peek, action } = await setUp(workload('v1', { [holdAnnotation]: mark }));

    await writeRollout({ ...action, step: 'all new pods are ready' }, session, options);

    expect(holdMarkOf(peek())).toMatchObject({
      revision: 2,
      step: 'all new pods are ready',
      since,
      stable: 'a',
    });
  });

  it('loses its mark and the answer at the end, and nothing else', async () => {
    const annotations = { team: 'shop', [holdAnnotation]: '{}', [answerAnnotation]: '2 promote' };
    const { session, peek, action } = await setUp(workload('v1', annotations));

    await writeRollout({ ...action, fields: before }, session, options);

    expect(peek().metadata.annotations).toEqual({ team: 'shop' });
    expect(peek().spec.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: before });
  });

  it('sends nothing when all is as wanted', async () => {
    const { cluster, session, action, generation } = await setUp(workload('v1'));

    const result = await writeRollout({ ...action, fields: before }, session, options);

    expect(cluster.calls).toEqual(['get Deployment/web']);
    expect(result).toEqual({ generations: { 'apps/Deployment/shop/web': generation } });
  });

  it('gets the template of a ReplicaSet, without its hash, whose pods are the stable ones then', async () => {
    const mark = { revision: 2, step: 'starting', since: '', end: '', before, stable: 'b' };
    const annotations = { [holdAnnotation]: JSON.stringify(mark) };
    const { cluster, session, peek, action } = await setUp(workload('v2', annotations));
    const old = workload('v1').spec.template!;
    const template = { ...old, metadata: { labels: { app: 'web', 'pod-template-hash': 'a' } } };
    const metadata = { name: 'web-a', namespace: 'shop', labels: template.metadata.labels };
    cluster.put({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata,
      spec: { template },
    });

    await writeRollout({ ...action, replicaSet: 'web-a', step: 'completing' }, session, options);

    expect(peek().spec.template).toEqual(old);
    expect(holdMarkOf(peek())).toMatchObject({ stable: 'a' });
  });

  it('is not written when the ReplicaSet is gone, or the Deployment was changed', async () => {
    const { cluster, session, action } = await setUp(workload('v2'));

    await expect(writeRollout({ ...action, replicaSet: 'web-a' }, session, options)).rejects.toThrow(
      new NotFoundError('ReplicaSet web-a is not there any more'),
    );
    cluster.put(workload('v3'));
    await expect(writeRollout(action, session, options)).rejects.toThrow(ConflictError);
  });

  it('keeps the generations of other workloads', async () => {
    const cluster = new FakeCluster();
    const { resourceVersion = '' } = cluster.put(workload('v1')).metadata;
    const { session } = await sessionOn(cluster);
    Object.assign(session.current.generations, { other: 7 });

    const result = await writeRollout(
      { type: 'rollout', deployment, resourceVersion, fields, before },
      session,
      options,
    );

    expect(result.generations).toEqual({ other: 7, 'apps/Deployment/shop/web': 2 });
  });
});
