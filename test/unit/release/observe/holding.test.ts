import { describe, expect, it } from '@jest/globals';
import type { Pod, Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { ForbiddenError, RejectedError, UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { observeHolding } from '../../../../src/release/observe/holding.ts';
import type { HeldParts, Holding } from '../../../../src/strategies/holding.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';
import { applyManifests, deploymentOf, podOf, serviceOf, setOf, sliceOf } from './held-objects.ts';

const { signal } = new AbortController();
const deployment = deploymentOf({ replicas: 3 });
const service = serviceOf('web', { app: 'web' });
const moved = { deployment, service, previewName: 'web-preview' };

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };
const serviceReference = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };

function clusterWith(...objects: KubernetesObject[]): FakeCluster {
  const cluster = new FakeCluster();
  for (const object of objects) cluster.put(object);
  return cluster;
}

const observe = (cluster: FakeCluster, parts: HeldParts) =>
  observeHolding({ cluster, application: 'web', parts }, { signal });

const observeTraffic = async (cluster: FakeCluster) => (await observe(cluster, moved)) as Holding;

describe('what is seen of a held Deployment', () => {
  it('is what the manifest says, where the Deployment is not there yet', async () => {
    const cluster = clusterWith();

    expect(await observe(cluster, { deployment })).toEqual({
      manifest: { deployment: reference, replicas: 3, fields: { maxSurge: 1, maxUnavailable: 0 } },
    });
    expect(cluster.calls).toEqual(['get Deployment/web']);
  });

  it('takes replicas that are not given for one, as the API does', async () => {
    const { replicas: _, ...spec } = deployment.spec;
    const bare = { ...deployment, spec };

    const seen = await observe(clusterWith(bare), { deployment: bare });

    expect(seen.manifest.replicas).toBe(1);
    expect(seen.deployment?.desired).toBe(1);
  });

  it('is its fields, its mark and the answer to it', async () => {
    const mark = { revision: 7, step: 'pinned', since: '2026-01-01T00:00:00Z', end: 'pipeline', before: {} };
    const annotations = { 'slipway.dev/hold': JSON.stringify(mark), 'slipway.dev/answer': '7 promote' };
    const cluster = clusterWith({
      ...deploymentOf({ replicas: 5, minReadySeconds: 9 }),
      metadata: { ...deployment.metadata, annotations },
    });

    const seen = await observe(cluster, { deployment });

    expect(seen.deployment).toEqual({
      reference,
      resourceVersion: cluster.peek(reference)?.metadata.resourceVersion,
      isObserved: false,
      desired: 5,
      fields: { minReadySeconds: 9, maxSurge: 1, maxUnavailable: 0 },
      sets: [],
      mark,
      answer: { revision: 7, answer: 'promote' },
    });
    expect(seen.manifest.replicas).toBe(3);
  });

  it.each([
    [1, false],
    [2, true],
    [3, true],
  ])(
    'has been seen by its controller when its status is of generation %i: %p',
    async (observed, isObserved) => {
      const cluster = clusterWith(deployment);
      cluster.put({ ...deployment, status: { observedGeneration: observed } });
      cluster.put({ ...deploymentOf({ replicas: 4 }), status: { observedGeneration: observed } });
      expect(cluster.peek(reference)?.metadata.generation).toBe(2);

      expect((await observe(cluster, { deployment })).deployment?.isObserved).toBe(isObserved);
    },
  );

  it('counts the pods of each of its ReplicaSets, without those that are on their way out', async () => {
    const cluster = clusterWith(deployment);
    const { uid } = cluster.peek(reference)!.metadata;
    const old = cluster.put(setOf('web-old', { hash: 'old', image: 'web:0', owner: uid, replicas: 2 }));
    const live = cluster.put(setOf('web-new', { hash: 'new', image: 'web:1', owner: uid }));
    cluster.put(setOf('foreign', { hash: 'else', image: 'web:1', owner: 'another' }));
    cluster.put(setOf('unowned', { hash: 'none', image: 'web:1' }));
    cluster.put(podOf('a', old, { ready: true }));
    cluster.put(podOf('b', old, { ready: false }));
    cluster.put(podOf('c', live, { ready: true }));
    cluster.put(podOf('d', live, { ready: true, goes: true }));
    const { ownerReferences: _, ...alone } = podOf('e', live, { ready: true }).metadata;
    cluster.put({ ...podOf('e', live, { ready: true }), metadata: alone });

    const seen = await observe(cluster, { deployment });

    const inNew = { name: 'web-new', hash: 'new', wanted: 0, present: 1, ready: 1 };
    const inOld = { name: 'web-old', hash: 'old', wanted: 2, present: 2, ready: 1 };
    expect(seen.deployment?.sets).toEqual([inOld, inNew]);
    expect(seen.deployment?.live).toEqual(inNew);
  });

  it('counts what something else owns, too', async () => {
    const cluster = clusterWith(deployment);
    const { uid } = cluster.peek(reference)!.metadata;
    const shared = <O extends KubernetesObject>(object: O): O => {
      const { ownerReferences = [] } = object.metadata;
      const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'team', uid: 'team' };
      return { ...object, metadata: { ...object.metadata, ownerReferences: [other, ...ownerReferences] } };
    };
    const set = cluster.put(shared(setOf('web-new', { hash: 'new', image: 'web:1', owner: uid })));
    cluster.put(shared(podOf('a', set, { ready: true })));

    expect((await observe(cluster, { deployment })).deployment?.live?.present).toBe(1);
  });

  it('has nothing of other namespaces, and of pods that its selector does not pick', async () => {
    const cluster = clusterWith(deployment);
    const { uid } = cluster.peek(reference)!.metadata;
    const live = cluster.put(setOf('web-new', { hash: 'new', image: 'web:1', owner: uid }));
    const elsewhere = <O extends KubernetesObject>(object: O): O => ({
      ...object,
      metadata: { ...object.metadata, namespace: 'stage' },
    });
    cluster.put(elsewhere(setOf('web-stage', { hash: 'stage', image: 'web:1', owner: uid })));
    cluster.put(elsewhere(podOf('a', live, { ready: true })));
    const pod = podOf('b', live, { ready: true });
    cluster.put<Pod>({ ...pod, metadata: { ...pod.metadata, labels: { app: 'api' } } });

    const seen = await observe(cluster, { deployment });

    expect(seen.deployment?.sets).toEqual([
      { name: 'web-new', hash: 'new', wanted: 0, present: 0, ready: 0 },
    ]);
  });
});

