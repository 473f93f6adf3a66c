import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cases } from '../../support/cases.ts';
import {
  blueGreenRequest,
  liveState,
  restingState,
  servedObjects,
  watchTraffic,
} from './blue-green-world.ts';
import {
  behaviours,
  chooser,
  courses,
  recordOf,
  releaseThrough,
  releaseUntilDeath,
} from './release-courses.ts';
import { replicas, World } from './release-world.ts';

function requestFor(image: string, runId: string) {
  return blueGreenRequest(servedObjects(image), runId, { scaleDownDelay: '2s' }, { timeoutMs: 60_000 });
}

describe('a blue/green release under faults', () => {
  it('never leaves the Service short of pods, ends whole, and leaves the manifests alone', async () => {
    await fc.assert(
      fc.asyncProperty(behaviours, courses, fc.nat(), async (candidate, befalls, seed) => {
        const world = new World((image) => (image === 'v2' ? candidate : 'ready'), chooser(seed));
        try {
          const first = await releaseThrough(world, requestFor('v1', 'run-1'));
          expect(first?.outcome).toBe('released');
          world.watchCapacity();
          const traffic = watchTraffic(world);

          const result = await releaseThrough(world, requestFor('v2', 'run-2'), befalls);

          const { outcome } = recordOf(world).history.find(({ runId }) => runId === 'run-2') ?? {};
          if (befalls.every(({ abortMs }) => abortMs === undefined))
            expect(result?.outcome).toBe(candidate === 'ready' ? 'released' : 'rolledBack');
          if (result?.outcome === 'rolledBack') expect(result.reason).toBeTruthy();
          const serving = outcome === 'released' ? 'v2' : 'v1';
          expectWhole(world, serving);
          if (outcome === undefined) return; // Cancelled before it began.
          expect(traffic.versions).not.toContain('');
          expect(traffic.versions.join()).not.toContain('v2+');
          expect(recordOf(world).current).toBeUndefined();
          if (candidate !== 'ready') expect(traffic.versions).toEqual(['v1']);

          const last = await releaseThrough(world, requestFor('v3', 'run-3'));

          expect(last?.outcome).toBe('released');
          expectWhole(world, 'v3');
          expect(traffic.fewest).toBeGreaterThanOrEqual(replicas);
          expect(world.fewest).toBeGreaterThanOrEqual(replicas);
        } finally {
          world.close();
        }
      }),
      { numRuns: cases(40) },
    );
  }, 240_000);

  it('is replaced by the next release wherever its runner was left', async () => {
    await fc.assert(
      fc.asyncProperty(behaviours, fc.nat({ max: 500 }), fc.nat(), async (candidate, at, seed) => {
        const world = new World((image) => (image === 'v2' ? candidate : 'ready'), chooser(seed));
        try {
          await releaseThrough(world, requestFor('v1', 'run-1'));
          const traffic = watchTraffic(world);
          await releaseUntilDeath(
            world,
            blueGreenRequest(servedObjects('v2'), 'run-2', { scaleDownDelay: '2s' }),
            { faults: [{ at, type: 'diesAfter' }], signal: new AbortController().signal },
          );

          const last = await releaseThrough(world, requestFor('v3', 'run-3'));

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
