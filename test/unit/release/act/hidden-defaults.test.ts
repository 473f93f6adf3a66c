import { describe, expect, it } from '@jest/globals';
import { showPath } from '../../../../src/base/fields-v1.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { decideOwnership } from '../../../../src/release/act/ownership.ts';

describe('the defaults of a strategy that a manifest has no more', () => {
  const workload = (kind: string, field: string, strategy: object | undefined): KubernetesObject => ({
    ...{ apiVersion: 'apps/v1', kind, metadata: { name: 'web', namespace: 'shop' } },
    spec: strategy === undefined ? {} : { [field]: strategy },
  });
  const rolling = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } };
  const droppedOf = (kind: string, field: string, wanted: object | undefined, live: object) =>
    [
      ...decideOwnership({
        ...{ manifest: workload(kind, field, wanted), live: workload(kind, field, live) },
        ...{ earlier: [], force: false, nowMs: 0 },
      }).dropped,
    ].map(showPath);

  it.each([
    ['Deployment', 'strategy', { type: 'Recreate' }, ['', '.maxSurge']],
    ['StatefulSet', 'updateStrategy', { type: 'OnDelete' }, ['', '.maxSurge']],
    ['Deployment', 'strategy', { type: 'RollingUpdate' }, []],
    ['Deployment', 'strategy', {}, []],
    ['Deployment', 'strategy', undefined, []],
    ['ConfigMap', 'strategy', { type: 'Recreate' }, []],
  ])('of a %s with %s %j are these: %j', (kind, field, wanted, dropped) => {
    const paths = dropped.map((below) => `.spec.${field}.rollingUpdate${below}`);
    expect(droppedOf(kind, field, wanted, rolling)).toEqual(paths);
  });

  it('are none where the API has filled in none', () => {
    expect(droppedOf('Deployment', 'strategy', { type: 'Recreate' }, { type: 'Recreate' })).toEqual([]);
  });
});
