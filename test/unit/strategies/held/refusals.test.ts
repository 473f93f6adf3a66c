import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { holdingRefusals } from '../../../../src/strategies/held/refusals.ts';

function workload(kind: string, spec: object = {}, name = 'web'): KubernetesObject {
  return { apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1', kind, metadata: { name }, spec };
}

const service: KubernetesObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: {} };
const refusals = (...objects: KubernetesObject[]) => holdingRefusals('canary', objects);

describe('what a strategy that holds a Deployment refuses', () => {
  it('is nothing of a Deployment, with objects that have no pods', () => {
    const rollout = { type: 'RollingUpdate' };

    expect(refusals(service, workload('Deployment'))).toEqual([]);
    expect(refusals(workload('Deployment', { paused: false, strategy: rollout }))).toEqual([]);
  });

  it('is manifests without a Deployment', () => {
    expect(refusals(service)).toEqual([
      {
        message: 'canary releases a Deployment, and the manifests have none',
        hint: 'release it with strategy: {rolling: {}}',
      },
    ]);
  });

  it('is a second Deployment', () => {
    const second = workload('Deployment', {}, 'worker');

    expect(refusals(workload('Deployment'), second, workload('Deployment', {}, 'cron'))).toEqual([
      {
        object: second,
        field: 'metadata.name',
        message: 'canary releases one Deployment, and the manifests have 3',
        hint: expect.stringMatching(/in a deploy stage of their own, with another "application"/),
      },
    ]);
  });

  it.each([
    ['StatefulSet', /its pods have names and volumes of their own/],
    ['DaemonSet', /a node has one pod of it/],
    ['Job', /it ends, and serves nothing/],
    ['ReplicaSet', /it has no rollout that can be held/],
  ])('is a %s beside it', (kind, reason) => {
    const object = workload(kind, {}, 'other');

    expect(refusals(workload('Deployment'), object)).toEqual([
      {
        object,
        field: 'kind',
        message: expect.stringMatching(reason),
        hint: expect.stringMatching(/in a deploy stage of its own, .*\{rolling: \{\}\}/),
      },
    ]);
  });

  it('is a Deployment that stops its old pods first, or that starts no new ones', () => {
    const object = workload('Deployment', { paused: true, strategy: { type: 'Recreate' } });

    expect(refusals(object)).toEqual([
      {
        object,
        field: 'spec.strategy.type',
        message: expect.stringMatching(/stops all old pods before the first new one/),
        hint: expect.stringMatching(/take spec\.strategy out of the manifest, or .*rolling/),
      },
      {
        object,
        field: 'spec.paused',
        message: expect.stringMatching(/the manifest pauses it/),
        hint: expect.stringMatching(/take spec\.paused out/),
      },
    ]);
  });
});
