import { describe, expect, it } from '@jest/globals';
import {
  containersOf,
  imagesOf,
  isWorkload,
  isWorkloadReference,
  keyOf,
  nameOf,
  podTemplateOf,
  referenceOf,
  selectorText,
  type Workload,
} from '../../../src/kubernetes/workload-objects.ts';

const template = { spec: { containers: [{ name: 'web', image: 'shop/web:1' }] } };

function object(apiVersion: string, kind: string, spec: object = {}): Workload {
  return { apiVersion, kind, metadata: { name: 'web', namespace: 'shop' }, spec } as unknown as Workload;
}

describe('a workload', () => {
  it.each([
    ['apps/v1', 'Deployment', true],
    ['apps/v1beta1', 'StatefulSet', true],
    ['apps/v1', 'DaemonSet', true],
    ['apps/v1', 'ReplicaSet', true],
    ['batch/v1', 'Job', true],
    ['v1', 'Pod', true],
    ['v1', 'Deployment', false],
    ['example.com/v1', 'Deployment', false],
    ['apps/v1', 'Job', false],
    ['apps/v1', 'Pod', false],
    ['batch/v1', 'CronJob', false],
    ['v1', 'ConfigMap', false],
    ['apps/v1', 'ControllerRevision', false],
  ])('%s %s: %s', (apiVersion, kind, expected) => {
    expect(isWorkloadReference({ apiVersion, kind })).toBe(expected);
    expect(isWorkload(object(apiVersion, kind))).toBe(expected);
  });

  it.each([
    ['a Deployment', object('apps/v1', 'Deployment', { template }), template],
    ['a CronJob', object('batch/v1', 'CronJob', { jobTemplate: { spec: { template } } }), template],
    ['a CronJob without one', object('batch/v1', 'CronJob'), undefined],
    ['an object of another kind', object('example.com/v1', 'Deployment', { template }), undefined],
    ['a ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } } as Workload, undefined],
    [
      'a CronJob without a spec',
      { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'a' } } as Workload,
      undefined,
    ],
  ])('has the pod template of %s', (_name, workload, expected) => {
    expect(podTemplateOf(workload)).toEqual(expected);
  });

  it('that is a pod is its own template', () => {
    const pod = object('v1', 'Pod', template.spec);

    expect(podTemplateOf(pod)).toBe(pod);
  });

  it('has its init containers first, and their images for people', () => {
    const both = {
      spec: { ...template.spec, initContainers: [{ name: 'migrate', image: 'shop/migrate:1' }] },
    };

    expect(containersOf(both).map(({ name }) => name)).toEqual(['migrate', 'web']);
    expect(containersOf(undefined)).toEqual([]);
    expect(imagesOf(object('apps/v1', 'Deployment', { template: both }))).toBe('shop/migrate:1, shop/web:1');
    expect(imagesOf(object('v1', 'Pod', { containers: [{ name: 'a' }] }))).toBe('');
  });
});

describe('a reference', () => {
  it('is the same for every version of a kind', () => {
    expect(referenceOf(object('apps/v1', 'Deployment', { template }))).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'web',
      namespace: 'shop',
    });
    expect(keyOf({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' })).toBe(
      'apps/Deployment/shop/web',
    );
    expect(keyOf({ apiVersion: 'v1', kind: 'Namespace', name: 'shop' })).toBe('/Namespace//shop');
  });

  it('has a name for people', () => {
    expect(nameOf({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' })).toBe(
      'Deployment shop/web',
    );
    expect(nameOf({ apiVersion: 'v1', kind: 'Namespace', name: 'shop' })).toBe('Namespace shop');
  });
});

describe('a selector as text', () => {
  it.each([
    [undefined, ''],
    [{ matchLabels: { app: 'web', tier: 'front' } }, 'app=web,tier=front'],
    [
      {
        matchLabels: { app: 'web' },
        matchExpressions: [
          { key: 'a', operator: 'Exists' },
          { key: 'b', operator: 'DoesNotExist' },
          { key: 'c', operator: 'In', values: ['x', 'y'] },
          { key: 'd', operator: 'NotIn', values: ['z'] },
          { key: 'e', operator: 'In' },
        ],
      },
      'app=web,a,!b,c in (x,y),d notin (z),e in ()',
    ],
  ])('%j is %s', (selector, text) => {
    expect(selectorText(selector)).toBe(text);
  });
});