describe('what is seen of the traffic', () => {
  it('is nothing where the release moves none', async () => {
    const cluster = clusterWith(deployment, service);

    expect(Object.keys(await observe(cluster, { deployment }))).toEqual(['manifest', 'deployment']);
    for (const part of [{ service }, { previewName: 'web-preview' }]) {
      const seen = await observe(cluster, { deployment, ...part });
      expect(Object.keys(seen)).toEqual(['manifest', 'deployment']);
    }
    expect(cluster.calls).not.toContain('get Service/web');
  });

  it('is the Service of the manifest, where none is there', async () => {
    expect(await observeTraffic(clusterWith())).toEqual({
      manifest: {
        ...{ deployment: reference, replicas: 3, fields: { maxSurge: 1, maxUnavailable: 0 } },
        ...{ service: serviceReference, selector: { app: 'web' } },
      },
      previewName: 'web-preview',
      isPreviewTaken: false,
    });
  });

  it('is the selector of the live Service, and how many ready endpoints each set of pods has', async () => {
    const cluster = clusterWith(deployment, serviceOf('web', { app: 'web', hash: 'old' }));
    const { uid } = cluster.peek(reference)!.metadata;
    const old = cluster.put(setOf('web-old', { hash: 'old', image: 'web:0', owner: uid }));
    const live = cluster.put(setOf('web-new', { hash: 'new', image: 'web:1', owner: uid }));
    for (const name of ['a', 'b']) cluster.put(podOf(name, old, { ready: true }));
    cluster.put(podOf('c', live, { ready: true }));
    cluster.put(sliceOf('web', ['a', 'b', 'c', 'gone']));

    expect((await observeTraffic(cluster)).active).toEqual({
      reference: serviceReference,
      resourceVersion: cluster.peek(serviceReference)?.metadata.resourceVersion,
      selector: { app: 'web', hash: 'old' },
      endpoints: { old: 2, new: 1, '': 1 },
    });
  });

  it('knows its own preview from a Service of somebody else that has the name', async () => {
    const own = serviceOf('web-preview', { app: 'web', hash: 'new' }, { 'slipway.dev/preview': 'web' });
    const cluster = clusterWith(deployment, service, own, sliceOf('web-preview', []));

    const seen = await observeTraffic(cluster);

    expect(seen).toMatchObject({ isPreviewTaken: false, preview: { selector: { app: 'web', hash: 'new' } } });
    expect(seen.preview?.reference).toEqual({ ...serviceReference, name: 'web-preview' });
  });

  it.each([
    ['no label', undefined],
    ['the label of another application', { 'slipway.dev/preview': 'api' }],
  ])('has no preview where a Service of its name has %s', async (_, labels) => {
    const cluster = clusterWith(deployment, service, serviceOf('web-preview', { app: 'api' }, labels));

    const seen = await observeTraffic(cluster);

    expect(seen.isPreviewTaken).toBe(true);
    expect(seen).not.toHaveProperty('preview');
  });

  it('is of a Service without a selector, too', async () => {
    const { apiVersion, kind, metadata } = service;
    const bare = { apiVersion, kind, metadata };
    const cluster = clusterWith(deployment, bare);

    const parts = { ...moved, service: bare };
    const seen = (await observe(cluster, parts)) as Holding;

    expect(seen.active?.selector).toEqual({});
    expect(seen.manifest.selector).toEqual({});
  });
});

