import { describe, expect, it } from '@jest/globals';
import { ConflictError, RejectedError } from '../../../../src/ports/cluster-errors.ts';
import { isOvertaken, patchSeen } from '../../../../src/release/act/as-seen.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const options = { signal: new AbortController().signal };
const map = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', namespace: 'shop' },
  data: { a: '1' },
};
const removal = [{ op: 'remove', path: '/data/a' }] as const;

describe('a patch of an object as it was seen', () => {
  it('that was done already, its answer lost, finds the object changed', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(map);
    await patchSeen(seen, removal, cluster, options);

    const again = await patchSeen(seen, removal, cluster, options).catch((error: unknown) => error);

    expect(again).toBeInstanceOf(ConflictError);
    expect(isOvertaken(again)).toBe(true);
  });

  it('that does not fit it is refused', async () => {
    const cluster = new FakeCluster();
    const seen = cluster.put(map);

    const patched = patchSeen(seen, [{ op: 'remove', path: '/data/b' }], cluster, options);

    await expect(patched).rejects.toBeInstanceOf(RejectedError);
  });
});
