import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ConflictError, UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import { LeaseLostError } from '../../../../src/ports/leases.ts';
import type { DataObject } from '../../../../src/release/record/kept-text.ts';
import { ReleaseStore } from '../../../../src/release/record/release-store.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const { signal } = new AbortController();

describe('ReleaseStore.save', () => {
  it('refuses what was read before another runner wrote', async () => {
    const cluster = new FakeCluster();
    const store = new ReleaseStore(cluster, 'web', 'shop');
    const first = await store.loadOrCreate({ signal });
    const second = await store.loadOrCreate({ signal });
    await store.save(first, { ...first.record, stable: 1 }, { signal });

    await expect(store.save(second, { ...second.record, stable: 2 }, { signal })).rejects.toThrow(
      LeaseLostError,
    );

    expect((await store.load({ signal }))?.record.stable).toBe(1);
  });

  it('knows its own write, whose answer was lost, whatever the order of the record’s keys', async () => {
    const cluster = new FakeCluster();
    const store = new ReleaseStore(cluster, 'web', 'shop');
    const { record, ...stored } = await store.loadOrCreate({ signal });
    const { formatVersion, application, ...rest } = { ...record, stable: 1 };
    const next = { ...rest, application, formatVersion };
    cluster.after = () => {
      cluster.after = () => undefined;
      throw new UnreachableError('connection reset');
    };
    await expect(store.save({ record, ...stored }, next, { signal })).rejects.toThrow(UnreachableError);

    const again = await store.save({ record, ...stored }, next, { signal });

    expect(again.record).toEqual(next);
  });

  it('writes over a record that only somebody’s label has made newer', async () => {
    const cluster = new FakeCluster();
    const store = new ReleaseStore(cluster, 'web', 'shop');
    const before = await store.loadOrCreate({ signal });
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
    const body = { metadata: { annotations: { seen: 'yes' } } };
    await cluster.patch(reference, { type: 'merge', body }, { signal });

    const written = await store.save(before, { ...before.record, stable: 1 }, { signal });
    await store.save(written, { ...before.record, stable: 2 }, { signal });

    expect((await store.load({ signal }))?.record.stable).toBe(2);
  });

  it('refuses a record that was made anew, though it says the same', async () => {
    const cluster = new FakeCluster();
    const store = new ReleaseStore(cluster, 'web', 'shop');
    const before = await store.loadOrCreate({ signal });
    await cluster.delete(
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' },
      { signal },
    );
    await store.loadOrCreate({ signal });

    await expect(store.save(before, { ...before.record, stable: 1 }, { signal })).rejects.toThrow(
      LeaseLostError,
    );
  });

  it('ends with the conflict when it meets one each time', async () => {
    const cluster = new FakeCluster();
    const store = new ReleaseStore(cluster, 'web', 'shop');
    const before = await store.loadOrCreate({ signal });
    cluster.before = (verb) => {
      if (verb === 'replace') throw new ConflictError('the object has been modified');
    };

    await expect(store.save(before, { ...before.record, stable: 1 }, { signal })).rejects.toThrow(
      ConflictError,
    );
  });
});

describe('the objects of a revision', () => {
  const random = (kind: string, name: string, bytes: number) => ({
    ...{ apiVersion: 'v1', kind, metadata: { name, namespace: 'shop' } },
    [kind === 'Secret' ? 'data' : 'binaryData']: { blob: randomBytes(bytes).toString('base64') },
  });
  const setUp = async () => {
    const cluster = new FakeCluster();
    const store = new ReleaseStore(cluster, 'web', 'shop');
    const { uid } = await store.loadOrCreate({ signal });
    return { cluster, store, options: { signal, owner: uid } };
  };
  const sizesOf = (cluster: FakeCluster) =>
    ['ConfigMap', 'Secret'].flatMap((kind) =>
      cluster.all<DataObject>(kind).map(({ data = {}, stringData = {}, binaryData = {} }) => {
        const plain = Object.values(kind === 'Secret' ? stringData : data);
        const encoded = Object.values(kind === 'Secret' ? data : binaryData);
        const bytes = [
          ...plain.map((text) => Buffer.byteLength(text)),
          ...encoded.map((text) => Buffer.from(text, 'base64').length),
        ];
        return bytes.reduce((sum, size) => sum + size, 0);
      }),
    );

  it('are kept whole when no single object can hold them, 10 MiB of manifests too', async () => {
    const { cluster, store, options } = await setUp();
    const objects = [
      ...Array.from({ length: 8 }, (_, index) => random('ConfigMap', `c${String(index)}`, 800_000)),
      random('Secret', 's1', 900_000),
      random('Secret', 's2', 900_000),
    ];

    await store.saveRevision(1, objects, options);

    expect(await store.loadRevision(1, options)).toEqual(objects);
    expect(sizesOf(cluster).length).toBeGreaterThan(10);
    expect(Math.max(...sizesOf(cluster))).toBeLessThan(1024 * 1024);
    // Again, as by the runner that resumes it.
    await store.saveRevision(1, objects.slice(0, 3), options);
    expect(await store.loadRevision(1, options)).toEqual(objects.slice(0, 3));
  });

  it('are forgotten with all their parts', async () => {
    const { cluster, store, options } = await setUp();
    await store.saveRevision(1, [random('ConfigMap', 'c', 900_000), random('Secret', 's', 900_000)], options);
    await store.saveRevision(2, [random('ConfigMap', 'c', 10)], options);

    await store.removeRevision(1, options);

    expect(cluster.all('ConfigMap').map(({ metadata }) => metadata.name)).toEqual([
      'slipway-release-web',
      'slipway-release-web.2',
    ]);
    expect(cluster.all('Secret')).toEqual([]);
    expect(await store.loadRevision(2, options)).toHaveLength(1);
  });

  it('are said to be gone when a part is gone, and damaged when one is damaged', async () => {
    const { cluster, store, options } = await setUp();
    await store.saveRevision(1, [random('ConfigMap', 'c', 900_000)], options);
    const part = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web.1.1', namespace: 'shop' };
    const patch = { type: 'merge', body: { binaryData: { part: 'AAAA' } } } as const;
    await cluster.patch(part, patch, { signal });
    await expect(store.loadRevision(1, options)).rejects.toThrow(/slipway-release-web\.1 is damaged/);

    await cluster.delete(part, { signal });

    await expect(store.loadRevision(1, options)).rejects.toThrow(/objects of revision 1 are gone/);
  });
});
