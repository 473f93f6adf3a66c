import { describe, expect, it } from '@jest/globals';
import { prunable } from '../../../../src/release/act/clean-up.ts';
import { emptyRecord, type ReleaseRecord } from '../../../../src/release/record/release-record.ts';
import { entryOf } from '../../../../src/release/record/revision-entry.ts';

const object = (apiVersion: string, kind: string, name: string) => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'shop' },
});

function recordOf(objects: ReturnType<typeof object>[]): ReleaseRecord {
  const by = { runId: 'r', pipeline: 'web', stage: 'deploy', attempt: 1, who: 'test' };
  const head = { number: 1, outcome: 'released', startedAt: 0 } as const;
  return { ...emptyRecord('web', 'shop'), history: [entryOf(head, objects, { by, strategy: 'rolling' })] };
}

describe('prunable', () => {
  it.each([
    ['v1', 'Namespace'],
    ['v1', 'PersistentVolume'],
    ['v1', 'PersistentVolumeClaim'],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
  ])('never has a %s %s, which holds what cannot be made again', (apiVersion, kind) => {
    expect(prunable(recordOf([object(apiVersion, kind, 'data')]), { objects: [] })).toEqual([]);
  });

  it('has what the new revision no longer has', () => {
    const record = recordOf([object('v1', 'Service', 'old'), object('v1', 'Service', 'kept')]);

    const found = prunable(record, {
      objects: [{ ...object('v1', 'Service', 'kept'), name: 'kept', namespace: 'shop' }],
    });

    expect(found.map(({ name }) => name)).toEqual(['old']);
  });
});
