import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlipwayError } from '../../../src/base/errors.ts';
import { parseRecord } from '../../../src/release/record/release-record.ts';
import type { ReleaseResult } from '../../../src/release/reconcile.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import type { PodBehaviour } from '../../fakes/deployment-controller.ts';
import { cases } from '../../support/cases.ts';
import { replicas, requestOf, webObjects, World, type Fault } from './release-world.ts';

const fault = fc.record<Fault>({
  at: fc.nat({ max: 30 }),
  type: fc.constantFrom('refused', 'lost', 'diesBefore', 'diesAfter'),
});
const behaviour = fc.constantFrom<PodBehaviour>('ready', 'crash', 'imagePull', 'never');

/** Numbers that look random and are the same for the same seed. */
function chooser(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return count === 0 ? 0 : (state >> 8) % count;
  };
}

/** Releases with one runner after another, until one of them sees the end. */
async function releaseThroughFaults(
  world: World,
  image: string,
  faults: readonly (readonly Fault[])[],
): Promise<ReleaseResult> {
  const { signal } = new AbortController();
  for (const faultsOfRunner of [...faults, []]) {
    const { cluster, died } = world.runner(faultsOfRunner);
    const { clock, report } = world;
    const release = releaseObjects(
      requestOf(webObjects(image), 'run-2'),
      { cluster, leases: leasesOn(cluster, clock), clock, report },
      { signal },
    );
    try {
      const result = await Promise.race([release, died]);
      if (result !== 'died') return result;
    } catch (error) {
      if (!(error instanceof SlipwayError) || error.fault !== 'infrastructure') throw error;
    }
  }
  throw new Error('the last runner has no faults and must end');
}

describe('a release under faults', () => {
  it('never takes capacity away, and ends released or rolled back, whoever dies and whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        behaviour,
        fc.array(fc.array(fault, { maxLength: 3 }), { maxLength: 3 }),
        fc.nat(),
        async (candidate, faults, seed) => {
          const world = new World((image) => (image === 'v1' ? 'ready' : candidate), chooser(seed));
          try {
            const { signal } = new AbortController();
            const first = await releaseObjects(requestOf(webObjects('v1'), 'run-1'), world, { signal });
            expect(first.outcome).toBe('released');
            world.watchCapacity();

            const result = await releaseThroughFaults(world, 'v2', faults);

            expect(world.fewest).toBeGreaterThanOrEqual(replicas);
            expect(result.outcome).toBe(candidate === 'ready' ? 'released' : 'rolledBack');
            if (candidate !== 'ready') expect(result.reason).toBeTruthy();
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

function recordOf(world: World) {
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
  const map = world.cluster.peek(reference) as unknown as { data: { record: string } };
  return parseRecord(map.data.record, 'web');
}
