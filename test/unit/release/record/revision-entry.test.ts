import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import {
  assertOwnName,
  endedBefore,
  entryOf,
  isSameRelease,
  isServable,
  previousRevision,
  whyKept,
} from '../../../../src/release/record/revision-entry.ts';
import { by, entry, inProgress, recordOf } from './records.ts';

const others = [
  ['run', { runId: 'run-2' }],
  ['stage', { stage: 'other' }],
  ['attempt', { attempt: 2 }],
] as const;

describe('what an attempt has released before', () => {
  it.each(['released', 'rolledBack', 'failed', 'halted'] as const)('is its result: %s', (outcome) => {
    const record = recordOf([entry(1), entry(2, { outcome, reason: 'why' })], { stable: 1 });

    expect(endedBefore(record, by)).toEqual({ outcome, revision: 2, stable: 1, reason: 'why' });
  });

  it.each(['unfinished', 'superseded', 'adopted'] as const)('is nothing: %s', (outcome) => {
    expect(endedBefore(recordOf([entry(1), entry(2, { outcome })]), by)).toBeUndefined();
  });

  it.each(others)('is nothing of another %s', (_, change) => {
    expect(endedBefore(recordOf([entry(1), entry(2, change)]), by)).toBeUndefined();
  });

  it('is nothing before the first release, and has no fields without a value', () => {
    expect(endedBefore(recordOf([]), by)).toBeUndefined();
    expect(endedBefore(recordOf([entry(1)]), by)).toStrictEqual({ outcome: 'released', revision: 1 });
  });
});

describe('the name that a stage releases', () => {
  const assert = (...entries: Parameters<typeof recordOf>[0]) =>
    assertOwnName(recordOf(entries), { application: 'web', by });

  it('is refused when another stage of the run has released it last', () => {
    expect(() => assert(entry(1, { stage: 'other' }))).toThrow(
      expect.objectContaining({
        message: 'stages other and deploy both release web',
        hint: 'give each deploy stage an application name of its own: deploy.application',
      }),
    );
  });

  it('is its own otherwise', () => {
    expect(() => {
      assert();
      assert(entry(1));
      assert(entry(1, { stage: 'other' }), entry(2, { stage: 'other', runId: 'run-0' }));
    }).not.toThrow();
  });
});

describe('the release in progress', () => {
  it('is the same when the same stage of the same run began it', () => {
    const history = [entry(1, { runId: 'run-0' }), entry(2)];
    const current = inProgress(2);

    expect(isSameRelease(recordOf(history, { current }), by)).toBe(true);
    expect(isSameRelease(recordOf(history, { current }), { ...by, attempt: 2 })).toBe(true);
    expect(isSameRelease(recordOf(history, { current }), { ...by, stage: 'other' })).toBe(false);
    expect(isSameRelease(recordOf(history, { current: inProgress(1) }), by)).toBe(false);
    expect(isSameRelease(recordOf(history), by)).toBe(false);
  });
});

describe('the entry of a revision', () => {
  const container = (name: string, image?: string) => (image === undefined ? { name } : { name, image });
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'web-1', namespace: 'shop', labels: { 'slipway.dev/configuration': 'web' } },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'plain', namespace: 'shop', labels: {} } },
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } },
      spec: { template: { spec: { containers: [container('web', 'web:1'), container('side')] } } },
    },
  ] as KubernetesObject[];
  const head = { number: 3, outcome: 'unfinished', startedAt: 5 } as const;

  it('has images, workloads, configuration and objects', () => {
    expect(entryOf(head, objects, { by, strategy: 'rolling' })).toStrictEqual({
      ...head,
      ...by,
      strategy: 'rolling',
      images: { web: 'web:1', side: '' },
      workloads: [{ kind: 'Deployment', name: 'web' }],
      configuration: ['web-1'],
      objects: [
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'web-1', namespace: 'shop' },
        { apiVersion: 'v1', kind: 'Secret', name: 'plain', namespace: 'shop' },
        { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' },
      ],
    });
  });

  it('has the settings of the release', () => {
    const settings = { strategy: {}, timeoutMs: 1, rollback: 'auto', prune: false, force: false } as const;

    expect(entryOf(head, [], { by, strategy: 'rolling', settings })).toMatchObject({ settings });
  });
});

describe('why a revision of this run is not rolled back', () => {
  const history = [entry(1, { runId: 'run-0' }), entry(2)];
  const why = (change: Parameters<typeof recordOf>[1], entries = history, revision = 2) =>
    whyKept(recordOf(entries, change), { revision, by });

  it('is nothing where it serves and one was released before', () => {
    expect(why({ stable: 2 })).toBeUndefined();
  });

  it.each([
    ['it is of another run', {}, 1, 'this run did not release it'],
    ['it is not there', {}, 9, 'this run did not release it'],
    [
      'a release is in progress',
      { stable: 2, current: inProgress(3) },
      2,
      'another release of it is in progress',
    ],
    ['another one serves', { stable: 1 }, 2, 'revision 1 is serving by now'],
  ])('is said: %s', (_, change, revision, reason) => {
    expect(why(change, history, revision)).toBe(reason);
  });

  it('is that it was the first', () => {
    const first = 'it was the first release, there is nothing to roll back to';

    expect(why({ stable: 2 }, [entry(2)])).toBe(first);
    expect(why({ stable: 2 }, [entry(1, { outcome: 'failed' }), entry(2)])).toBe(first);
  });
});

describe('the revision before the one that serves', () => {
  it('is the newest that was released or adopted', () => {
    const history = [
      ...[entry(1, { outcome: 'adopted' }), entry(2), entry(3, { outcome: 'rolledBack' })],
      ...[entry(4), entry(5)],
    ];

    expect(previousRevision(recordOf(history, { stable: 5 }))).toBe(4);
    expect(previousRevision(recordOf(history, { stable: 4 }))).toBe(2);
    expect(previousRevision(recordOf(history, { stable: 2 }))).toBe(1);
    expect(previousRevision(recordOf(history, { stable: 1 }))).toBeUndefined();
    expect(previousRevision(recordOf(history))).toBeUndefined();
  });

  it.each([
    ['released', true],
    ['adopted', true],
    ['rolledBack', false],
    ['failed', false],
    ['halted', false],
    ['superseded', false],
    ['unfinished', false],
  ] as const)('can be %s: %s', (outcome, can) => {
    expect(isServable(entry(1, { outcome }))).toBe(can);
  });
});
