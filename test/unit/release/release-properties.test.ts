import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cases } from '../../support/cases.ts';
import { behaviours, chooser, faultsAt, recordOf, releaseThrough } from './release-courses.ts';
import { replicas, requestOf, webObjects, World } from './release-world.ts';

describe('a release under faults', () => {
  it('never takes capacity away, and ends released or rolled back, whoever dies and whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        behaviours,
        fc.array(fc.record({ faults: faultsAt(fc.nat({ max: 30 })) }), { maxLength: 3 }),
        fc.nat(),
        async (candidate, befalls, seed) => {
          const world = new World((image) => (image === 'v1' ? 'ready' : candidate), chooser(seed));
          try {
            const first = await releaseThrough(world, requestOf(webObjects('v1'), 'run-1'));
            expect(first?.outcome).toBe('released');
            world.watchCapacity();

            const result = await releaseThrough(world, requestOf(webObjects('v2'), 'run-2'), befalls);

            expect(world.fewest).toBeGreaterThanOrEqual(replicas);
            expect(result?.outcome).toBe(candidate === 'ready' ? 'released' : 'rolledBack');
            if (candidate !== 'ready') expect(result?.reason).toBeTruthy();
            const deployment = world.cluster.all('Deployment')[0] as never as {
              spec: { template: { spec: { containers: { image: string }[] } } };
            };
            const serving = candidate === 'ready' ? 'v2' : 'v1';
            expect(deployment.spec.template.spec.containers[0]?.image).toBe(serving);
            expect(recordOf(world).current).toBeUndefined();
          } finally {
            world.close();
          }
        },
      ),
      { numRuns: cases(200) },
    );
  }, 120_000);
});
