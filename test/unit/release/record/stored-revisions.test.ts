import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { ReleaseStore } from '../../../../src/release/record/release-store.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const { signal } = new AbortController();
const name = 'slipway-release-web.1';
const configMap = { apiVersion: 'v1', kind: 'ConfigMap', name, namespace: 'shop' };
const secret = { ...configMap, kind: 'Secret' };

function object(kind: string, objectName: string, namespace = 'shop', text = 'x'): KubernetesObject {
  return {
    ...{ apiVersion: 'v1', kind, metadata: { name: objectName, namespace } },
    data: { text },
  };
}

async function setUp() {
  const cluster = new FakeCluster();
  const store = new ReleaseStore(cluster, 'web', 'shop');
  const { uid } = await store.loadOrCreate({ signal });
  cluster.calls.length = 0;
  return { cluster, store, options: { signal, owner: uid } };
}

/** Too long for one object. */
const longText = () => randomBytes(1_000_000).toString('base64');

describe('the objects of a revision', () => {
  it('belong to the record, without which the API removes them', async () => {
    const { cluster, store, options } = await setUp();

    await store.saveRevision(1, [object('ConfigMap', 'c'), object('Secret', 's')], options);

    for (const reference of [configMap, secret])
      expect(cluster.peek(reference)?.metadata).toMatchObject({
        labels: { 'app.kubernetes.io/managed-by': 'slipway', 'slipway.dev/release': 'web' },
        ownerReferences: [
          { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', uid: options.owner },
        ],
      });
  });

  it('show nothing of a Secret but its place in the order, and have no Secret where there is none', async () => {
    const { cluster, store, options } = await setUp();
    const objects = [
      object('Secret', 's', 'shop', 'hidden'),
      object('ConfigMap', 'c'),
      object('ConfigMap', 's'),
      object('Secret', 't'),
      object('Secret', 's', 'other', 'there'),
    ];

    await store.saveRevision(1, objects, options);

    expect(JSON.stringify(cluster.peek(configMap))).not.toContain('hidden');
    expect(await store.loadRevision(1, options)).toEqual(objects);
    await store.saveRevision(2, [object('ConfigMap', 'c')], options);
    expect(cluster.all('Secret')).toHaveLength(1);
  });

  it('are gone when one of their objects is', async () => {
    const { cluster, store, options } = await setUp();
    await store.saveRevision(1, [object('ConfigMap', 'c'), object('Secret', 's')], options);
    cluster.drop(secret);

    await expect(store.loadRevision(1, options)).rejects.toThrow(
      'the Secrets of revision 1 are gone (Secret slipway-release-web.1)',
    );
    cluster.drop(configMap);

    await expect(store.loadRevision(1, options)).rejects.toMatchObject({
      code: 'release-record',
      message: 'the objects of revision 1 are gone (ConfigMap slipway-release-web.1)',
      hint: 'release a version from its manifests instead',
    });
  });

  it('are written and removed so that the first object, which counts the others, is there longest', async () => {
    const { cluster, store, options } = await setUp();

    const objects = [object('ConfigMap', 'c', 'shop', longText())];

    await store.saveRevision(1, objects, options);
    expect(cluster.calls).toEqual([`create ConfigMap/${name}.1`, `create ConfigMap/${name}`]);
    expect(await store.loadRevision(1, options)).toEqual(objects);
    cluster.calls.length = 0;
    await store.removeRevision(1, options);

    expect(cluster.calls).toEqual([
      `get ConfigMap/${name}`,
      `delete ConfigMap/${name}.1`,
      `delete ConfigMap/${name}`,
      `get Secret/${name}`,
    ]);
  });

  it('replace what a runner has left that died', async () => {
    const { store, options } = await setUp();
    await store.saveRevision(1, [object('ConfigMap', 'left')], options);

    await store.saveRevision(1, [object('ConfigMap', 'c')], options);

    expect(await store.loadRevision(1, options)).toEqual([object('ConfigMap', 'c')]);
  });

  it('are not replaced when the API does not answer', async () => {
    const { cluster, store, options } = await setUp();
    const error = new UnreachableError('connection refused');
    cluster.before = (verb) => {
      if (verb === 'create') throw error;
    };

    await expect(store.saveRevision(1, [object('ConfigMap', 'c')], options)).rejects.toBe(error);

    expect(cluster.calls).toEqual([`create ConfigMap/${name}`]);
  });

  it('are damaged where a part is', async () => {
    const { cluster, store, options } = await setUp();
    await store.saveRevision(1, [object('ConfigMap', 'c', 'shop', longText())], options);
    const part = cluster.peek({ ...configMap, name: `${name}.1` });
    cluster.put({ ...part!, binaryData: { part: 'AAAA' } });

    await expect(store.loadRevision(1, options)).rejects.toMatchObject({
      message: `ConfigMap ${name} is damaged`,
      cause: expect.anything(),
    });
  });
});
