import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { blueGreenParts, blueGreenRefusals } from '../../../../src/strategies/blue-green/parts.ts';

const labels = { app: 'web' };

function deployment(more: object = {}, name = 'web'): KubernetesObject {
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { template, ...more } };
}

function service(name = 'web', selector: object = labels): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector } };
}

describe('what a blue/green release holds', () => {
  it('is the Deployment and the one Service that selects its pods', () => {
    const parts = blueGreenParts([service(), service('other', { app: 'other' }), deployment()], {});

    expect(parts).toMatchObject({ service: { metadata: { name: 'web' } }, previewName: 'web-preview' });
    expect(blueGreenRefusals([service(), deployment()], {})).toEqual([]);
  });

  it('is the named Service where several select its pods', () => {
    const objects = [service(), service('web-headless'), deployment()];

    expect(blueGreenParts(objects, {})).toBeUndefined();
    expect(blueGreenParts(objects, { activeService: 'web' })?.service?.metadata.name).toBe('web');
  });
});

describe('what a blue/green release refuses', () => {
  it.each<[string, KubernetesObject[], RegExp]>([
    ['no Deployment', [service()], /the manifests have none/],
    [
      'two Deployments',
      [service(), deployment(), deployment({}, 'worker')],
      /one Deployment, and the manifests have 2/,
    ],
    [
      'strategy Recreate',
      [service(), deployment({ strategy: { type: 'Recreate' } })],
      /Recreate stops all old pods/,
    ],
    ['a paused manifest', [service(), deployment({ paused: true })], /the manifest pauses it/],
    ['no Service', [deployment()], /no Service of the manifests selects/],
    ['several Services', [service(), service('b'), deployment()], /several Services select .*: web, b/],
    [
      'a Service of the preview’s name',
      [service(), service('web-preview', { app: 'x' }), deployment()],
      /has it|have it too/,
    ],
    [
      'a selector with the hash',
      [service('web', { ...labels, 'pod-template-hash': 'a' }), deployment()],
      /which blueGreen itself writes/,
    ],
    [
      'a StatefulSet',
      [service(), deployment(), { ...deployment({}, 'db'), kind: 'StatefulSet' }],
      /StatefulSet db: its pods have names/,
    ],
    [
      'a DaemonSet',
      [service(), deployment(), { ...deployment({}, 'log'), kind: 'DaemonSet' }],
      /DaemonSet log: a node has one pod/,
    ],
  ])('%s', (_, objects, message) => {
    const refusals = blueGreenRefusals(objects, {});

    expect(refusals).toHaveLength(1);
    expect(refusals[0]?.message).toMatch(message);
    expect(refusals[0]?.hint).toBeTruthy();
  });

  it('a Service that is not there', () => {
    const [refusal] = blueGreenRefusals([service(), deployment()], { activeService: 'shop' });

    expect(refusal).toMatchObject({
      message: expect.stringMatching(/no Service shop/),
      hint: 'strategy.blueGreen.activeService may be: web',
    });
  });
});
