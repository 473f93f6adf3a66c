import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AnalysesByName } from '../../../src/analysis/settings.ts';
import type { MeasurementRequest } from '../../../src/ports/measurements.ts';
import { answerRelease } from '../../../src/release/answer.ts';
import type { ReleaseObjectsRequest } from '../../../src/release/release.ts';
import { cases } from '../../support/cases.ts';
import { liveState, servedObjects, watchTraffic } from './blue-green-world.ts';
import { faultsAt, recordOf, releaseThrough } from './release-courses.ts';
import { replicas, requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

const analyses: AnalysesByName = {
  errors: {
    prometheus: { address: 'http://prometheus:9090', query: 'errors{h="${{ candidate.hash }}"}' },
    ...{ success: 'result[0] < 0.01', failure: 'result[0] > 0.1', interval: '5s', count: 3 },
  },
};
const canary = { canary: { steps: [{ replicas: 1 }, { analysis: 'errors' }, { replicas: 2 }] } };

function requestFor(image: string, runId: string, chosen: object = canary): ReleaseObjectsRequest {
  const [[strategy, settings] = ['', {}]] = Object.entries(chosen) as [string, Record<string, unknown>][];
  const request = requestOf(servedObjects(image), runId, { strategy });
  return { ...request, settings: { ...request.settings, strategy: settings, analyses } };
}

/** A world in which v1 is released, and each measurement gives the next value, the last one for ever. */
async function worldMeasuring(values: readonly number[], chosen?: object): Promise<MeasurementRequest[]> {
  world = new World(() => 'ready');
  await releaseThrough(world, requestFor('v1', 'run-1', chosen));
  const asked: MeasurementRequest[] = [];
  world.measurements = {
    measure: async (request) => {
      const value = values[Math.min(asked.length, values.length - 1)] ?? NaN;
      asked.push(request);
      return { type: 'value', value: [value], text: `[${String(value)}]` };
    },
  };
  return asked;
}

function samplesOf(runId: string): Record<string, string[]> {
  const { samples = {} } = recordOf(world).history.find((entry) => entry.runId === runId)!;
  return Object.fromEntries(
    Object.entries(samples).map(([key, all]) => [key, all.map(({ verdict, text }) => `${verdict} ${text}`)]),
  );
}

describe('a canary release with an analysis', () => {
  it('goes on when all measurements pass, reports each, and keeps them with the revision', async () => {
    const asked = await worldMeasuring([0, 0.001, 0.002]);

    const result = await releaseThrough(world, requestFor('v2', 'run-2'));

    expect(result?.outcome).toBe('released');
    expect(liveState(world)).toMatchObject({ image: 'v2', isHeld: false });
    const [first] = asked;
    expect(asked).toHaveLength(3);
    expect(first).toMatchObject({ query: expect.stringMatching(/^errors\{h="[a-z0-9]+"\}$/) as unknown });
    expect(world.told).toContain('info: analysis errors, measurement 2 of 3: passed: [0.001]');
    expect(samplesOf('run-2')).toEqual({
      'step 2: errors': ['passed [0]', 'passed [0.001]', 'passed [0.002]'],
    });
  });

  it('compares the pods of its Deployment by their names, and says by which query', async () => {
    const asked = await worldMeasuring([0]);
    const take = world.measurements.measure.bind(world.measurements);
    world.measurements = {
      measure: async (request, options) => {
        await take(request, options);
        return { type: 'compared', values: { candidate: 0.3, stable: 0.01 } };
      },
    };
    const compare = { metric: 'errorRate', from: 'istio' } as const;
    const prometheus = { address: 'http://prometheus:9090', compare };
    const request = requestFor('v2', 'run-2');
    request.settings.analyses = { errors: { prometheus } };

    const result = await releaseThrough(world, request);

    expect(result).toMatchObject({
      outcome: 'rolledBack',
      reason:
        'analysis errors failed: error rate 30 % (stable 1 %) (wanted at most 1.5 × stable, or 1 %; 1 of 1 measurements failed)',
    });
    const [first] = asked;
    const query = first?.type === 'prometheus' ? first.query : '';
    expect(query).toMatch(
      /namespace="shop", pod=~"web-[a-z0-9]+-\.\+".* or .*namespace="shop", pod=~"web-[a-z0-9]+-\.\+"/,
    );
    expect(first).toMatchObject({ trackLabel: 'track' });
    expect(world.told).toContain(`info: analysis errors asks http://prometheus:9090: ${query}`);
  });

  it('takes its measurements as far apart as the interval says', async () => {
    await worldMeasuring([0]);
    const times: number[] = [];
    const { measurements } = world;
    world.measurements = {
      measure: (request, options) => {
        times.push(world.clock.monotonicMs());
        return measurements.measure(request, options);
      },
    };

    await releaseThrough(world, requestFor('v2', 'run-2'));

    expect(times).toHaveLength(3);
    for (const [index, ms] of times.slice(1).entries())
      expect(ms - times[index]!).toBeGreaterThanOrEqual(5000);
    expect(times[2]! - times[0]!).toBeLessThan(20_000);
  });

  it('rolls back when one fails, and says which value was bad', async () => {
    await worldMeasuring([0, 0.5]);
    world.watchCapacity();

    const result = await releaseThrough(world, requestFor('v2', 'run-2'));

    expect(result).toMatchObject({
      outcome: 'rolledBack',
      reason: 'analysis errors failed: [0.5] (wanted result[0] < 0.01; 1 of 2 measurements failed)',
    });
    expect(liveState(world)).toMatchObject({ image: 'v1', isHeld: false });
    expect(world.told).toContain('warning: analysis errors, measurement 2 of 3: failed: [0.5]');
    expect(samplesOf('run-2')).toEqual({ 'step 2: errors': ['passed [0]', 'failed [0.5]'] });
    expect(world.fewest).toBe(replicas);
  });

  it('waits for a person when one is inconclusive', async () => {
    await worldMeasuring([0.05]);
    const progress = world.report.progress.bind(world.report);
    let isAnswered = false;
    world.report.progress = async (phase, message, tracks) => {
      await progress(phase, message, tracks);
      if (phase !== 'waiting' || isAnswered) return;
      isAnswered = true;
      expect(message).toContain('analysis errors is inconclusive: [0.05]');
      const request = { cluster: world.cluster, application: 'web', namespace: 'shop' };
      await answerRelease({ ...request, answer: 'promote' }, { signal });
    };

    const result = await releaseThrough(world, requestFor('v2', 'run-2'));

    expect(result?.outcome).toBe('released');
    expect(isAnswered).toBe(true);
    expect(samplesOf('run-2')).toEqual({ 'step 2: errors': ['inconclusive [0.05]'] });
  });
});

describe('a blue/green release with analyses', () => {
  const chosen = (more: object) => ({ blueGreen: { scaleDownDelay: '2s', ...more } });

  it('measures before the traffic moves and after, and ends with the new version', async () => {
    await worldMeasuring([0], chosen({}));
    const both = chosen({ prePromotion: 'errors', postPromotion: 'errors' });

    const result = await releaseThrough(world, requestFor('v2', 'run-2', both));

    expect(result?.outcome).toBe('released');
    expect(Object.keys(samplesOf('run-2'))).toEqual(['prePromotion: errors', 'postPromotion: errors']);
    expect(liveState(world)).toMatchObject({ image: 'v2', isHeld: false, services: ['web'] });
  });

  it('shows no request the new version when a measurement before fails', async () => {
    await worldMeasuring([0.5], chosen({}));
    const traffic = watchTraffic(world);

    const result = await releaseThrough(world, requestFor('v2', 'run-2', chosen({ prePromotion: 'errors' })));

    expect(result?.outcome).toBe('rolledBack');
    expect(traffic.versions).toEqual(['v1']);
  });

  it('moves the traffic back when a measurement after fails', async () => {
    await worldMeasuring([0, 0.5], chosen({}));
    const traffic = watchTraffic(world);

    const result = await releaseThrough(
      world,
      requestFor('v2', 'run-2', chosen({ postPromotion: 'errors' })),
    );

    expect(result).toMatchObject({ outcome: 'rolledBack' });
    expect(traffic.versions).toEqual(['v1', 'v2', 'v1']);
    expect(traffic.fewest).toBe(replicas);
    expect(liveState(world)).toMatchObject({ image: 'v1', isHeld: false, services: ['web'] });
  });
});

it('ends as its measurements say, and takes none twice that is written, whenever its runners die', async () => {
  const values = fc.array(fc.constantFrom(0, 0, 0, 0.5), { minLength: 6, maxLength: 6 });
  const strategies = fc.constantFrom<object>(canary, {
    blueGreen: { scaleDownDelay: '2s', prePromotion: 'errors', postPromotion: 'errors' },
  });
  const deaths = fc.array(faultsAt(fc.nat({ max: 300 })), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(values, strategies, deaths, async (all, chosen, faults) => {
      const asked = await worldMeasuring(all, chosen);
      try {
        const befalls = faults.map((each) => ({ faults: each }));
        const result = await releaseThrough(world, requestFor('v2', 'run-2', chosen), befalls);

        const kept = Object.values(samplesOf('run-2'));
        const isBad = kept.flat().some((sample) => sample.startsWith('failed'));
        expect(result?.outcome).toBe(isBad ? 'rolledBack' : 'released');
        expect(liveState(world)).toMatchObject({ image: isBad ? 'v1' : 'v2', isHeld: false });
        if (!isBad) for (const samples of kept) expect(samples).toHaveLength(3);
        expect(asked.length).toBeLessThanOrEqual(kept.flat().length + faults.flat().length);
      } finally {
        world.close();
      }
    }),
    { numRuns: cases(30) },
  );
}, 240_000);
