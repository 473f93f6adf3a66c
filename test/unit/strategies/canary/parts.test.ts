import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { canaryParts, canaryRefusals } from '../../../../src/strategies/canary/parts.ts';
import type { CanaryStep } from '../../../../src/strategies/canary/settings.ts';

function deployment(spec: object = { replicas: 4 }, kind = 'Deployment'): KubernetesObject {
  return { apiVersion: 'apps/v1', kind, metadata: { name: 'web' }, spec };
}

const autoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web' },
};

describe('what a canary release holds', () => {
  it('is the Deployment', () => {
    expect(canaryParts([deployment()], {})).toEqual({ deployment: deployment() });
    expect(canaryParts([], {})).toBeUndefined();
  });
});

describe('what a canary release refuses', () => {
  const refusals = (objects: KubernetesObject[], steps = [{ weight: 25 }]) =>
    canaryRefusals(objects, { steps }).map(({ message, hint }) => `${message}; ${hint}`);

  it.each<[string, KubernetesObject[], RegExp]>([
    ['no Deployment', [], /canary releases a Deployment, and the manifests have none/],
    ['two Deployments', [deployment(), deployment()], /one Deployment, and the manifests have 2/],
    ['a StatefulSet', [deployment(), deployment({}, 'StatefulSet')], /cannot release StatefulSet web/],
    ['a DaemonSet', [deployment(), deployment({}, 'DaemonSet')], /a node has one pod of it/],
    ['Recreate', [deployment({ strategy: { type: 'Recreate' } })], /Recreate stops all old pods/],
    ['a pause', [deployment({ paused: true })], /the manifest pauses it/],
    ['one pod', [deployment({ replicas: 1 })], /of one pod no share can be new/],
    ['a share that it cannot have', [deployment({ replicas: 3 })], /25 %.*has 3; .*33 %, 67 % or 100 %/],
  ])('%s', (_name, objects, message) => {
    expect(refusals(objects)).toEqual([expect.stringMatching(message)]);
  });

  it.each<[number, CanaryStep, RegExp, RegExp]>([
    [1, { weight: 25 }, /of one pod no share/, /two replicas or more, .*rolling/],
    [3, { weight: 25 }, /cannot give 25 %/, /may be 33 %/],
    [4, { replicas: 5 }, /cannot start 5 new pods/, /lower the number/],
  ])('of %i pods the step %j, with object, field and what to do', (replicas, step, message, hint) => {
    const object = deployment({ replicas });

    expect(canaryRefusals([object], { steps: [step] })).toEqual([
      {
        object,
        field: 'spec.replicas',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      },
    ]);
  });

  it('each step that cannot be taken, and no other', () => {
    const steps = [{ weight: 25 }, { replicas: 2 }, { weight: 30 }, { pause: '1m' }, { replicas: 5 }];

    expect(canaryRefusals([deployment()], { steps }).map(({ message }) => message)).toEqual([
      expect.stringMatching(/cannot give 30 %/),
      expect.stringMatching(/cannot start 5 new pods/),
    ]);
  });

  it('not as many new pods as there are pods, nor fewer', () => {
    expect(canaryRefusals([deployment()], { steps: [{ replicas: 3 }, { replicas: 4 }] })).toEqual([]);
  });

  it.each<[string, KubernetesObject[]]>([
    ['the share can be had', [deployment()]],
    ['an autoscaler says how many pods there are', [deployment({ replicas: 3 }), autoscaler]],
    ['nobody says how many pods there are', [deployment({})]],
    ['there are to be none', [deployment({ replicas: 0 })]],
  ])('nothing where %s', (_name, objects) => {
    expect(refusals(objects)).toEqual([]);
  });
});
