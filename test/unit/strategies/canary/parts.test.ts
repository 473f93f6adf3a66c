import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { canaryParts, canaryRefusals } from '../../../../src/strategies/canary/parts.ts';

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
    expect(canaryParts([deployment()])).toEqual({ deployment: deployment() });
    expect(canaryParts([])).toBeUndefined();
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

  it('more new pods than there are pods', () => {
    expect(canaryRefusals([deployment()], { steps: [{ replicas: 5 }] })).toMatchObject([
      { field: 'spec.replicas', message: expect.stringMatching(/cannot start 5 new pods/) },
    ]);
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
