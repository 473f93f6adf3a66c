import { describe, expect, it } from '@jest/globals';
import type { Pod, Workload } from '../../../src/kubernetes/workload-objects.ts';
import { broken, look, object, withTemplate } from './workload-snapshots.ts';

function set(name: string, version: number, status: object = {}, spec: object = { replicas: 2 }): Workload {
  const labels = { 'pod-template-hash': name };
  return object('ReplicaSet', withTemplate(spec, version), status, { name, uid: name, labels });
}

function deployment(status: object = {}, spec: object = { replicas: 2 }): Workload {
  return object('Deployment', withTemplate(spec, 2), status);
}

const pod = (name: string, labels?: object): Pod =>
  object('Pod', { containers: [] }, broken, { name, ...(labels && { labels }) });

describe('the state of a Deployment', () => {
  it('counts the pods of its newest ReplicaSet', () => {
    const replicaSets = [object('ReplicaSet', {}, {}, { name: 'foreign' })];
    const status = { replicas: 3, updatedReplicas: 1, availableReplicas: 2 };

    expect(
      look(deployment(status), {
        replicaSets: [...replicaSets, set('new', 2, { replicas: 1, readyReplicas: 1 })],
      }),
    ).toMatchObject({ complete: false, desired: 2, updated: 1, ready: 1, revision: 'new', paused: false });
  });

  it('is not complete while more pods are wanted than there are', () => {
    const status = { replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

    expect(look(deployment(status)).complete).toBe(true);
    expect(look(deployment(status, { replicas: 3 })).complete).toBe(false);
  });

  it('knows nothing of new pods before there is a new ReplicaSet', () => {
    const state = look(deployment(), { replicaSets: [set('old', 1, { replicas: 2 })], pods: [pod('a', {})] });

    expect(state).toMatchObject({ ready: 0, revision: undefined, symptoms: [] });
    expect(state.tracks).toMatchObject([{ name: 'stable', workload: 'old' }]);
  });

  it('reads trouble of no pods but the new ones, though some have no labels', () => {
    const replicaSets = [set('new', 2)];

    expect(
      look(deployment(), {
        replicaSets,
        pods: [pod('a'), pod('b', { 'pod-template-hash': 'new' }), pod('c', { 'pod-template-hash': 'old' })],
      }).symptoms,
    ).toMatchObject([{ pod: { name: 'b' } }]);
  });

  it('reads nothing in conditions that do not hold, or that are others', () => {
    const conditions = [
      { type: 'Available', status: 'True', reason: 'ProgressDeadlineExceeded' },
      { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' },
    ];
    const refused = [
      { type: 'ReplicaFailure', status: 'False', message: 'exceeded quota' },
      { type: 'Other', status: 'True', message: 'exceeded quota' },
    ];

    expect(
      look(deployment({ conditions }), { replicaSets: [set('new', 2, { conditions: refused })] }).symptoms,
    ).toEqual([]);
  });

  it('tells refusals by their reason where there is no message', () => {
    const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' }];

    expect(look(deployment(), { replicaSets: [set('new', 2, { conditions })] }).symptoms).toMatchObject([
      { message: 'ReplicaSet new cannot create pods: FailedCreate', key: 'new/creation' },
    ]);
  });

  it('has 10 minutes where it sets no progress deadline', () => {
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];

    expect(look(deployment({ conditions })).symptoms).toEqual([
      {
        kind: 'deadline',
        message: 'Deployment web made no progress within 600 s',
        key: 'uid-Deployment/deadline',
      },
    ]);
  });

  it.each([
    [{ replicas: 3 }, 'others'],
    [{ replicas: 4 }, 'own'],
    [{ replicas: 3, strategy: { type: 'RollingUpdate' } }, 'others'],
    [{ replicas: 8, strategy: { type: 'RollingUpdate', rollingUpdate: {} } }, 'own'],
  ])('may miss a quarter of its pods where it sets nothing: %j', (spec, room) => {
    const message = 'exceeded quota: pods, requested: pods=1, used: pods=3, limited: pods=3';
    const conditions = [{ type: 'ReplicaFailure', status: 'True', message }];
    const staying = object('Pod', {}, {}, { name: 'stays' });
    const { status: _status, ...old } = set('old', 1);

    expect(
      look(deployment({}, spec), { replicaSets: [old, set('new', 2, { conditions })], pods: [staying] })
        .symptoms,
    ).toMatchObject([{ kind: 'creation', room }]);
  });
});

describe('the tracks of a Deployment', () => {
  const tracks = (...replicaSets: Workload[]) => look(deployment(), { replicaSets }).tracks;

  it('are those of ReplicaSets with pods, and the new one', () => {
    const { status: _status, ...unseen } = set('unseen', 1);

    expect(tracks(set('gone', 1, { replicas: 0 }), unseen, set('new', 2))).toMatchObject([
      { workload: 'new' },
    ]);
  });

  it.each([
    ['alone and ready', [set('new', 2, { replicas: 2, readyReplicas: 2 })], 'stable'],
    ['alone and not ready', [set('new', 2, { replicas: 2, readyReplicas: 1 })], 'candidate'],
    [
      'ready beside an old one',
      [set('old', 1, { replicas: 1 }), set('new', 2, { replicas: 2, readyReplicas: 2 })],
      'candidate',
    ],
  ])('name the new one that is %s by its part', (_when, replicaSets, name) => {
    expect(tracks(...replicaSets).at(-1)).toMatchObject({ workload: 'new', name });
  });

  it('have weights by what is ready', () => {
    expect(tracks(set('new', 2, {}, {}))).toMatchObject([{ desired: 0, ready: 0, weight: 0 }]);
    expect(
      tracks(set('old', 1, { replicas: 2, readyReplicas: 2 }), set('new', 2, { readyReplicas: 1 })),
    ).toMatchObject([
      { name: 'stable', desired: 2, ready: 2, weight: 67 },
      { name: 'candidate', desired: 2, ready: 1, weight: 33 },
    ]);
  });
});
