import { describe, expect, it } from '@jest/globals';
import type { Pod, Workload } from '../../../src/kubernetes/workload-objects.ts';
import { look, object, withTemplate } from './workload-snapshots.ts';

describe('readWorkload of a Deployment', () => {
  const complete = { replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3 };

  it('is complete when all pods are new and available and no old ones are left', () => {
    expect(look(object('Deployment', { replicas: 3 }, complete)).complete).toBe(true);
  });

  it.each([
    ['old pods are left', { ...complete, replicas: 4 }],
    ['new pods are missing', { ...complete, updatedReplicas: 2 }],
    ['a new pod is not available', { ...complete, availableReplicas: 2 }],
    ['the controller has not seen the change', { ...complete, observedGeneration: 1 }],
  ])('is not complete while %s', (_when, status) => {
    expect(look(object('Deployment', { replicas: 3 }, status)).complete).toBe(false);
  });

  it('believes no status from before the change that was applied', () => {
    expect(look(object('Deployment', { replicas: 3 }, complete), { generation: 3 }).complete).toBe(false);
  });

  it('is not complete while it is paused', () => {
    expect(look(object('Deployment', { replicas: 3, paused: true }, complete))).toMatchObject({
      complete: false,
      paused: true,
    });
  });

  it('looks for trouble among the new pods only, and shares the weight by ready pods', () => {
    const set = (name: string, n: number, ready: number): Workload =>
      object(
        'ReplicaSet',
        withTemplate({ replicas: 2 }, n),
        { replicas: 2, readyReplicas: ready },
        {
          name,
          uid: name,
          labels: { 'pod-template-hash': name },
        },
      );
    const crash = (hash: string): Pod =>
      object(
        'Pod',
        { containers: [] },
        {
          containerStatuses: [
            { name: 'web', restartCount: 2, state: { waiting: { reason: 'CrashLoopBackOff' } } },
          ],
        },
        { name: `${hash}-1`, labels: { 'pod-template-hash': hash } },
      );
    const deployment = object('Deployment', withTemplate({ replicas: 2 }, 2), complete);

    const state = look(deployment, {
      replicaSets: [set('old', 1, 3), set('new', 2, 1)],
      pods: [crash('old'), crash('new')],
    });

    expect(state.symptoms).toMatchObject([{ pod: { name: 'new-1' } }]);
    expect(state.tracks).toMatchObject([
      { name: 'stable', workload: 'old', weight: 75 },
      { name: 'candidate', workload: 'new', weight: 25 },
    ]);
  });

  it('tells that pods are refused, by the words of the API', () => {
    const conditions = [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: pods' }];
    const set = object('ReplicaSet', withTemplate({}, 1), { conditions }, { name: 'web-1' });

    const { symptoms } = look(object('Deployment', withTemplate({}, 1), {}), { replicaSets: [set] });

    expect(symptoms).toMatchObject([
      { kind: 'creation', message: 'ReplicaSet web-1 cannot create pods: exceeded quota: pods' },
    ]);
  });

  describe('whose new pods a quota refuses', () => {
    const set = (n: number, replicas: number, refused = ''): Workload =>
      object(
        'ReplicaSet',
        withTemplate({ replicas }, n),
        {
          replicas,
          conditions: refused === '' ? [] : [{ type: 'ReplicaFailure', status: 'True', message: refused }],
        },
        { name: `web-${String(n)}`, uid: String(n) },
      );
    const quota =
      'pods "web-2-x" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=3, limited: pods=3';
    const strategy = (maxUnavailable: number | string, type = 'RollingUpdate') => ({
      ...{ type, rollingUpdate: { maxSurge: 1, maxUnavailable } },
    });
    const leaving = object('Pod', {}, {}, { deletionTimestamp: '2026-11-29T12:00:00Z' });
    const refusal = (rollout: {
      unavailable?: number | string;
      type?: string;
      sets?: Workload[];
      pods?: Pod[];
      reason?: string;
    }) => {
      const { unavailable = 0, type, sets = [set(1, 3), set(2, 0, quota)], pods = [] } = rollout;
      const conditions = [
        { type: 'Progressing', status: 'True', reason: rollout.reason ?? 'ReplicaSetUpdated' },
      ];
      const spec = withTemplate({ replicas: 3, strategy: strategy(unavailable, type) }, 2);
      const { symptoms } = look(object('Deployment', spec, { conditions }), {
        replicaSets: sets,
        pods,
      });
      return symptoms.find(({ kind }) => kind === 'creation');
    };

    it.each([
      ['an old pod has not gone yet', { pods: [leaving] }],
      ['an old pod has not gone yet, of a first release', { sets: [set(2, 0, quota)], pods: [leaving] }],
      ['old pods may go first', { unavailable: 1 }],
      ['old pods may go first, by a percentage', { unavailable: '34%' }],
      ['all old pods go first', { type: 'Recreate' }],
      ['a new pod is there', { sets: [set(1, 2), set(2, 1, quota)] }],
      ['no old pod is left, and the controller has not tried again', { sets: [set(1, 0), set(2, 2, quota)] }],
    ])('may still get room while %s', (_when, rollout) => {
      expect(refusal(rollout)).toMatchObject({ room: 'own' });
    });

    it.each([0, '0%', '33%'])('says that maxUnavailable: %s is what the quota forbids', (unavailable) => {
      const found = refusal({ unavailable });

      expect(found).toMatchObject({ room: 'others' });
      expect(found?.message).toMatch(
        /limited: pods=3; maxUnavailable is 0 .*raise the quota, or set maxUnavailable/,
      );
    });

    it.each([
      ['in a first release', { sets: [set(2, 2, quota)] }],
      ['when it is scaled up', { reason: 'NewReplicaSetAvailable', sets: [set(1, 0), set(2, 3, quota)] }],
      [
        'by something else than a quota',
        { unavailable: 1, sets: [set(1, 3), set(2, 0, 'violates PodSecurity')] },
      ],
    ])('gets none by itself %s', (_when, rollout) => {
      expect(refusal(rollout)?.room).toBeUndefined();
    });
  });

  it('tells that the progress deadline is over', () => {
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];

    expect(
      look(object('Deployment', { progressDeadlineSeconds: 30 }, { conditions })).symptoms,
    ).toMatchObject([{ kind: 'deadline', message: 'Deployment web made no progress within 30 s' }]);
  });

  it('tells that it is not there', () => {
    expect(look(undefined).symptoms).toMatchObject([{ kind: 'missing' }]);
  });
});

