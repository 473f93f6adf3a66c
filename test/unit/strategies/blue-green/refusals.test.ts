import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { blueGreenParts, blueGreenRefusals } from '../../../../src/strategies/blue-green/parts.ts';

const labels = { app: 'web', tier: 'front' };

function deployment(more: object = {}): KubernetesObject {
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } },
    spec: { template, ...more },
  };
}

function service(name: string, change: object = {}): KubernetesObject {
  const spec = { selector: { app: 'web' } };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec, ...change };
}

describe('the Service of a blue/green release', () => {
  it.each<[string, object]>([
    ['of another API', { apiVersion: 'serving.knative.dev/v1' }],
    ['of another kind', { kind: 'Backend' }],
    ['without a selector', { spec: {} }],
    ['without a specification', { spec: undefined }],
    ['of another namespace', { metadata: { name: 'x', namespace: 'other' } }],
    ['whose selector fits in part', { spec: { selector: { app: 'web', tier: 'back' } } }],
  ])('is none %s', (_, change) => {
    const objects = [service('x', change), service('web'), deployment()];

    expect(blueGreenParts(objects, {})?.service?.metadata.name).toBe('web');
    expect(blueGreenRefusals(objects, {})).toEqual([]);
    expect(blueGreenParts([service('x', change), deployment()], {})).toBeUndefined();
  });

  it('is found by a selector of several labels', () => {
    const several = service('web', { spec: { selector: labels } });

    expect(blueGreenParts([several, deployment()], {})?.service).toBe(several);
  });

  it('may be any of several when it is named, and its preview, too', () => {
    const objects = [service('a'), service('b'), deployment()];
    const settings = { activeService: 'b', previewService: 'next' };

    expect(blueGreenParts(objects, settings)).toEqual({
      deployment: objects[2],
      service: objects[1],
      previewName: 'next',
    });
    expect(blueGreenRefusals(objects, settings)).toEqual([]);
    expect(blueGreenRefusals(objects, { ...settings, previewService: 'a' })).toMatchObject([
      {
        object: objects[0],
        field: 'metadata.name',
        message: expect.stringMatching(/^Service a is made by the release for its new pods/),
      },
    ]);
  });

  it('is not there for pods without labels', () => {
    const bare = deployment({ template: { spec: { containers: [] } } });

    for (const object of [bare, deployment({ template: undefined })])
      expect(blueGreenParts([service('web'), object], {})).toBeUndefined();
  });

  it('is none without a Deployment', () => {
    expect(blueGreenParts([service('web')], {})).toBeUndefined();
    expect(blueGreenRefusals([service('web')], {})).toEqual([
      {
        message: 'blueGreen releases a Deployment, and the manifests have none',
        hint: 'release it with strategy: {rolling: {}}',
      },
    ]);
  });
});

describe('the name of the preview Service', () => {
  const named = (length: number) => {
    const name = 'x'.repeat(length);
    return blueGreenRefusals([service(name), deployment()], {});
  };

  it('has at most 63 characters', () => {
    expect(named(63 - '-preview'.length)).toEqual([]);
    expect(named(64 - '-preview'.length)).toMatchObject([
      { field: 'metadata.name', message: expect.stringMatching(/has more than 63 characters/) },
    ]);
  });

  it('may be that of another kind, or in another namespace', () => {
    const others = [
      service('web-preview', { kind: 'ConfigMap', spec: undefined }),
      service('web-preview', { metadata: { name: 'web-preview', namespace: 'other' } }),
    ];

    expect(blueGreenRefusals([...others, service('web'), deployment()], {})).toEqual([]);
  });
});

describe('what a blue/green release refuses, by field', () => {
  const workload = (kind: string, apiVersion: string) => ({ ...deployment(), kind, apiVersion });

  it.each<[string, KubernetesObject, string, RegExp]>([
    ['StatefulSet', workload('StatefulSet', 'apps/v1'), 'kind', /names and volumes of their own/],
    ['DaemonSet', workload('DaemonSet', 'apps/v1'), 'kind', /a node has one pod of it/],
    ['Job', workload('Job', 'batch/v1'), 'kind', /it ends, and serves nothing/],
    ['Pod', workload('Pod', 'v1'), 'kind', /no rollout that can be held/],
  ])('a %s', (kind, object, field, message) => {
    expect(blueGreenRefusals([service('web'), deployment(), object], {})).toEqual([
      { object, field, message: expect.stringMatching(message), hint: expect.any(String) },
    ]);
    expect(blueGreenRefusals([service('web'), deployment(), object], {})[0]?.message).toMatch(
      new RegExp(`^blueGreen cannot release ${kind} shop/web: `),
    );
  });

  it('a second Deployment, a pause, a strategy, a selector', () => {
    const fields = (objects: KubernetesObject[]) => blueGreenRefusals(objects, {}).map(({ field }) => field);
    const second = { ...deployment(), metadata: { name: 'worker', namespace: 'shop' } };
    const bad = deployment({ paused: true, strategy: { type: 'Recreate' } });
    const hashed = service('web', { spec: { selector: { app: 'web', 'pod-template-hash': 'a' } } });

    expect(blueGreenRefusals([service('web'), deployment(), second], {})).toMatchObject([
      { object: second, field: 'metadata.name' },
    ]);
    expect(fields([service('web'), bad])).toEqual(['spec.strategy.type', 'spec.paused']);
    expect(blueGreenRefusals([hashed, deployment()], {})).toMatchObject([
      { object: hashed, field: 'spec.selector.pod-template-hash' },
    ]);
    expect(
      fields([service('web'), deployment({ paused: false, strategy: { type: 'RollingUpdate' } })]),
    ).toEqual([]);
  });

  it('a Service that is not among several', () => {
    const objects = [service('a'), service('b'), deployment()];

    expect(blueGreenRefusals(objects, { activeService: 'c' })).toEqual([
      {
        message: 'the manifests have no Service c that selects the pods of Deployment shop/web',
        hint: 'strategy.blueGreen.activeService may be: a, b',
      },
    ]);
    expect(blueGreenRefusals([deployment()], { activeService: 'c' })).toMatchObject([
      { hint: 'add it to the manifests' },
    ]);
  });
});
