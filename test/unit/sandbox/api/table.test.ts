import { defined } from '../../../../src/base/defined.ts';
import { describe, expect, it } from '@jest/globals';
import { humanDuration } from '../../../../src/sandbox/api/human-duration.ts';
import { podReady, podRestarts, podStatus } from '../../../../src/sandbox/api/pod-columns.ts';
import { tableOf } from '../../../../src/sandbox/api/columns.ts';
import { createCatalog } from '../../../../src/sandbox/kinds/catalog.ts';
import type { Fields } from '../../../../src/base/fields.ts';
import type { StoredObject } from '../../../../src/sandbox/store/objects.ts';

describe('ages', () => {
  it.each<[number, string]>([
    [-5, '0s'],
    [59, '59s'],
    [119, '119s'],
    [120, '2m'],
    [192, '3m12s'],
    [600, '10m'],
    [7200, '120m'],
    [10_800, '3h'],
    [12_600, '3h30m'],
    [90_000, '25h'],
    [172_800, '2d'],
    [187_200, '2d4h'],
    [864_000, '10d'],
    [70_000_000, '2y80d'],
  ])('%d seconds are %s', (seconds, expected) => {
    expect(humanDuration(seconds * 1000)).toBe(expected);
  });
});

describe('the status of a pod', () => {
  const pod = (status: Fields, more: Fields = {}): Fields => ({
    metadata: {},
    spec: { containers: [{ name: 'a' }], ...(more['spec'] as Fields | undefined) },
    status,
    ...defined({ metadata: more['metadata'] }),
  });

  it.each<[string, Fields, string]>([
    ['its phase', pod({ phase: 'Pending' }), 'Pending'],
    [
      'what a container waits for',
      pod({ phase: 'Running', containerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } } }] }),
      'CrashLoopBackOff',
    ],
    [
      'how a container ended',
      pod({
        phase: 'Failed',
        containerStatuses: [{ state: { terminated: { exitCode: 1, reason: 'Error' } } }],
      }),
      'Error',
    ],
    ['that it goes', pod({ phase: 'Running' }, { metadata: { deletionTimestamp: 'x' } }), 'Terminating'],
    [
      'which init container runs',
      pod(
        {
          phase: 'Pending',
          initContainerStatuses: [
            { name: 'i', state: { terminated: { exitCode: 0 } } },
            { name: 'j', state: { running: {} } },
          ],
        },
        { spec: { initContainers: [{ name: 'i' }, { name: 'j' }] } },
      ),
      'Init:1/2',
    ],
    ['why it was evicted', pod({ phase: 'Failed', reason: 'Evicted' }), 'Evicted'],
  ])('tells %s', (_what, object, expected) => {
    expect(podStatus(object)).toBe(expected);
  });

  it('counts ready containers and restarts', () => {
    const object = pod({ containerStatuses: [{ name: 'a', ready: true, restartCount: 2 }] });

    expect([podReady(object), podRestarts(object)]).toEqual(['1/1', '2']);
  });
});

describe('a table', () => {
  it('has a row an object, with what was asked for of it', () => {
    const kind = createCatalog().byKind('ConfigMap')!;
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', creationTimestamp: new Date().toISOString() },
      data: { x: '1', y: '2' },
    } as unknown as StoredObject;

    const table = tableOf(kind, [object], {}, 'None');

    expect(table['rows']).toEqual([{ cells: ['a', 2, expect.stringMatching(/^\ds$/)] }]);
  });
});
