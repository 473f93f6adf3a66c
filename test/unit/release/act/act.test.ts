import { describe, expect, it } from '@jest/globals';
import { holdMarkOf } from '../../../../src/kubernetes/hold-mark.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { act } from '../../../../src/release/act/act.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { entry, inProgress } from '../record/records.ts';
import { pruningRelease, secondRelease, sessionOn } from './session-on.ts';

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

describe('cleaning up', () => {
  const objectsOf = (...names: string[]) => names.map((name) => ({ ...service, name }));

  it.each([
    [
      'prunes what is asked to be',
      pruningRelease,
      ['new'],
      ['info: pruned Service shop/old, Service shop/older'],
    ],
    ['prunes nothing else', secondRelease, ['new', 'old', 'older'], []],
  ])('%s', async (_, record, left, notices) => {
    const cluster = new FakeCluster();
    const [first, second] = record.history!;
    const history = [
      { ...first!, objects: objectsOf('old', 'older', 'new') },
      { ...second!, objects: objectsOf('new') },
    ];
    const { session, told } = await sessionOn(cluster, { ...record, history });
    for (const name of ['new', 'old', 'older']) cluster.put(serviceOf({}, name));

    expect(await act({ type: 'cleanUp', revision: 2 }, session, options)).toEqual({});

    expect(cluster.all('Service').map(({ metadata }) => metadata.name)).toEqual(left);
    expect(told).toEqual(notices);
  });

  it('says nothing when there is nothing to prune', async () => {
    const { session, told } = await sessionOn(new FakeCluster(), pruningRelease);

    await act({ type: 'cleanUp', revision: 2 }, session, options);

    expect(told).toEqual([]);
  });

  it('forgets the objects of revisions that never served, and of those beyond the limit', async () => {
    const cluster = new FakeCluster();
    const outcomes = new Map([
      [6, 'rolledBack'],
      [7, 'failed'],
      [8, 'halted'],
    ] as const);
    const history = Array.from({ length: 13 }, (_, index) => {
      const outcome = outcomes.get((index + 1) as 6);
      return outcome === undefined ? entry(index + 1) : entry(index + 1, { outcome });
    });
    const settings = { strategy: {}, timeoutMs: 1, rollback: 'auto', prune: false, force: false } as const;
    const record = {
      history: [...history, entry(14, { outcome: 'rolledBack', settings })],
      stable: 13,
      current: inProgress(14, 13),
    };
    const { session, store } = await sessionOn(
      cluster,
      record,
      Array.from({ length: 14 }, () => []),
    );

    await act({ type: 'cleanUp', revision: 13 }, session, options);

    const kept = cluster.all('ConfigMap').map(({ metadata }) => metadata.name);
    expect(kept).toEqual([
      'slipway-release-web',
      ...[5, 8, 9, 10, 11, 12, 13, 14].map((number) => `slipway-release-web.${String(number)}`),
    ]);
    const saved = (await store.load(options))?.record.history.map(({ number }) => number);
    expect(saved).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  });

  it('writes no record when none is forgotten', async () => {
    const cluster = new FakeCluster();
    const { session } = await sessionOn(cluster);

    await act({ type: 'cleanUp', revision: 2 }, session, options);

    expect(cluster.calls.filter((call) => call.startsWith('replace'))).toEqual([]);
  });

  it('keeps the objects of the revision itself, whatever its outcome', async () => {
    const cluster = new FakeCluster();
    const [first, second] = secondRelease.history!;
    const history = [first!, { ...second!, outcome: 'rolledBack' } as const];
    const record = { ...secondRelease, history, current: inProgress(1) };
    const { session, store } = await sessionOn(
      cluster,
      { ...record, history: [{ ...first!, settings: second!.settings! }, history[1]!] },
      [[], []],
    );

    await act({ type: 'cleanUp', revision: 2 }, session, options);

    expect(await store.loadRevision(2, options)).toEqual([]);
  });

  it('removes configuration in the namespaces of the revision', async () => {
    const cluster = new FakeCluster();
    const [first, second] = secondRelease.history!;
    const objects = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'conf-2', namespace: 'far' },
      { apiVersion: 'v1', kind: 'Namespace', name: 'far' },
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'more', namespace: 'far' },
    ];
    const history = [first!, { ...second!, objects, configuration: ['conf-2'] }];
    const { session } = await sessionOn(cluster, { ...secondRelease, history });
    const configuration = { ...labels, 'slipway.dev/configuration': 'conf' };
    for (const name of ['conf-1', 'conf-2'])
      cluster.put({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'far', labels: configuration },
      });

    await act({ type: 'cleanUp', revision: 2 }, session, options);

    expect(cluster.calls.filter((call) => call.startsWith('list'))).toHaveLength(1);
    expect(cluster.calls).toContain('delete ConfigMap/conf-1');
    expect(cluster.calls).not.toContain('delete ConfigMap/conf-2');
  });
});