describe('whether a revision changes pods', () => {
  const compare = async (
    cluster: FakeCluster,
    manifest: Workload,
    { abort, force = false }: { abort?: AbortController; force?: boolean } = {},
  ) => {
    const compares = { clock: new VirtualClock(), force, earlier: () => Promise.resolve([]) };
    const request = { cluster, application: 'web', parts: { deployment: manifest }, compares };
    const seen = await observeHolding(request, { signal: abort?.signal ?? signal });
    return seen.changesPods;
  };

  it('is found out by a dry run', async () => {
    const cluster = await applyManifests(deployment);
    const before = cluster.peek(reference);

    expect(await compare(cluster, deployment)).toBe(false);
    expect(await compare(cluster, deploymentOf({ replicas: 3 }, 'web:2'))).toBe(true);
    expect(cluster.peek(reference)).toEqual(before);
  });

  it('is not asked where nothing is there yet, or nobody asks', async () => {
    expect(await compare(clusterWith(), deployment)).toBeUndefined();
    expect(await observe(clusterWith(deployment), { deployment })).not.toHaveProperty('changesPods');
  });

  it('is not said of a revision that is only scaled: the number of pods stays as it is', async () => {
    const cluster = await applyManifests(deployment);
    await cluster.apply(deploymentOf({ replicas: 5 }), { signal, fieldManager: 'scaler', force: true });
    cluster.calls.length = 0;

    expect(await compare(cluster, deployment)).toBe(false);
  });

  it('is taken for so where the API refuses the revision: that is told when it is applied', async () => {
    const cluster = await applyManifests(deployment);
    cluster.before = (verb) => {
      if (verb === 'apply') throw new RejectedError('spec.template is invalid', { status: 422 });
    };

    expect(await compare(cluster, deployment)).toBe(true);
  });

  it.each([
    ['the API does not answer', new UnreachableError('no answer')],
    ['there is a fault in this program', new TypeError('undefined is no function')],
  ])('is not known where %s', async (_, fault) => {
    const cluster = await applyManifests(deployment);
    cluster.before = (verb) => {
      if (verb === 'apply') throw fault;
    };

    await expect(compare(cluster, deployment)).rejects.toBe(fault);
  });

  it('is not known where it is aborted', async () => {
    const cluster = await applyManifests(deployment);
    const abort = new AbortController();
    cluster.before = (verb) => {
      if (verb !== 'apply') return;
      abort.abort(new Error('cancelled'));
      throw new ForbiddenError('may not apply');
    };

    await expect(compare(cluster, deployment, { abort })).rejects.toThrow('cancelled');
  });
});
