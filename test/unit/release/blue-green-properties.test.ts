import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlipwayError } from '../../../src/base/errors.ts';
import { parseRecord } from '../../../src/release/record/release-record.ts';
import type { ReleaseResult } from '../../../src/release/reconcile.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import type { PodBehaviour } from '../../fakes/deployment-controller.ts';
import { cases } from '../../support/cases.ts';
import {
  blueGreenRequest,
  liveState,
  restingState,
  servedObjects,
  watchTraffic,
} from './blue-green-world.ts';
import { replicas, World, type Fault } from './release-world.ts';

/** What befalls one runner of the release. */
interface Course {
  faults: Fault[];
  /** Virtual milliseconds after which it is cancelled. */
  abortMs?: number | undefined;
}

const course: fc.Arbitrary<Course> = fc.record({
  faults: fc.array(
    fc.record<Fault>({
      // Up to the last call: a release makes some 400, most of them in its first and last seconds.
      at: fc.oneof(fc.nat({ max: 120 }), fc.nat({ max: 500 })),
      type: fc.constantFrom('refused', 'lost', 'diesBefore', 'diesAfter'),
    }),
    { maxLength: 3 },
  ),
  abortMs: fc.option(fc.nat({ max: 40_000 }), { nil: undefined, freq: 4 }),
});
const behaviour = fc.constantFrom<PodBehaviour>('ready', 'ready', 'crash', 'imagePull', 'never');

class CancelledError extends Error {}

/** Numbers that look random and are the same for the same seed. */
function chooser(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return count === 0 ? 0 : (state >> 8) % count;
  };
}

function recordOf(world: World) {
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
  const map = world.cluster.peek(reference) as unknown as { data: { record: string } };
  return parseRecord(map.data.record, 'web');
}

/** Releases with one runner after another, until one of them sees the end. @returns undefined: it was cancelled, and has ended */
async function releaseThrough(
  world: World,
  image: string,
  runId: string,
  courses: readonly Course[],
): Promise<ReleaseResult | undefined> {
  const never = new AbortController().signal;
  for (const { faults, abortMs } of [...courses, { faults: [] }]) {
    const { cluster, died } = world.runner(faults);
    const { clock, report } = world;
    const abort = new AbortController();
    if (abortMs !== undefined)
      void clock.sleep(abortMs, { signal: never }).then(() => abort.abort(new CancelledError()));
    const request = blueGreenRequest(
      servedObjects(image),
      runId,
      { scaleDownDelay: '2s' },
      { timeoutMs: 60_000 },
    );
    const leases = leasesOn(cluster, clock);
    const release = releaseObjects(request, { cluster, leases, clock, report }, { signal: abort.signal });
    try {
      const result = await Promise.race([release, died]);
      if (result !== 'died') return result;
    } catch (error) {
      const isCancelled = error instanceof CancelledError || (error as Error).name === 'TimeoutError';
      if (isCancelled && recordOf(world).current === undefined) return undefined;
      if (isCancelled) continue;
      if (!(error instanceof SlipwayError) || error.fault !== 'infrastructure') throw error;
    }
  }
  throw new Error('the last runner has no faults and must end');
}

describe('a blue/green release under faults', () => {
  it('never leaves the Service short of pods, ends whole, and leaves the manifests alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        behaviour,
        fc.array(course, { maxLength: 3 }),
        fc.nat(),
        async (candidate, courses, seed) => {
          const world = new World((image) => (image === 'v2' ? candidate : 'ready'), chooser(seed));
          try {
            const first = await releaseThrough(world, 'v1', 'run-1', []);
            expect(first?.outcome).toBe('released');
            world.watchCapacity();
            const traffic = watchTraffic(world);

            const result = await releaseThrough(world, 'v2', 'run-2', courses);

            const { outcome } = recordOf(world).history.find(({ runId }) => runId === 'run-2') ?? {};
            if (courses.every(({ abortMs }) => abortMs === undefined))
              expect(result?.outcome).toBe(candidate === 'ready' ? 'released' : 'rolledBack');
            if (result?.outcome === 'rolledBack') expect(result.reason).toBeTruthy();
            const serving = outcome === 'released' ? 'v2' : 'v1';
            expectWhole(world, serving);
            if (outcome === undefined) return; // Cancelled before it began.
            expect(traffic.versions).not.toContain('');
            expect(traffic.versions.join()).not.toContain('v2+');
            expect(recordOf(world).current).toBeUndefined();
            if (candidate !== 'ready') expect(traffic.versions).toEqual(['v1']);

            const last = await releaseThrough(world, 'v3', 'run-3', []);

            expect(last?.outcome).toBe('released');
            expectWhole(world, 'v3');
            expect(traffic.fewest).toBeGreaterThanOrEqual(replicas);
            expect(world.fewest).toBeGreaterThanOrEqual(replicas);
          } finally {
            world.close();
          }
        },
      ),
      { numRuns: cases(40) },
    );
  }, 240_000);

  it('is replaced by the next release wherever its runner was left', async () => {
    await fc.assert(
      fc.asyncProperty(behaviour, fc.nat({ max: 500 }), fc.nat(), async (candidate, at, seed) => {
        const world = new World((image) => (image === 'v2' ? candidate : 'ready'), chooser(seed));
        try {
          await releaseThrough(world, 'v1', 'run-1', []);
          const traffic = watchTraffic(world);
          const { cluster, died } = world.runner([{ at, type: 'diesAfter' }]);
          const { clock, report } = world;
          const request = blueGreenRequest(servedObjects('v2'), 'run-2', { scaleDownDelay: '2s' });
          const left = releaseObjects(
            request,
            { cluster, clock, report, leases: leasesOn(cluster, clock) },
            { signal: new AbortController().signal },
          );
          await Promise.race([left, died]);

          const last = await releaseThrough(world, 'v3', 'run-3', []);

          expect(last?.outcome).toBe('released');
          expectWhole(world, 'v3');
          expect(traffic.fewest).toBeGreaterThanOrEqual(replicas);
        } finally {
          world.close();
        }
      }),
      { numRuns: cases(40) },
    );
  }, 240_000);
});

/** The live objects are what the manifests say, and nothing of a release is left. */
function expectWhole(world: World, image: string): void {
  const { isHeld, selector, services, image: now, deployment } = liveState(world);
  const { strategy, paused = false, minReadySeconds = 0, progressDeadlineSeconds } = deployment!.spec;
  expect({
    isHeld,
    selector,
    services,
    now,
    strategy,
    paused,
    minReadySeconds,
    progressDeadlineSeconds,
  }).toEqual({
    ...{ isHeld: false, selector: restingState.selector, services: ['web'], now: image },
    ...{
      strategy: restingState.strategy,
      paused: false,
      minReadySeconds: 0,
      progressDeadlineSeconds: undefined,
    },
  });
}