describe('readWorkload of other kinds', () => {
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
  const member = (revision: string, status: object): Pod =>
    object('Pod', { containers: [] }, status, {
      uid: revision,
      labels: { 'controller-revision-hash': revision },
    });

  it('completes a StatefulSet when all its pods are of the wanted revision and ready', () => {
    const status = { replicas: 2, readyReplicas: 2, updateRevision: 'b' };
    const set = object('StatefulSet', { replicas: 2 }, status);

    expect(look(set, { pods: [member('b', ready), member('b', ready)] }).complete).toBe(true);
    expect(look(set, { pods: [member('a', ready), member('b', ready)] }).complete).toBe(false);
  });

  it('asks of a StatefulSet with a partition only the pods above it', () => {
    const status = { replicas: 2, readyReplicas: 2, updateRevision: 'b' };
    const spec = { replicas: 2, updateStrategy: { rollingUpdate: { partition: 1 } } };

    expect(
      look(object('StatefulSet', spec, status), { pods: [member('a', ready), member('b', ready)] }).complete,
    ).toBe(true);
  });

  it('finds the broken pods of another revision that a StatefulSet waits for', () => {
    const broken = {
      containerStatuses: [{ name: 'web', state: { waiting: { reason: 'InvalidImageName' } } }],
    };
    const set = object(
      'StatefulSet',
      { replicas: 1 },
      { replicas: 1, readyReplicas: 0, updateRevision: 'a' },
    );

    expect(look(set, { pods: [member('b', broken)] }).stuckPods).toMatchObject([{ uid: 'b' }]);
    expect(look(set, { pods: [member('a', broken)] }).stuckPods).toEqual([]);
  });

  it.each([
    ['is below the partition', { rollingUpdate: { partition: 1 } }, { name: 'web-0' }],
    ['is replaced by hand', { type: 'OnDelete' }, { name: 'web-0' }],
    ['is being deleted', {}, { name: 'web-0', deletionTimestamp: '2026-01-01T00:00:00Z' }],
  ])('leaves a broken pod of a StatefulSet alone that %s', (_when, updateStrategy, metadata) => {
    const waiting = {
      containerStatuses: [{ name: 'web', state: { waiting: { reason: 'InvalidImageName' } } }],
    };
    const status = { replicas: 2, readyReplicas: 0, updateRevision: 'a' };
    const set = object('StatefulSet', { replicas: 2, updateStrategy }, status);
    const old = member('b', waiting);
    const pods = [{ ...old, metadata: { ...old.metadata, ...metadata } }];

    expect(look(set, { pods }).stuckPods).toEqual([]);
  });

  it('finds a broken pod above the partition', () => {
    const waiting = {
      containerStatuses: [{ name: 'web', state: { waiting: { reason: 'InvalidImageName' } } }],
    };
    const updateStrategy = { rollingUpdate: { partition: 1 } };
    const set = object('StatefulSet', { replicas: 2, updateStrategy }, { replicas: 2, updateRevision: 'a' });
    const old = member('b', waiting);

    expect(
      look(set, { pods: [{ ...old, metadata: { ...old.metadata, name: 'web-1' } }] }).stuckPods,
    ).toHaveLength(1);
  });

  it.each([
    [{ desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 }, true],
    [{ desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberAvailable: 2 }, false],
    [{ desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 }, false],
  ])('completes a DaemonSet by %j: %s', (status, complete) => {
    expect(look(object('DaemonSet', {}, status)).complete).toBe(complete);
  });

  it('completes a Job when it is complete, and fails with its condition', () => {
    const condition = (type: string) => ({
      conditions: [{ type, status: 'True', reason: 'BackoffLimitExceeded' }],
    });

    expect(look(object('Job', {}, condition('Complete'))).complete).toBe(true);
    expect(look(object('Job', {}, condition('Failed'))).symptoms).toMatchObject([
      { kind: 'failed', message: 'Job web failed: BackoffLimitExceeded' },
    ]);
  });

  it.each([
    [{ phase: 'Running', ...ready }, true],
    [{ phase: 'Succeeded' }, true],
    [{ phase: 'Running' }, false],
  ])('completes a pod by %j: %s', (status, complete) => {
    expect(look(object('Pod', { containers: [] }, status)).complete).toBe(complete);
  });
});

describe('a bare pod that failed', () => {
  const ended = (terminated: object) => ({ name: 'main', state: { terminated } });

  it.each([
    [{ reason: 'Evicted', message: 'low on memory' }, 'Pod web failed: Evicted low on memory'],
    [
      { containerStatuses: [ended({ exitCode: 3, reason: 'Error' })] },
      'Pod web failed: container main ended with exit code 3',
    ],
    [
      { initContainerStatuses: [ended({ exitCode: 137, reason: 'OOMKilled' })] },
      'Pod web failed: container main ended with exit code 137 (OOMKilled)',
    ],
    [{}, 'Pod web failed: no reason is given'],
  ])('says why: %j', (status, message) => {
    const pod = object('Pod', {}, { phase: 'Failed', ...status });

    expect(look(pod).symptoms[0]?.message).toBe(message);
  });
});
