import { describe, expect, it } from '@jest/globals';
import { UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { earlierManifests } from '../../../../src/release/record/earlier-manifests.ts';
import { ReleaseStore } from '../../../../src/release/record/release-store.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { entry, recordOf } from './records.ts';

const { signal } = new AbortController();

function object(name: string, value: number, metadata: object = {}): KubernetesObject {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop', ...metadata } },
    spec: { value },
  };
}

async function setUp(...revisions: KubernetesObject[][]) {
  const cluster = new FakeCluster();
  const store = new ReleaseStore(cluster, 'web', 'shop');
  const { uid } = await store.loadOrCreate({ signal });
  for (const [index, objects] of revisions.entries())
    await store.saveRevision(index + 1, objects, { signal, owner: uid });
  return { cluster, store };
}

describe('the earlier manifests of an object', () => {
  it('are those of all revisions, each once, in their order', async () => {
    const { store } = await setUp(
      [object('web', 1), object('other', 7)],
      [object('web', 2)],
      [object('web', 1)],
    );
    const record = recordOf([entry(1), entry(2), entry(3)]);

    const find = earlierManifests([object('web', 9)], { store, record }, { signal });

    expect(await find(object('web', 9))).toEqual([object('web', 1), object('web', 2)]);
    expect(await find(object('other', 9))).toEqual([]);
  });

  it('are none of what was adopted', async () => {
    const { store } = await setUp([object('web', 1)], [object('web', 2, { managedFields: [] })]);
    const record = recordOf([entry(1, { outcome: 'adopted' }), entry(2)]);

    const find = earlierManifests([object('web', 9)], { store, record }, { signal });

    expect(await find(object('web', 9))).toEqual([]);
  });

  it('are read once, when the first object is asked for', async () => {
    const { cluster, store } = await setUp([object('web', 1)]);
    const reads = () => cluster.calls.filter((call) => call.startsWith('get')).length;
    const before = reads();
    const find = earlierManifests([object('web', 9)], { store, record: recordOf([entry(1)]) }, { signal });
    expect(reads()).toBe(before);

    await find(object('web', 9));
    await find(object('web', 9));

    expect(reads()).toBe(before + 1);
  });

  it('are those of the revisions that are not forgotten', async () => {
    const { store } = await setUp([object('web', 1)]);
    const record = recordOf([entry(1), entry(2)]);

    const find = earlierManifests([object('web', 9)], { store, record }, { signal });

    expect(await find(object('web', 9))).toEqual([object('web', 1)]);
  });

  it('are none before the first release', async () => {
    const { store } = await setUp();

    const find = earlierManifests([object('web', 9)], { store, record: undefined }, { signal });

    expect(await find(object('web', 9))).toEqual([]);
  });

  it('are not known when the API does not answer', async () => {
    const { cluster, store } = await setUp([object('web', 1)]);
    cluster.before = () => {
      throw new UnreachableError('connection refused');
    };

    const find = earlierManifests([object('web', 9)], { store, record: recordOf([entry(1)]) }, { signal });

    await expect(find(object('web', 9))).rejects.toThrow(UnreachableError);
  });
});
