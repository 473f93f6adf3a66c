import { describe, expect, it } from '@jest/globals';
import { act } from '../../../../src/release/act/act.ts';
import { prunable } from '../../../../src/release/act/clean-up.ts';
import { emptyRecord, type ReleaseRecord } from '../../../../src/release/record/release-record.ts';
import { entryOf } from '../../../../src/release/record/revision-entry.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { entry, inProgress } from '../record/records.ts';
import { pruningRelease, secondRelease, sessionOn } from './session-on.ts';

const options = { signal: new AbortController().signal };
const labels = { 'slipway.dev/application': 'web' };
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };

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

describe('cleaning up', () => {
  const objectsOf = (...names: string[]) => names.map((name) => ({ ...service, name }));

  it.each([
    [
      'prunes what is asked to be',
      pruningRelease,
      ['new'],
      ['info: pruned Service shop/old, Service shop/older'],
    ],
    ['prunes nothing else', secondRelease, ['new', 'old', 'older'], []],
  ])('%s', async (_, record, left, notices) => {
    const cluster = new FakeCluster();
    const [first, second] = record.history!;
    const history = [
      { ...first!, objects: objectsOf('old', 'older', 'new') },
      { ...second!, objects: objectsOf('new') },
    ];
    const { session, told } = await sessionOn(cluster, { ...record, history });
    for (const name of ['new', 'old', 'older'])
      cluster.put({ ...object('v1', 'Service', name), metadata: { name, namespace: 'shop', labels } });

    expect(await act({ type: 'cleanUp', revision: 2 }, session, options)).toEqual({});

    expect(cluster.all('Service').map(({ metadata }) => metadata.name)).toEqual(left);
    expect(told).toEqual(notices);
  });

  it('says nothing when there is nothing to prune', async () => {
    const { session, told } = await sessionOn(new FakeCluster(), pruningRelease);

    await act({ type: 'cleanUp', revision: 2 }, session, options);

    expect(told).toEqual([]);
  });

  it('forgets the objects of revisions that never served, and of those beyond the limit', async () => {
    const cluster = new FakeCluster();
    const outcomes = new Map([
      [6, 'rolledBack'],
      [7, 'failed'],
      [8, 'halted'],
    ] as const);
    const history = Array.from({ length: 13 }, (_, index) => {
      const outcome = outcomes.get((index + 1) as 6);
      return outcome === undefined ? entry(index + 1) : entry(index + 1, { outcome });
    });
    const settings = { strategy: {}, timeoutMs: 1, rollback: 'auto', prune: false, force: false } as const;
    const record = {
      history: [...history, entry(14, { outcome: 'rolledBack', settings })],
      stable: 13,
      current: inProgress(14, 13),
    };
    const { session, store } = await sessionOn(
      cluster,
      record,
      Array.from({ length: 14 }, () => []),
    );

    await act({ type: 'cleanUp', revision: 13 }, session, options);

    const kept = cluster.all('ConfigMap').map(({ metadata }) => metadata.name);
    expect(kept).toEqual([
      'slipway-release-web',
      ...[5, 8, 9, 10, 11, 12, 13, 14].map((number) => `slipway-release-web.${String(number)}`),
    ]);
    const saved = (await store.load(options))?.record.history.map(({ number }) => number);
    expect(saved).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  });

  it('writes no record when none is forgotten', async () => {
    const cluster = new FakeCluster();
    const { session } = await sessionOn(cluster);

    await act({ type: 'cleanUp', revision: 2 }, session, options);

    expect(cluster.calls.filter((call) => call.startsWith('replace'))).toEqual([]);
  });

  it('keeps the objects of the revision itself, whatever its outcome', async () => {
    const cluster = new FakeCluster();
    const [first, second] = secondRelease.history!;
    const history = [first!, { ...second!, outcome: 'rolledBack' } as const];
    const record = { ...secondRelease, history, current: inProgress(1) };
    const { session, store } = await sessionOn(
      cluster,
      { ...record, history: [{ ...first!, settings: second!.settings! }, history[1]!] },
      [[], []],
    );

    await act({ type: 'cleanUp', revision: 2 }, session, options);

    expect(await store.loadRevision(2, options)).toEqual([]);
  });

  it('removes configuration in the namespaces of the revision, and in no other', async () => {
    const cluster = new FakeCluster();
    const [first, second] = secondRelease.history!;
    const objects = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'conf-2', namespace: 'far' },
      { apiVersion: 'v1', kind: 'Namespace', name: 'far' },
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'more', namespace: 'far' },
    ];
    const history = [first!, { ...second!, objects, configuration: ['conf-2'] }];
    const { session } = await sessionOn(cluster, { ...secondRelease, history });
    const configuration = { ...labels, 'slipway.dev/configuration': 'conf' };
    const put = (name: string, namespace: string) =>
      cluster.put({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace, labels: configuration },
      });
    for (const name of ['conf-1', 'conf-2']) put(name, 'far');
    // Of an application of the same name.
    const theirs = put('conf-3', 'near');

    await act({ type: 'cleanUp', revision: 2 }, session, options);

    expect(cluster.calls.filter((call) => call.startsWith('list'))).toHaveLength(1);
    expect(cluster.calls.filter((call) => call.startsWith('delete'))).toEqual(['delete ConfigMap/conf-1']);
    expect(cluster.all('ConfigMap')).toContainEqual(theirs);
  });
});
