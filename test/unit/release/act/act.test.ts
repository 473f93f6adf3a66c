import { describe, expect, it } from '@jest/globals';
import { holdMarkOf } from '../../../../src/kubernetes/hold-mark.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { act } from '../../../../src/release/act/act.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { entry, inProgress } from '../record/records.ts';
import { secondRelease, sessionOn } from './session-on.ts';

const options = { signal: new AbortController().signal };
const labels = { 'slipway.dev/application': 'web' };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };

function workload(image: string, spec: object = {}): KubernetesObject {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop', labels } },
    spec: { template, ...spec },
  };
}

function serviceOf(selector: Record<string, string>, name = 'web'): KubernetesObject {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop', labels } },
    spec: { selector },
  };
}

const readyPod = (podLabels: Record<string, string>): KubernetesObject => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'shop', labels: podLabels } },
  ...{ spec: { containers: [] }, status: { conditions: [{ type: 'Ready', status: 'True' }] } },
});

const imageOf = (cluster: FakeCluster) =>
  cluster.peek<Workload>(deployment)?.spec.template?.spec.containers[0]?.image;

describe('applying a revision', () => {
  const other = { ...options, fieldManager: 'argocd' };

  it('makes its objects, and says what it made', async () => {
    const cluster = new FakeCluster();
    const { session } = await sessionOn(cluster, secondRelease, [[], [workload('v2', { replicas: 3 })]]);

    const result = await act({ type: 'apply', revision: 2 }, session, options);

    expect(imageOf(cluster)).toBe('v2');
    expect(result).toMatchObject({
      generations: { 'apps/Deployment/shop/web': 1 },
      replicas: { 'apps/Deployment/shop/web': 3 },
    });
  });

  it('takes no field of others, but for a rollback, where the released state wins', async () => {
    const cluster = new FakeCluster();
    await cluster.apply(workload('theirs'), other);
    const { session } = await sessionOn(cluster, secondRelease, [[workload('v1')], [workload('v2')]]);

    await expect(act({ type: 'apply', revision: 2 }, session, options)).rejects.toMatchObject({
      code: 'field-conflict',
    });
    await act({ type: 'apply', revision: 1 }, session, options);

    expect(imageOf(cluster)).toBe('v1');
  });

  it('takes them where the settings say so', async () => {
    const cluster = new FakeCluster();
    await cluster.apply(workload('theirs'), other);
    const settings = { strategy: {}, timeoutMs: 1, rollback: 'auto', prune: false, force: true } as const;
    const record = { history: [entry(2, { settings })], current: inProgress(2) };
    const { session } = await sessionOn(cluster, record, [[], [workload('v2')]]);

    await act({ type: 'apply', revision: 2 }, session, options);

    expect(imageOf(cluster)).toBe('v2');
  });

  it('keeps replicas that others have set, and says so', async () => {
    const cluster = new FakeCluster();
    const record = { ...secondRelease, replicas: { 'apps/Deployment/shop/web': 3 } };
    const { session, told } = await sessionOn(cluster, record, [[], [workload('v2', { replicas: 3 })]]);
    cluster.put(workload('v1', { replicas: 5 }));

    await act({ type: 'apply', revision: 2 }, session, options);

    expect(cluster.peek<Workload>(deployment)?.spec.replicas).toBe(5);
    expect(new Set(told)).toEqual(
      new Set(['info: Deployment shop/web stays at 5 replicas, set by another client; the manifest has 3']),
    );
  });

  it.each([
    [1, undefined, 2],
    [1, 7, 0],
    [2, undefined, 0],
  ])(
    'of number %i over the same, whose generation is %j, makes %i writes more',
    async (revision, generation, writes) => {
      const cluster = new FakeCluster();
      const generations = generation === undefined ? {} : { 'apps/Deployment/shop/web': generation };
      const record = { ...secondRelease, current: { ...inProgress(2, 1), generations } };
      const { session } = await sessionOn(cluster, record, [[workload('v1')], [workload('v1')]]);
      await cluster.apply(workload('v1'), { ...options, fieldManager: 'slipway' });

      await act({ type: 'apply', revision }, session, options);

      expect(cluster.calls.filter((call) => call === 'patch Deployment/web')).toHaveLength(writes);
    },
  );

  it('keeps a selector by which pods of before serve, but for a rollback; it is given when the new ones do', async () => {
    const cluster = new FakeCluster();
    const revisions = [[serviceOf({ app: 'old' })], [serviceOf({ app: 'new' }), workload('v2')]];
    const { session, told } = await sessionOn(cluster, secondRelease, revisions);
    const selector = () => (cluster.peek(service) as { spec?: unknown } | undefined)?.spec;
    cluster.put(serviceOf({ app: 'old' }));
    cluster.put(readyPod({ app: 'old' }));

    await act({ type: 'apply', revision: 2 }, session, options);
    expect(selector()).toEqual({ selector: { app: 'old' } });
    expect(await act({ type: 'select', revision: 2 }, session, options)).toEqual({});
    expect(selector()).toEqual({ selector: { app: 'new' } });
    expect(told).toEqual(['info: Service shop/web selects the new pods']);
    cluster.put(readyPod({ app: 'new' }));
    await act({ type: 'apply', revision: 1 }, session, options);

    expect(selector()).toEqual({ selector: { app: 'old' } });
  });

  it('holds its Deployment where that is wanted', async () => {
    const cluster = new FakeCluster();
    const objects = [serviceOf({ app: 'web' }), workload('v2')];
    const { session } = await sessionOn(cluster, secondRelease, [[], objects]);
    const action = { type: 'hold', revision: 2, step: 'starting', before: {}, active: 'web' } as const;

    expect(await act(action, session, options)).toMatchObject({ generations: {} });

    expect(holdMarkOf(cluster.peek<Workload>(deployment)!)).toMatchObject({ revision: 2, step: 'starting' });
    expect(cluster.peek(service)).toBeUndefined();
  });
});

