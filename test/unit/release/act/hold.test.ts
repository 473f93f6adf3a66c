import { describe, expect, it } from '@jest/globals';
import { answerAnnotation, holdAnnotation, holdMarkOf } from '../../../../src/kubernetes/hold-mark.ts';
import { heldFields } from '../../../../src/kubernetes/rollout-fields.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { ConflictError, NotFoundError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import {
  heldObjects,
  makePreview,
  removePreview,
  selectPods,
  writeRollout,
} from '../../../../src/release/act/hold.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { sessionOn } from './session-on.ts';

const options = { signal: new AbortController().signal };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const previewReference = { ...service, name: 'web-preview' };
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

function serviceOf(selector: Record<string, string>, name = 'web', more: object = {}): KubernetesObject {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' } },
    spec: { selector, ...more },
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

    const result = await writeRollout({ ...action, step: 'ready' }, session, options);

    const since = new Date(clock.now()).toISOString();
    expect(holdMarkOf(peek())).toEqual({ revision: 2, step: 'ready', before, since, end });
    expect(peek().metadata.annotations?.['team']).toBe('shop');
    expect(peek().spec).toMatchObject({ paused: true, minReadySeconds: heldFields.minReadySeconds });
    expect(result).toEqual({ generations: { 'apps/Deployment/shop/web': generation + 1 } });
    expect(cluster.calls).toEqual(['get Deployment/web', 'patch Deployment/web']);
  });

  it('keeps the time since which it is held', async () => {
    const since = '2020-02-02T00:00:00Z';
    const mark = JSON.stringify({ revision: 1, step: 'starting', since, end: '', before });
    const { session, peek, action } = await setUp(workload('v1', { [holdAnnotation]: mark }));

    await writeRollout({ ...action, step: 'ready' }, session, options);

    expect(holdMarkOf(peek())).toMatchObject({ revision: 2, step: 'ready', since });
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

  it('gets the template of a ReplicaSet, without its hash', async () => {
    const { cluster, session, peek, action } = await setUp(workload('v2'));
    const old = workload('v1').spec.template!;
    const template = { ...old, metadata: { labels: { app: 'web', 'pod-template-hash': 'a' } } };
    const metadata = { name: 'web-a', namespace: 'shop' };
    cluster.put({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata,
      spec: { template },
    });

    await writeRollout({ ...action, replicaSet: 'web-a', step: 'completing' }, session, options);

    expect(peek().spec.template).toEqual(old);
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

describe('the Service whose traffic moves', () => {
  const selector = { app: 'web', 'pod-template-hash': 'b' };
  const peek = (cluster: FakeCluster) => cluster.peek(service);

  async function setUp(live?: KubernetesObject) {
    const cluster = new FakeCluster();
    const stored = live === undefined ? undefined : cluster.put(live);
    const manifest = serviceOf({ app: 'new' }, 'web', { type: 'ClusterIP' });
    const other = serviceOf({ app: 'other' }, 'other');
    const { session } = await sessionOn(cluster, undefined, [[], [other, manifest]]);
    const { resourceVersion = '' } = stored?.metadata ?? {};
    return { cluster, session, resourceVersion };
  }

  it('gets a selector in one write, and nothing else', async () => {
    const live = serviceOf({ app: 'web' }, 'web', { ports: [{ port: 80 }] });
    const { cluster, session, resourceVersion } = await setUp(live);

    await selectPods({ type: 'selectPods', service, resourceVersion, selector }, session, options);

    expect(peek(cluster)).toMatchObject({ spec: { selector, ports: [{ port: 80 }] } });
    expect(cluster.calls).toEqual(['get Service/web', 'patch Service/web']);
  });

  it('is not written when it has the selector', async () => {
    const { cluster, session, resourceVersion } = await setUp(serviceOf(selector));

    await selectPods({ type: 'selectPods', service, resourceVersion, selector }, session, options);

    expect(cluster.calls).toEqual(['get Service/web']);
  });

  it('gets all else that the revision says, too', async () => {
    const { cluster, session, resourceVersion } = await setUp(serviceOf({ app: 'web' }));

    await selectPods(
      { type: 'selectPods', service, resourceVersion, selector, revision: 2 },
      session,
      options,
    );

    expect(peek(cluster)).toMatchObject({ spec: { selector, type: 'ClusterIP' } });
  });

  it('is made by a revision where it is not there', async () => {
    const { cluster, session } = await setUp();

    await selectPods({ type: 'selectPods', service, selector, revision: 2 }, session, options);

    expect(peek(cluster)).toMatchObject({ spec: { selector, type: 'ClusterIP' } });
  });

  it('is left alone where it is not there, and no revision has it', async () => {
    const { cluster, session } = await setUp();

    await selectPods({ type: 'selectPods', service, selector }, session, options);
    await selectPods({ type: 'selectPods', service, selector, revision: 1 }, session, options);

    expect(peek(cluster)).toBeUndefined();
  });

  it('is not written when it was changed or made since', async () => {
    const { cluster, session, resourceVersion } = await setUp(serviceOf({ app: 'web' }));
    const action = { type: 'selectPods', service, selector, revision: 2 } as const;

    await expect(selectPods(action, session, options)).rejects.toThrow(ConflictError);
    cluster.put(serviceOf({ app: 'theirs' }));
    await expect(selectPods({ ...action, resourceVersion }, session, options)).rejects.toThrow(ConflictError);
    expect(peek(cluster)).toMatchObject({ spec: { selector: { app: 'theirs' } } });
  });
});

describe('the Service of the new pods', () => {
  const selector = { app: 'web', 'pod-template-hash': 'b' };
  const action = { type: 'preview', active: 'web', revision: 2, name: 'web-preview', selector } as const;
  const ports = [{ name: 'http', port: 80, nodePort: 30_080 }];
  const setUp = async (objects: KubernetesObject[]) => {
    const cluster = new FakeCluster();
    const { session } = await sessionOn(cluster, undefined, [[], objects]);
    return { cluster, session };
  };

  it('has the ports of the active one without those of its nodes, and labels of the release', async () => {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web', namespace: 'shop' } };
    const active = serviceOf({ app: 'web' }, 'web', { ports, type: 'NodePort' });
    const { cluster, session } = await setUp([configMap, serviceOf({}, 'other'), active]);

    await makePreview(action, session, options);

    expect(cluster.peek(previewReference)).toMatchObject({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { labels: { 'slipway.dev/application': 'web', 'slipway.dev/preview': 'web' } },
    });
    expect(cluster.peek(previewReference)?.['spec']).toEqual({
      selector,
      ports: [{ name: 'http', port: 80 }],
    });
  });

  it('is not made where the active one is not there, and has no ports where that has none', async () => {
    const { cluster, session } = await setUp([serviceOf({}, 'other')]);
    await makePreview(action, session, options);
    expect(cluster.peek(previewReference)).toBeUndefined();

    const other = await setUp([serviceOf({ app: 'web' })]);
    await makePreview(action, other.session, options);

    expect(other.cluster.peek(previewReference)?.['spec']).toEqual({ selector, ports: [] });
  });

  it('has the selector alone, though the API server merges it with the one before', async () => {
    const { cluster, session } = await setUp([serviceOf({ app: 'web' })]);
    await cluster.apply(serviceOf({ old: 'label' }, 'web-preview'), { ...options, fieldManager: 'kubectl' });

    await makePreview(action, session, options);

    expect(cluster.peek(previewReference)).toMatchObject({ spec: { selector } });
    expect(JSON.stringify(cluster.peek(previewReference))).not.toContain('"old"');
  });

  it('is removed when a release of the application has made it', async () => {
    const { cluster, session } = await setUp([serviceOf({ app: 'web' })]);
    await makePreview(action, session, options);

    await removePreview(previewReference, session, options);
    expect(cluster.peek(previewReference)).toBeUndefined();

    cluster.put(serviceOf({}, 'web-preview'));
    await removePreview(previewReference, session, options);
    expect(cluster.peek(previewReference)).toBeDefined();
    cluster.drop(previewReference);
    await removePreview(previewReference, session, options);
  });

  it('is removed as it was seen', async () => {
    const { cluster, session } = await setUp([serviceOf({ app: 'web' })]);
    await makePreview(action, session, options);
    cluster.before = (verb) => {
      if (verb !== 'delete') return;
      cluster.drop(previewReference);
      cluster.put(serviceOf({}, 'web-preview'));
    };

    await removePreview(previewReference, session, options);

    expect(cluster.peek(previewReference)).toBeDefined();
  });
});
