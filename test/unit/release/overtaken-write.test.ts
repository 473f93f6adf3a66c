import { afterEach, expect, it } from '@jest/globals';
import { ConflictError } from '../../../src/ports/cluster-errors.ts';
import type { Cluster } from '../../../src/ports/cluster.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { liveState, servedObjects } from './blue-green-world.ts';
import { requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

function release(image: string, runId: string, cluster: Cluster) {
  const request = requestOf(servedObjects(image), runId, { strategy: 'canary', timeoutMs: 60_000 });
  const steps = [{ replicas: 1 }, { pause: '5s' }];
  const { clock, report } = world;
  return releaseObjects(
    { ...request, settings: { ...request.settings, strategy: { steps } } },
    { cluster, leases: leasesOn(world.cluster, clock), clock, report },
    { signal },
  );
}

it('does not halt a rollback because a write of it waited for the API, and found the Deployment changed then', async () => {
  world = new World((image) => (image === 'v2' ? 'crash' : 'ready'));
  await release('v1', 'run-1', world.cluster);
  let isFirst = true;
  const slow = new Proxy<Cluster>(world.cluster, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const call = (value as (...args: unknown[]) => unknown).bind(target);
      if (name !== 'patch') return call;
      return async (...args: unknown[]) => {
        if (!isFirst) return call(...args);
        isFirst = false;
        await world.clock.sleep(70_000, { signal });
        throw new ConflictError('Deployment web: the object has been modified');
      };
    },
  });

  const result = await release('v2', 'run-2', slow);

  expect(isFirst).toBe(false);
  expect(result.outcome).toBe('rolledBack');
  expect(liveState(world)).toMatchObject({ image: 'v1', isHeld: false });
});
