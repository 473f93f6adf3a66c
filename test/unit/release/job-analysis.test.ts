import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AnalysesByName } from '../../../src/analysis/settings.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { ReleaseObjectsRequest } from '../../../src/release/release.ts';
import { cases } from '../../support/cases.ts';
import { liveState, servedObjects } from './blue-green-world.ts';
import { courses, recordOf, releaseThrough } from './release-courses.ts';
import { requestOf, World } from './release-world.ts';

let world: World;
let stop: AbortController;
/** The Jobs that were removed, and how many samples the record had then. */
let removed: { name: string; kept: number }[];

afterEach(() => {
  stop.abort();
  world.close();
});

const template = { spec: { containers: [{ name: 'smoke', image: 'smoke:1' }] } };
const analyses: AnalysesByName = { smoke: { job: { template }, count: 2, interval: '1s' } };
const strategy = { steps: [{ replicas: 1 }, { analysis: 'smoke' }] };

function requestFor(image: string, runId: string): ReleaseObjectsRequest {
  const request = requestOf(servedObjects(image), runId, { strategy: 'canary' });
  return { ...request, settings: { ...request.settings, strategy, analyses } };
}

/** A world in which v1 is released and each Job ends after 8 s. @returns the names of the Jobs that are made */
async function worldOfJobs(
  end: (count: number) => 'Complete' | 'Failed' = () => 'Complete',
): Promise<string[]> {
  stop = new AbortController();
  removed = [];
  world = new World(() => 'ready');
  await releaseThrough(world, requestFor('v1', 'run-1'));
  const made: string[] = [];
  world.cluster.after = (verb, { kind, name }) => {
    if (verb === 'delete' && kind === 'Job') removed.push({ name, kept: keptSamples() });
    if (verb !== 'create' || kind !== 'Job') return;
    made.push(name);
    const type = end(made.length);
    void world.clock
      .sleep(8000, { signal: stop.signal })
      .then(() => endJob(name, type))
      .catch(() => undefined);
  };
  return made;
}

function endJob(name: string, type: 'Complete' | 'Failed'): void {
  const live = jobs().find(({ metadata }) => metadata.name === name);
  if (live === undefined) return;
  const condition = { type, status: 'True', reason: type === 'Failed' ? 'BackoffLimitExceeded' : '' };
  world.cluster.put({ ...live, status: { conditions: [condition] } });
}

function keptSamples(): number {
  const { current, history } = recordOf(world);
  return Object.values(current?.samples ?? history.at(-1)?.samples ?? {}).flat().length;
}

function jobs(): KubernetesObject[] {
  return world.cluster.all('Job');
}

describe('a canary release that a Job decides', () => {
  it('continues when all complete, one after another, and leaves none', async () => {
    const made = await worldOfJobs();

    const result = await releaseThrough(world, requestFor('v2', 'run-2'));

    expect(result).toMatchObject({ outcome: 'released' });
    expect(made).toEqual([
      expect.stringMatching(/^web-2-[0-9a-f]{8}-1$/) as unknown,
      expect.stringMatching(/^web-2-[0-9a-f]{8}-2$/) as unknown,
    ]);
    expect(world.told).toContain(
      `info: analysis smoke, measurement 2 of 2: passed: Job ${made[1]!} is complete`,
    );
    expect(jobs()).toEqual([]);
    // Removed before, it would be made again by a runner that takes over in between.
    expect(removed).toEqual([
      { name: made[0], kept: 1 },
      { name: made[1], kept: 2 },
    ]);
  });

  it('is rolled back when one fails', async () => {
    const made = await worldOfJobs((count) => (count === 2 ? 'Failed' : 'Complete'));

    const result = await releaseThrough(world, requestFor('v2', 'run-2'));

    expect(result).toMatchObject({
      outcome: 'rolledBack',
      reason: `analysis smoke failed: Job ${made[1]!} failed: BackoffLimitExceeded (wanted the Job to complete; 1 of 2 measurements failed)`,
    });
    expect(liveState(world)).toMatchObject({ image: 'v1', isHeld: false });
    expect(jobs()).toEqual([]);
  });

  it('makes one for each measurement, and leaves none, whatever befalls its runners', async () => {
    await fc.assert(
      fc.asyncProperty(courses, fc.boolean(), async (befalls, fails) => {
        const made = await worldOfJobs(() => (fails ? 'Failed' : 'Complete'));
        try {
          await releaseThrough(world, requestFor('v2', 'run-2'), befalls);

          expect(new Set(made).size).toBe(made.length);
          expect(jobs()).toEqual([]);
          expect(recordOf(world).current).toBeUndefined();
        } finally {
          stop.abort();
          world.close();
        }
      }),
      { numRuns: cases(25) },
    );
  }, 60_000);
});
