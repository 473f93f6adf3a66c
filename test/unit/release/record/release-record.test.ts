import { describe, expect, it } from '@jest/globals';
import {
  nextRevision,
  parseRecord,
  recordName,
  ReleaseRecordError,
  revisionName,
  revisionOf,
  trimmed,
  withRevision,
} from '../../../../src/release/record/release-record.ts';
import { entry, inProgress, recordOf } from './records.ts';

const numbersOf = ({ history }: ReturnType<typeof recordOf>) => history.map(({ number }) => number);

describe('the names of a release record', () => {
  it('have the application and the revision', () => {
    expect(recordName('web')).toBe('slipway-release-web');
    expect(revisionName('web', 7)).toBe('slipway-release-web.7');
  });
});

describe('parseRecord', () => {
  it('gives what was written', () => {
    const record = recordOf([entry(1)], { stable: 1, replicas: { key: 3 }, current: inProgress(2, 1) });

    expect(parseRecord(JSON.stringify(record), 'web')).toEqual(record);
  });

  it.each([
    ['nothing', undefined, 'ConfigMap slipway-release-web holds no release record'],
    ['no JSON', '{', 'ConfigMap slipway-release-web holds no release record'],
    ['null', 'null', 'ConfigMap slipway-release-web is not a release record'],
    ['another object', '{}', 'ConfigMap slipway-release-web is not a release record'],
    ['a version that is no number', '{"formatVersion":"3"}', 'is not a release record'],
  ])('refuses %s, and says how to look at it', (_, text, message) => {
    const parse = () => parseRecord(text, 'web');

    expect(parse).toThrow(ReleaseRecordError);
    expect(parse).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }));
    expect(parse).toThrow(
      expect.objectContaining({
        code: 'release-record',
        fault: 'infrastructure',
        hint: 'inspect it with: kubectl get configmap slipway-release-web -o yaml',
      }),
    );
  });

  it('refuses a newer format', () => {
    expect(() => parseRecord('{"formatVersion":3}', 'web')).toThrow(
      expect.objectContaining({
        code: 'release-record-version',
        message:
          'ConfigMap slipway-release-web was written by a newer Slipway: its format is 3, this one reads up to 2',
        hint: 'update Slipway on this machine',
      }),
    );
  });

  it('reads format 1 with a release in progress: its settings go to the revision, its phase begins anew', () => {
    const settings = { timeoutMs: 9, rollback: 'auto', prune: true, force: false };
    const current = {
      ...{ revision: 2, stable: 1, phase: 'progressing', phaseStartedAt: 5, generations: { key: 4 } },
      ...{ strategy: { name: 'rolling', restartLimit: 3 }, ...settings },
    };
    const old = { ...recordOf([entry(1), entry(2)]), formatVersion: 1, current };

    expect(parseRecord(JSON.stringify(old), 'web')).toEqual({
      ...recordOf([
        entry(1),
        entry(2, { settings: { strategy: { restartLimit: 3 }, ...settings } as never }),
      ]),
      current: {
        ...{ revision: 2, stable: 1, state: { phase: 'progressing' }, phaseSpentMs: 0 },
        generations: { key: 4 },
      },
    });
  });

  it('reads format 1 without a release in progress', () => {
    const old = { ...recordOf([entry(1)], { stable: 1 }), formatVersion: 1 };

    expect(parseRecord(JSON.stringify(old), 'web')).toEqual(recordOf([entry(1)], { stable: 1 }));
  });
});

describe('the revisions of a record', () => {
  it('are found by their numbers', () => {
    const record = recordOf([entry(1), entry(2)]);

    expect(revisionOf(record, 2)).toBe(record.history[1]);
    expect(() => revisionOf(record, 3)).toThrow('revision 3 is not in the release record');
  });

  it('are numbered on from the greatest', () => {
    expect(nextRevision(recordOf([]))).toBe(1);
    expect(nextRevision(recordOf([entry(4), entry(7), entry(2)]))).toBe(8);
  });

  it('are changed one at a time', () => {
    const changed = withRevision(recordOf([entry(1), entry(2)], { stable: 1 }), 2, { outcome: 'failed' });

    expect(changed).toEqual(recordOf([entry(1), entry(2, { outcome: 'failed' })], { stable: 1 }));
  });

  it('are ten, and those that are needed: what serves, what is released, what it goes back to', () => {
    const history = Array.from({ length: 15 }, (_, index) => entry(index + 1));
    const newest = [6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    expect(numbersOf(trimmed(recordOf(history)))).toEqual(newest);
    expect(numbersOf(trimmed(recordOf(history, { stable: 2 })))).toEqual([2, ...newest]);
    expect(numbersOf(trimmed(recordOf(history, { stable: 2, current: inProgress(4, 3) })))).toEqual([
      ...[2, 3, 4],
      ...newest,
    ]);
  });
});
