import { afterEach, describe, expect, it } from '@jest/globals';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import type { ApplyOptions, Cluster } from '../../../src/ports/cluster.ts';
import { ConflictError } from '../../../src/ports/cluster-errors.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;
afterEach(() => world.close());

/** The cluster of a runner whose first apply of a Deployment the network holds, until `deliver` is called. */
function holding(cluster: Cluster) {
  const held = Promise.withResolvers<() => Promise<unknown>>();
  let isFirst = true;
  const apply: Cluster['apply'] = (object, options: ApplyOptions) => {
    if (!isFirst || object.kind !== 'Deployment' || options.dryRun === true)
      return cluster.apply(object, options);
    isFirst = false;
    held.resolve(() => cluster.apply(object, { ...options, signal, beforeWrite: async () => undefined }));
    return new Promise((_resolve, reject) => {
      options.signal.addEventListener('abort', () => reject(options.signal.reason as Error));
    });
  };
  const seen = new Proxy(cluster, {
    get: (target, name) => {
      if (name === 'apply') return apply;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { cluster: seen, held: held.promise };
}

describe('an apply that the network holds until its release was rolled back', () => {
  it('changes nothing when it arrives, and leaves no mark', async () => {
    world = new World(() => 'ready');
    await releaseObjects(requestOf(webObjects('v1'), 'run-1'), world, { signal });
    const before = world.cluster.all<Workload>('Deployment')[0]!;
    const cancel = new AbortController();
    const { clock, leases, report } = world;
    const { cluster, held } = holding(world.cluster);
    const ports = { clock, leases, report, cluster };
    const released = releaseObjects(requestOf(webObjects('v2'), 'run-2'), ports, { signal: cancel.signal });
    const deliver = await held;
    cancel.abort(new Error('cancelled'));
    await expect(released).rejects.toThrow('cancelled');

    await expect(deliver()).rejects.toThrow(ConflictError);

    const after = world.cluster.all<Workload>('Deployment')[0]!;
    expect(after.spec).toEqual(before.spec);
    expect(after.metadata.annotations).toEqual(before.metadata.annotations);
    expect(after.metadata.labels).toEqual(before.metadata.labels);
  });
});
