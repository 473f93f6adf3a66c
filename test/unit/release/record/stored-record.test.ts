import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../../src/base/defined.ts';
import { ConflictError, UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { ReleaseRecordError } from '../../../../src/release/record/release-record.ts';
import {
  ownedBy,
  releasedApplications,
  ReleaseStore,
  type StoredRecord,
} from '../../../../src/release/record/release-store.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const { signal } = new AbortController();
const options = { signal };
const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };

function setUp() {
  const cluster = new FakeCluster();
  return { cluster, store: new ReleaseStore(cluster, 'web', 'shop') };
}

function configMap(name: string, content: object, labels?: Record<string, string>): KubernetesObject {
  const metadata = { name, namespace: 'shop', ...defined({ labels }) };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...content };
}

describe('the release record of an application', () => {
  it('is a ConfigMap with its name and labels', async () => {
    const { cluster, store } = setUp();
    const asked: unknown[] = [];
    cluster.before = (_, object) => asked.push(object);
    expect(await store.load(options)).toBeUndefined();
    expect(asked).toEqual([reference]);

    const made = await store.loadOrCreate(options);

    expect(made.record).toMatchObject({ application: 'web', namespace: 'shop', history: [] });
    const labels = { 'app.kubernetes.io/managed-by': 'slipway', 'slipway.dev/release': 'web' };
    expect(cluster.peek(reference)).toMatchObject({
      apiVersion: 'v1',
      metadata: { labels, uid: made.uid, resourceVersion: made.version },
    });
    expect(await store.load(options)).toEqual(made);
  });

  it('is made once', async () => {
    const { cluster, store } = setUp();
    const made = await store.loadOrCreate(options);

    expect(await store.loadOrCreate(options)).toEqual(made);
    expect(cluster.calls.filter((call) => call.startsWith('create'))).toHaveLength(1);
  });

  it('is the one that another call has made meanwhile', async () => {
    const { cluster, store } = setUp();
    const other = await new ReleaseStore(new FakeCluster(), 'web', 'shop').loadOrCreate(options);
    cluster.before = (verb) => {
      if (verb === 'create')
        cluster.put(configMap(reference.name, { data: { record: JSON.stringify(other.record) } }));
    };

    expect((await store.loadOrCreate(options)).record).toEqual(other.record);
  });

  it.each([
    ['a conflict with nothing there', new ConflictError('exists')],
    ['an API that does not answer', new UnreachableError('connection refused')],
  ])('is not made: %s', async (_, error) => {
    const { cluster, store } = setUp();
    cluster.before = (verb) => {
      if (verb === 'create') throw error;
    };

    await expect(store.loadOrCreate(options)).rejects.toBe(error);
    expect(cluster.calls.filter((call) => call.startsWith('get'))).toHaveLength(
      error instanceof ConflictError ? 2 : 1,
    );
  });

  it('is refused where a ConfigMap of its name has no record', async () => {
    const { cluster, store } = setUp();
    cluster.put(configMap(reference.name, {}));

    await expect(store.load(options)).rejects.toThrow(ReleaseRecordError);
  });
});

describe('a record that somebody else has changed', () => {
  const saved = (store: ReleaseStore, before: StoredRecord) =>
    store.save(before, { ...before.record, stable: 1 }, options);

  it.each<[string, (cluster: FakeCluster) => void]>([
    ['removed', (cluster) => cluster.drop(reference)],
    ['damaged', (cluster) => void cluster.put(configMap(reference.name, { data: { record: '{' } }))],
    ['emptied', (cluster) => void cluster.put(configMap(reference.name, { data: {} }))],
    ['left without data', (cluster) => void cluster.put(configMap(reference.name, {}))],
  ])('is not written over: %s', async (_, change) => {
    const { cluster, store } = setUp();
    const before = await store.loadOrCreate(options);
    const conflict = new ConflictError('the object has been modified');
    cluster.before = (verb) => {
      if (verb !== 'replace') return;
      change(cluster);
      throw conflict;
    };

    await expect(saved(store, before)).rejects.toMatchObject({
      message: 'another runner has changed the release record of web; this runner stops',
      cause: conflict,
    });
  });

  it('keeps an error that is no conflict', async () => {
    const { cluster, store } = setUp();
    const before = await store.loadOrCreate(options);
    const error = new UnreachableError('connection refused');
    cluster.before = (verb) => {
      if (verb === 'replace') throw error;
    };

    await expect(saved(store, before)).rejects.toBe(error);
  });

  it('is written again ten times at most', async () => {
    const { cluster, store } = setUp();
    const before = await store.loadOrCreate(options);
    let writes = 0;
    cluster.before = (verb) => {
      if (verb !== 'replace') return;
      writes += 1;
      if (writes > 20) throw new Error('it does not end');
      throw new ConflictError('the object has been modified');
    };

    await expect(saved(store, before)).rejects.toThrow(ConflictError);

    expect(writes).toBe(10);
  });
});

describe('the released applications of a namespace', () => {
  it('are those that have a record, by name', async () => {
    const { cluster } = setUp();
    for (const name of ['web', 'api']) await new ReleaseStore(cluster, name, 'shop').loadOrCreate(options);
    await new ReleaseStore(cluster, 'far', 'other').loadOrCreate(options);
    cluster.put(
      configMap('slipway-release-web.1', { data: { objects: '[]' } }, { 'slipway.dev/release': 'web' }),
    );
    cluster.put(configMap('bare', {}, { 'slipway.dev/release': 'bare' }));
    cluster.put(configMap('foreign', { data: { record: 'x' } }));
    cluster.put({
      ...configMap('secret', { data: { record: 'x' } }, { 'slipway.dev/release': 'secret' }),
      kind: 'Secret',
    });

    const asked: unknown[] = [];
    cluster.before = (_, object) => asked.push(object);

    expect(await releasedApplications(cluster, 'shop', options)).toEqual(['api', 'web']);

    expect(asked).toEqual([{ apiVersion: 'v1', kind: 'ConfigMap', name: '*' }]);
  });

  it('own objects by a label', () => {
    expect(ownedBy('web')).toBe('slipway.dev/application=web');
  });
});
