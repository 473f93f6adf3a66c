import { describe, expect, it } from '@jest/globals';
import { withRollingUpdate } from '../../../../src/strategies/rolling/rolling-update.ts';
import type { RollingSettings } from '../../../../src/strategies/rolling/settings.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';

function object(kind: string, spec: object, apiVersion = 'apps/v1'): KubernetesObject {
  return { apiVersion, kind, metadata: { name: 'web' }, spec };
}

const specOf = (spec: object, settings: RollingSettings = {}) =>
  withRollingUpdate([object('Deployment', { replicas: 3, ...spec }, 'apps/v1')], settings)[0]?.['spec'];
const written = (rollingUpdate: object, more: object = {}) => ({
  replicas: 3,
  strategy: { type: 'RollingUpdate', rollingUpdate },
  ...more,
});
const manifest = (rollingUpdate: object) => ({ strategy: { type: 'RollingUpdate', rollingUpdate } });

describe('the settings of a rolling release in a Deployment', () => {
  it.each([
    ['nothing is said', {}, {}, { maxSurge: '25%', maxUnavailable: 0 }],
    [
      'a type alone is said',
      { strategy: { type: 'RollingUpdate' } },
      {},
      { maxSurge: '25%', maxUnavailable: 0 },
    ],
    [
      'the manifest says it',
      manifest({ maxSurge: 2, maxUnavailable: 1 }),
      {},
      { maxSurge: 2, maxUnavailable: 1 },
    ],
    [
      'both say it: the settings',
      manifest({ maxSurge: 2, maxUnavailable: 1 }),
      { maxSurge: '50%', maxUnavailable: 0 },
      { maxSurge: '50%', maxUnavailable: 0 },
    ],
    [
      'the manifest says a part',
      manifest({ maxUnavailable: '10%' }),
      {},
      { maxSurge: '25%', maxUnavailable: '10%' },
    ],
  ])('are where %s', (_when, spec, settings, rollingUpdate) => {
    expect(specOf(spec, settings)).toEqual(written(rollingUpdate));
  });

  it.each([
    [0, 0, 1],
    ['0%', '0', 1],
    [0, '0%', 1],
    [0, 1, 0],
    ['10%', 0, '10%'],
  ])('with maxSurge %s and maxUnavailable %s surge by %s', (maxSurge, maxUnavailable, surge) => {
    expect(specOf(manifest({ maxSurge, maxUnavailable }))).toEqual(
      written({ maxSurge: surge, maxUnavailable }),
    );
  });

  it('have the progress deadline in whole seconds', () => {
    const rollingUpdate = { maxSurge: '25%', maxUnavailable: 0 };

    expect(specOf({}, { progressDeadline: '1m500ms' })).toEqual(
      written(rollingUpdate, { progressDeadlineSeconds: 61 }),
    );
    expect(specOf({ progressDeadlineSeconds: 30 })).toEqual(
      written(rollingUpdate, { progressDeadlineSeconds: 30 }),
    );
  });

  it('leave Recreate, but for the deadline', () => {
    const strategy = { type: 'Recreate' };

    expect(specOf({ strategy }, { maxSurge: 1, progressDeadline: '2m' })).toEqual({
      replicas: 3,
      strategy,
      progressDeadlineSeconds: 120,
    });
  });

  it('are not written into other objects', () => {
    const others = [
      object('StatefulSet', {}),
      object('ConfigMap', {}, 'v1'),
      object('Deployment', {}, 'example.com/v1'),
    ];

    expect(withRollingUpdate(others, { maxSurge: 1, progressDeadline: '2m' })).toEqual(others);
  });
});