describe('the actions on a held Deployment and its Services', () => {
  it('are done', async () => {
    const cluster = new FakeCluster();
    const { resourceVersion = '' } = cluster.put(workload('v1')).metadata;
    const live = cluster.put(serviceOf({ app: 'web' }));
    const { session } = await sessionOn(cluster, secondRelease, [[], [serviceOf({ app: 'web' })]]);
    const selector = { app: 'web', 'pod-template-hash': 'b' };
    const previewReference = { ...service, name: 'web-preview' };

    const fields = { minReadySeconds: 7 };
    const rollout = { type: 'rollout', deployment, resourceVersion, fields, before: {} } as const;
    expect(await act(rollout, session, options)).toEqual({ generations: { 'apps/Deployment/shop/web': 2 } });
    const version = { resourceVersion: live.metadata.resourceVersion ?? '' };
    const select = { type: 'selectPods', service, selector, ...version } as const;
    expect(await act(select, session, options)).toEqual({});
    const preview = { type: 'preview', active: 'web', revision: 2, name: 'web-preview', selector } as const;
    expect(await act(preview, session, options)).toEqual({});

    expect(cluster.peek(service)).toMatchObject({ spec: { selector } });
    expect(cluster.peek(previewReference)).toMatchObject({ spec: { selector } });
    const remove = { type: 'removePreview', service: previewReference } as const;
    expect(await act(remove, session, options)).toEqual({});
    expect(cluster.peek(previewReference)).toBeUndefined();
  });
});

describe('deleting pods', () => {
  it('deletes those that were seen', async () => {
    const cluster = new FakeCluster();
    const { session } = await sessionOn(cluster);
    const { uid = '' } = cluster.put(readyPod({})).metadata;
    const reference = { apiVersion: 'v1', kind: 'Pod', name: 'web-1', namespace: 'shop' };

    await act({ type: 'deletePods', pods: [{ reference, uid: 'another' }] }, session, options);
    expect(cluster.peek(reference)).toBeDefined();
    expect(await act({ type: 'deletePods', pods: [{ reference, uid }] }, session, options)).toEqual({});

    expect(cluster.peek(reference)).toBeUndefined();
  });
});
