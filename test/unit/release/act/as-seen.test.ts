import { describe, expect, it } from '@jest/globals';
import { ConflictError, RejectedError, UnreachableError } from '../../../../src/ports/cluster-errors.ts';
import type { Patch } from '../../../../src/ports/cluster.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { asSeen, changedSince, isOvertaken, patchSeen } from '../../../../src/release/act/as-seen.ts';
import { markChanged } from '../../../../src/release/act/mark-changed.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };
const object: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', namespace: 'shop' },
};
const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'web', namespace: 'shop' };
const operations = [{ op: 'add', path: '/data', value: { key: 'new' } }] as const;

describe('an object as it was seen', () => {
  it('is changed, with a version that must be the same', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(object);

    expect(await patchSeen(seen, operations, cluster, options)).toMatchObject({ data: { key: 'new' } });
    await expect(patchSeen(seen, operations, cluster, options)).rejects.toThrow(ConflictError);
  });

  it('is looked at no more when the API did not answer the change', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(object);
    const error = new UnreachableError('no answer');
    cluster.before = () => {
      cluster.put({ ...object, data: { key: 'theirs' } });
      throw error;
    };

    await expect(patchSeen(seen, operations, cluster, options)).rejects.toBe(error);
    expect(cluster.calls).toEqual(['patch ConfigMap/web']);
  });

  it('is not sent when nothing changes', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(object);

    expect(await patchSeen(seen, [], cluster, options)).toBe(seen);
    expect(cluster.calls).toEqual([]);
  });

  it('is read in its version alone', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(object);
    const version = seen.metadata.resourceVersion!;
    const modified = 'ConfigMap shop/web: the object has been modified';

    expect(await asSeen(reference, version, cluster, options)).toEqual(seen);
    cluster.put({ ...object, data: {} });
    await expect(asSeen(reference, version, cluster, options)).rejects.toThrow(modified);
    cluster.drop(reference);
    await expect(asSeen(reference, version, cluster, options)).rejects.toThrow(modified);
    expect(isOvertaken(changedSince(reference))).toBe(true);
  });
});

describe('an error of another writer', () => {
  const conflict = (message: string, reason?: string) =>
    new ConflictError(message, reason === undefined ? {} : { reason });

  it('is told from a conflict of fields', () => {
    expect(isOvertaken(conflict('the object has been modified; try again'))).toBe(true);
    expect(isOvertaken(conflict('configmaps "web" already exists'))).toBe(true);
    expect(isOvertaken(conflict('no', 'AlreadyExists'))).toBe(true);
    expect(isOvertaken(conflict('conflict with "kubectl"', 'Conflict'))).toBe(false);
    expect(isOvertaken(new RejectedError('the object has been modified'))).toBe(false);
    expect(isOvertaken(undefined)).toBe(false);
  });
});

/** What is sent as patches. */
function patchesOf(cluster: FakeCluster): Patch[] {
  const patches: Patch[] = [];
  const patch = cluster.patch.bind(cluster);
  cluster.patch = (...args: Parameters<typeof patch>) => {
    patches.push(args[1]);
    return patch(...args);
  };
  return patches;
}

describe('markChanged', () => {
  it('makes a new version of the object, and leaves nothing of its mark', async () => {
    const cluster = new FakeCluster();
    const before = cluster.put({ ...object, metadata: { ...object.metadata, labels: { app: 'web' } } });
    const versions: unknown[] = [];
    cluster.onStore = ({ metadata }) => versions.push(metadata.labels);

    const after = await markChanged(before, cluster, options);

    expect(versions).toEqual([
      { app: 'web', 'slipway.dev/changed': expect.stringMatching(/^[0-9a-f-]{36}$/) },
      { app: 'web' },
    ]);
    expect(after.metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
    expect(cluster.peek(reference)).toEqual(after);
  });

  it('gives the object its list of managers back', async () => {
    const cluster = new FakeCluster();
    const managedFields = [{ manager: 'kubectl', operation: 'Update', fieldsType: 'FieldsV1', fieldsV1: {} }];
    const before = cluster.put(object);
    const patches = patchesOf(cluster);

    await markChanged({ ...before, metadata: { ...before.metadata, managedFields } }, cluster, options);

    expect(patches).toMatchObject([
      { type: 'merge', body: { metadata: { labels: {} } } },
      {
        type: 'json',
        body: [
          { op: 'remove', path: '/metadata/labels/slipway.dev~1changed' },
          { op: 'add', path: '/metadata/managedFields', value: managedFields },
          { op: 'replace', path: '/metadata/resourceVersion' },
        ],
      },
    ]);
  });

  it('gives no list to an object that had none', async () => {
    const cluster = new FakeCluster();
    const before = cluster.put(object);
    const patches = patchesOf(cluster);

    await markChanged(before, cluster, options);

    expect(JSON.stringify(patches)).not.toContain('managedFields');
  });

  it('removes its mark alone when somebody has written meanwhile', async () => {
    const cluster = new FakeCluster();
    const before = cluster.put({ ...object, metadata: { ...object.metadata, labels: { app: 'web' } } });
    let patches = 0;
    cluster.before = (verb) => {
      patches += verb === 'patch' ? 1 : 0;
      if (verb !== 'patch' || patches !== 2) return;
      const live = cluster.peek(reference)!;
      cluster.put({ ...live, data: { key: 'theirs' } });
    };

    const after = await markChanged(before, cluster, options);

    expect(after).toMatchObject({ data: { key: 'theirs' }, metadata: { labels: { app: 'web' } } });
    expect(after.metadata.labels).toEqual({ app: 'web' });
  });

  it('keeps an error of another kind', async () => {
    const cluster = new FakeCluster();
    const before = cluster.put(object);
    const error = new RejectedError('no');
    let patches = 0;
    cluster.before = (verb) => {
      patches += verb === 'patch' ? 1 : 0;
      if (patches === 2) throw error;
    };

    await expect(markChanged(before, cluster, options)).rejects.toBe(error);
  });
});
