import { describe, expect, it } from '@jest/globals';
import { ConflictError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { makePreview, removePreview, selectPods } from '../../../../src/release/act/hold.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { sessionOn } from './session-on.ts';
import { writtenByKubectl } from './written-by-kubectl.ts';

const options = { signal: new AbortController().signal };
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const previewReference = { ...service, name: 'web-preview' };

function serviceOf(selector: Record<string, string>, name = 'web', more: object = {}): KubernetesObject {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' } },
    spec: { selector, ...more },
  };
}

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

  it('is not written when it is changed in the same moment', async () => {
    const { cluster, session, resourceVersion } = await setUp(serviceOf({ app: 'web' }));
    cluster.before = (verb) => {
      if (verb === 'apply') cluster.put(serviceOf({ app: 'theirs' }));
    };
    const action = { type: 'selectPods', service, resourceVersion, selector, revision: 2 } as const;

    await expect(selectPods(action, session, options)).rejects.toThrow(ConflictError);

    expect(peek(cluster)).toMatchObject({ spec: { selector: { app: 'theirs' } } });
  });

  it('is given its selector though another manager applies it: no release stops half-way for that', async () => {
    const { cluster, session } = await setUp();
    const argocd = { ...options, fieldManager: 'argocd' };
    const { metadata } = await cluster.apply(serviceOf({ app: 'old' }), argocd);
    const { resourceVersion = '' } = metadata;

    await selectPods(
      { type: 'selectPods', service, resourceVersion, selector, revision: 2 },
      session,
      options,
    );

    expect(peek(cluster)).toMatchObject({ spec: { selector, type: 'ClusterIP' } });
  });

  it('loses what kubectl has written and the revision no longer says', async () => {
    const { cluster, session, resourceVersion } = await setUp(serviceOf({ app: 'web' }));
    const owners = writtenByKubectl(cluster, { 'f:spec': { 'f:sessionAffinity': {} } });

    await selectPods(
      { type: 'selectPods', service, resourceVersion, selector, revision: 2 },
      session,
      options,
    );

    expect(owners).toMatchObject([
      [{ manager: 'slipway', fieldsV1: { 'f:spec': { 'f:sessionAffinity': {} } } }],
    ]);
    expect(peek(cluster)).toMatchObject({ spec: { selector } });
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
