import { describe, expect, it } from '@jest/globals';
import type { Pod, Workload } from '../../../src/strategies/workload-objects.ts';
import { workloadState } from '../../../src/strategies/workload-state.ts';

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };

function object(kind: string, spec: object, status: object, metadata: object = {}): Workload {
  return {
    apiVersion: kind === 'Job' ? 'batch/v1' : kind === 'Pod' ? 'v1' : 'apps/v1',
    kind,
    metadata: { name: 'web', namespace: 'shop', uid: `uid-${kind}`, generation: 2, ...metadata },
    spec,
    status: { observedGeneration: 2, ...status },
  } as unknown as Workload;
}

const look = (
  workload: Workload | undefined,
  more: { replicaSets?: Workload[]; pods?: Pod[]; generation?: number } = {},
) => workloadState(reference, { workload, replicaSets: [], pods: [], generation: 0, ...more }, 1);

describe('workloadState of a Deployment', () => {
  const complete = { replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3 };

  it('is settled when all pods are new and available and no old ones are left', () => {
    expect(look(object('Deployment', { replicas: 3 }, complete)).settled).toBe(true);
  });

  it.each([
    ['old pods are left', { ...complete, replicas: 4 }],
    ['new pods are missing', { ...complete, updatedReplicas: 2 }],
    ['a new pod is not available', { ...complete, availableReplicas: 2 }],
    ['the controller has not seen the change', { ...complete, observedGeneration: 1 }],
  ])('is not settled while %s', (_when, status) => {
    expect(look(object('Deployment', { replicas: 3 }, status)).settled).toBe(false);
  });

  it('believes no status from before the change that was applied', () => {
    expect(look(object('Deployment', { replicas: 3 }, complete), { generation: 3 }).settled).toBe(false);
  });

  it('is not settled while it is paused', () => {
    expect(look(object('Deployment', { replicas: 3, paused: true }, complete))).toMatchObject({
      settled: false,
      paused: true,
    });
  });

  it('looks for trouble among the new pods only, and shares the weight by ready pods', () => {
    const annotations = (n: number) => ({ annotations: { 'deployment.kubernetes.io/revision': String(n) } });
    const set = (name: string, n: number, ready: number): Workload =>
      object(
        'ReplicaSet',
        { replicas: 2 },
        { replicas: 2, readyReplicas: ready },
        {
          name,
          uid: name,
          labels: { 'pod-template-hash': name },
          ...annotations(n),
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
    const deployment = object('Deployment', { replicas: 2 }, complete, annotations(2));

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
    const annotations = { 'deployment.kubernetes.io/revision': '1' };
    const conditions = [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: pods' }];
    const set = object('ReplicaSet', {}, { conditions }, { name: 'web-1', annotations });

    const { symptoms } = look(object('Deployment', {}, {}, { annotations }), { replicaSets: [set] });

    expect(symptoms).toMatchObject([
      { kind: 'creation', message: 'ReplicaSet web-1 cannot create pods: exceeded quota: pods' },
    ]);
  });

  it('tells that the progress deadline is over', () => {
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];

    expect(
      look(object('Deployment', { progressDeadlineSeconds: 30 }, { conditions })).symptoms,
    ).toMatchObject([{ kind: 'deadline', message: 'Deployment web made no progress within 30 s' }]);
  });

  it('tells that it is not there', () => {
    expect(look(undefined).symptoms).toMatchObject([{ kind: 'missing', graceMs: 5000 }]);
  });
});

describe('workloadState of other kinds', () => {
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
  const member = (revision: string, status: object): Pod =>
    object('Pod', { containers: [] }, status, {
      uid: revision,
      labels: { 'controller-revision-hash': revision },
    });

  it('settles a StatefulSet when all its pods are of the wanted revision and ready', () => {
    const status = { replicas: 2, readyReplicas: 2, updateRevision: 'b' };
    const set = object('StatefulSet', { replicas: 2 }, status);

    expect(look(set, { pods: [member('b', ready), member('b', ready)] }).settled).toBe(true);
    expect(look(set, { pods: [member('a', ready), member('b', ready)] }).settled).toBe(false);
  });

  it('asks of a StatefulSet with a partition only the pods above it', () => {
    const status = { replicas: 2, readyReplicas: 2, updateRevision: 'b' };
    const spec = { replicas: 2, updateStrategy: { rollingUpdate: { partition: 1 } } };

    expect(
      look(object('StatefulSet', spec, status), { pods: [member('a', ready), member('b', ready)] }).settled,
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
    [{ desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 }, true],
    [{ desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberAvailable: 2 }, false],
    [{ desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 }, false],
  ])('settles a DaemonSet by %j: %s', (status, settled) => {
    expect(look(object('DaemonSet', {}, status)).settled).toBe(settled);
  });

  it('settles a Job when it is complete, and fails with its condition', () => {
    const condition = (type: string) => ({
      conditions: [{ type, status: 'True', reason: 'BackoffLimitExceeded' }],
    });

    expect(look(object('Job', {}, condition('Complete'))).settled).toBe(true);
    expect(look(object('Job', {}, condition('Failed'))).symptoms).toMatchObject([
      { kind: 'failed', message: 'Job web failed: BackoffLimitExceeded', graceMs: 0 },
    ]);
  });

  it.each([
    [{ phase: 'Running', ...ready }, true],
    [{ phase: 'Succeeded' }, true],
    [{ phase: 'Running' }, false],
  ])('settles a pod by %j: %s', (status, settled) => {
    expect(look(object('Pod', { containers: [] }, status)).settled).toBe(settled);
  });
});
