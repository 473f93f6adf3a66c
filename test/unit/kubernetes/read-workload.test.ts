import { describe, expect, it } from '@jest/globals';
import type { Pod, Workload } from '../../../src/kubernetes/workload-objects.ts';
import { broken, look, object, ready } from './workload-snapshots.ts';

const member = (name: string, revision: string | undefined, status: object = ready): Pod =>
  object('Pod', { containers: [] }, status, {
    name,
    uid: name,
    ...(revision !== undefined && {
      labels: { 'controller-revision-hash': revision, 'pod-template-generation': revision },
    }),
  });
const template = { spec: { containers: [{ name: 'web', image: 'shop/web:1' }] } };
const updateStrategy = { type: 'OnDelete' };

describe('a workload that is not known', () => {
  it('is missing', () => {
    expect(look(undefined).symptoms).toMatchObject([{ message: 'Deployment web does not exist' }]);
  });

  it('was never there, although it is there now', () => {
    expect(look(object('Job', {}, {}), { kind: 'Job', wasComplete: true }).complete).toBe(false);
  });

  it('shows what it is to be until its controller has observed it', () => {
    const unseen = (spec: object) => look(object('Deployment', spec, { observedGeneration: 1, replicas: 9 }));

    expect(unseen({ replicas: 4, paused: true })).toMatchObject({
      complete: false,
      paused: true,
      desired: 4,
    });
    expect(unseen({})).toEqual({
      reference: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' },
      complete: false,
      withoutReadinessProbe: false,
      paused: false,
      desired: 1,
      updated: 0,
      ready: 0,
      revision: undefined,
      symptoms: [],
      tracks: [],
      stuckPods: [],
    });
  });

  it('is known in the very generation that was applied', () => {
    const complete = { replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
    const { status: _status, ...unseen } = object('Deployment', {}, {});

    expect(look(object('Deployment', {}, complete), { generation: 2 }).complete).toBe(true);
    expect(look(unseen).complete).toBe(false);
  });
});

describe('whether a workload lacks a readiness probe', () => {
  const probed = { name: 'web', readinessProbe: {} };

  it.each([
    ['Deployment', [probed], false],
    ['Deployment', [probed, { name: 'log' }], true],
    ['Deployment', [], false],
    ['Job', [{ name: 'log' }], false],
  ])('is told of a %s with containers %j: %s', (kind, containers, lacks) => {
    expect(look(object(kind, { template: { spec: { containers } } }, {})).withoutReadinessProbe).toBe(lacks);
  });

  it('is told of no template', () => {
    expect(look(object('Deployment', {}, {})).withoutReadinessProbe).toBe(false);
  });
});

describe('the state of a StatefulSet', () => {
  const set = (status: object, spec: object = {}): Workload =>
    object('StatefulSet', { replicas: 2, template, ...spec }, { updateRevision: 'b', ...status });

  it('counts the pods of the wanted revision', () => {
    const pods = [
      member('web-0', 'b'),
      member('web-1', 'b', broken),
      member('web-2', 'a', broken),
      member('web-3', undefined),
    ];

    expect(look(set({ replicas: 4, readyReplicas: 2 }), { pods })).toEqual({
      reference: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', namespace: 'shop' },
      complete: false,
      withoutReadinessProbe: true,
      paused: false,
      desired: 2,
      updated: 2,
      ready: 1,
      revision: 'b',
      symptoms: [
        expect.objectContaining({ pod: expect.objectContaining({ name: 'web-1' }) as unknown }) as unknown,
      ],
      tracks: [{ name: 'candidate', workload: 'b', image: 'shop/web:1', desired: 2, ready: 1, weight: 50 }],
      stuckPods: [
        { reference: { apiVersion: 'v1', kind: 'Pod', name: 'web-2', namespace: 'shop' }, uid: 'web-2' },
      ],
    });
  });

  it.each([
    [{ replicas: 2, readyReplicas: 2 }, true],
    [{ replicas: 3, readyReplicas: 2 }, false],
    [{ replicas: 2, readyReplicas: 1 }, false],
    [{ replicas: 2, readyReplicas: 3 }, true],
  ])('is complete by %j: %s', (status, complete) => {
    expect(look(set(status), { pods: [member('web-0', 'b'), member('web-1', 'b')] }).complete).toBe(complete);
  });

  it('whose pods are replaced by hand asks for no new ones', () => {
    expect(
      look(set({ replicas: 2, readyReplicas: 2 }, { updateStrategy }), { pods: [member('web-0', 'a')] })
        .complete,
    ).toBe(true);
  });

  it.each([
    ['web-9', 10, 0],
    ['web-10', 10, 1],
    ['web-2-10', 10, 1],
    ['web-12-3', 10, 0],
  ])('has the broken pod %s with a partition of %i: stuck are %i', (name, partition, count) => {
    const spec = { updateStrategy: { rollingUpdate: { partition } } };

    expect(look(set({}, spec), { pods: [member(name, 'a', broken)] }).stuckPods).toHaveLength(count);
  });
});

describe('the state of a DaemonSet', () => {
  const set = (status: object, spec: object = {}, annotated = true): Workload =>
    object(
      'DaemonSet',
      { template, ...spec },
      status,
      annotated ? { annotations: { 'deprecated.daemonset.template.generation': '2' } } : {},
    );
  const pods = [
    member('web-a', '2'),
    member('web-b', '2', broken),
    member('web-c', '1', broken),
    member('web-d', undefined, broken),
  ];

  it('counts the pods of its generation, and those that say none', () => {
    const status = {
      desiredNumberScheduled: 3,
      updatedNumberScheduled: 2,
      numberAvailable: 1,
      numberReady: 1,
    };
    const state = look(set(status), { pods });

    expect(state).toMatchObject({
      complete: false,
      desired: 3,
      updated: 2,
      ready: 1,
      revision: 'generation 2',
    });
    expect(state.symptoms.map(({ pod }) => pod?.name)).toEqual(['web-b', 'web-d']);
    expect(state.tracks).toEqual([
      { name: 'candidate', workload: '2', image: 'shop/web:1', desired: 3, ready: 1, weight: 100 },
    ]);
  });

  it('counts all pods where it says no generation', () => {
    const state = look(set({}, {}, false), { pods });

    expect(state.symptoms).toHaveLength(3);
    expect(state).toMatchObject({ revision: undefined, tracks: [{ workload: 'web', weight: 0 }] });
  });

  it('whose pods are replaced by hand asks for no new ones', () => {
    const status = { desiredNumberScheduled: 2, updatedNumberScheduled: 0, numberAvailable: 2 };

    expect(look(set(status, { updateStrategy })).complete).toBe(true);
    expect(look(set(status)).complete).toBe(false);
  });
});

describe('the state of a ReplicaSet', () => {
  it.each([
    [{ replicas: 2, availableReplicas: 2, readyReplicas: 2 }, true],
    [{ replicas: 3, availableReplicas: 2 }, false],
    [{ replicas: 2, availableReplicas: 1 }, false],
  ])('is complete by %j: %s', (status, complete) => {
    expect(look(object('ReplicaSet', { replicas: 2 }, status)).complete).toBe(complete);
  });

  it('has the trouble of its pods, and that there are none', () => {
    const conditions = [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: pods' }];
    const status = { replicas: 2, readyReplicas: 1, conditions };
    const state = look(object('ReplicaSet', { template }, status), { pods: [member('web-a', 'a', broken)] });

    expect(state).toMatchObject({ desired: 1, updated: 2, ready: 1, revision: 'web' });
    expect(state.symptoms.map(({ kind }) => kind)).toEqual(['imagePull', 'creation']);
    expect(state.tracks).toEqual([
      { name: 'stable', workload: 'web', image: 'shop/web:1', desired: 1, ready: 1, weight: 100 },
    ]);
  });

  it('has no weight as long as nothing is ready', () => {
    expect(look(object('ReplicaSet', {}, {})).tracks).toMatchObject([{ name: 'candidate', weight: 0 }]);
  });
});
