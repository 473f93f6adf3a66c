import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { holdAnnotation } from '../../../src/kubernetes/hold-mark.ts';
import { hashOf } from '../../../src/kubernetes/replica-sets.ts';
import type { Pod, Workload } from '../../../src/kubernetes/workload-objects.ts';
import type { CanarySettings } from '../../../src/strategies/canary/settings.ts';
import { cases } from '../../support/cases.ts';
import {
  behaviours,
  chooser,
  courses,
  recordOf,
  releaseThrough,
  releaseUntilDeath,
} from './release-courses.ts';
import { replicas, requestOf, webObjects, World } from './release-world.ts';

const steps = fc.constantFrom<NonNullable<CanarySettings['steps']>>(
  [{ replicas: 1 }, { pause: '5s' }],
  [{ replicas: 1 }, { pause: '5s' }, { weight: 67 }, { pause: '5s' }],
  [{ weight: 33 }, { replicas: 2 }, { weight: 100 }, { pause: '5s' }],
  [{ weight: 100 }],
);

interface Wanted {
  image: string;
  runId: string;
  strategy: CanarySettings;
}

function requestFor({ image, runId, strategy }: Wanted) {
  const plain = requestOf(webObjects(image), runId, { strategy: 'canary', timeoutMs: 60_000 });
  return { ...plain, settings: { ...plain.settings, strategy: { ...strategy } } };
}

/** The most ready pods of an image that were there at once. */
function watchPods(world: World) {
  const most = new Map<string, number>();
  const shares: string[] = [];
  const look = () => {
    const counts = new Map<string, number>();
    for (const pod of world.cluster.all<Pod>('Pod')) {
      const image = (pod.spec as unknown as { containers: { image: string }[] }).containers[0]?.image ?? '';
      if (pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true)
        counts.set(image, (counts.get(image) ?? 0) + 1);
    }
    for (const [image, count] of counts) most.set(image, Math.max(most.get(image) ?? 0, count));
    const text = ['v1', 'v2'].map((image) => String(counts.get(image) ?? 0)).join('/');
    if (shares.at(-1) !== text) shares.push(text);
  };
  world.cluster.onStore = look;
  world.cluster.onRemove = look;
  return { most, shares };
}

/** The live Deployment is what the manifest says, and nothing of a release is left. */
function expectWhole(world: World, image: string): void {
  const deployment = world.cluster.peek<Workload>({
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' },
  })!;
  const {
    strategy,
    paused = false,
    minReadySeconds = 0,
    progressDeadlineSeconds,
    template,
  } = deployment.spec;
  expect({
    ...{ strategy, paused, minReadySeconds, progressDeadlineSeconds, replicas: deployment.spec.replicas },
    image: template?.spec.containers[0]?.image,
    isHeld: deployment.metadata.annotations?.[holdAnnotation] !== undefined,
  }).toEqual({
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    ...{ paused: false, minReadySeconds: 0, progressDeadlineSeconds: undefined, replicas },
    ...{ image, isHeld: false },
  });
  const sets = world.cluster.all<Workload>('ReplicaSet').filter(({ spec }) => (spec.replicas ?? 0) > 0);
  expect(sets.map(hashOf)).toHaveLength(1);
}

describe('a canary release', () => {
  it('comes through the shares of its steps, and ends with the new pods alone', async () => {
    const world = new World(() => 'ready');
    const strategy: CanarySettings = {
      steps: [{ replicas: 1 }, { pause: '20s' }, { weight: 67 }, { pause: '20s' }],
    };
    try {
      await releaseThrough(world, requestFor({ image: 'v1', runId: 'run-1', strategy }));
      world.watchCapacity();
      const { shares } = watchPods(world);

      const result = await releaseThrough(world, requestFor({ image: 'v2', runId: 'run-2', strategy }));

      expect(result?.outcome).toBe('released');
      expect(shares).toEqual(['3/0', '3/1', '2/1', '2/2', '1/2', '1/3', '0/3']);
      expect(world.fewest).toBe(replicas);
      expectWhole(world, 'v2');
    } finally {
      world.close();
    }
  });

  it('never has fewer pods than there shall be, shows new pods to no more than its share, and ends whole', async () => {
    await fc.assert(
      fc.asyncProperty(behaviours, steps, courses, fc.nat(), async (candidate, chosen, befalls, seed) => {
        const world = new World((image) => (image === 'v2' ? candidate : 'ready'), chooser(seed));
        const strategy = { steps: chosen };
        try {
          const first = await releaseThrough(world, requestFor({ image: 'v1', runId: 'run-1', strategy }));
          expect(first?.outcome).toBe('released');
          world.watchCapacity();
          const { most } = watchPods(world);

          const result = await releaseThrough(
            world,
            requestFor({ image: 'v2', runId: 'run-2', strategy }),
            befalls,
          );

          const { outcome } = recordOf(world).history.find(({ runId }) => runId === 'run-2') ?? {};
          if (befalls.every(({ abortMs }) => abortMs === undefined))
            expect(result?.outcome).toBe(candidate === 'ready' ? 'released' : 'rolledBack');
          if (result?.outcome === 'rolledBack') expect(result.reason).toBeTruthy();
          expectWhole(world, outcome === 'released' ? 'v2' : 'v1');
          expect(recordOf(world).current).toBeUndefined();
          if (candidate !== 'ready') expect(most.get('v2')).toBeUndefined();

          const last = await releaseThrough(world, requestFor({ image: 'v3', runId: 'run-3', strategy }));

          expect(last?.outcome).toBe('released');
          expectWhole(world, 'v3');
          expect(world.fewest).toBeGreaterThanOrEqual(replicas);
        } finally {
          world.close();
        }
      }),
      { numRuns: cases(30) },
    );
  }, 240_000);

  it('is replaced by the next release wherever its runner was left', async () => {
    await fc.assert(
      fc.asyncProperty(
        behaviours,
        steps,
        fc.nat({ max: 400 }),
        fc.nat(),
        async (candidate, chosen, at, seed) => {
          const world = new World((image) => (image === 'v2' ? candidate : 'ready'), chooser(seed));
          const strategy = { steps: chosen };
          try {
            await releaseThrough(world, requestFor({ image: 'v1', runId: 'run-1', strategy }));
            world.watchCapacity();
            await releaseUntilDeath(world, requestFor({ image: 'v2', runId: 'run-2', strategy }), {
              faults: [{ at, type: 'diesAfter' }],
              signal: new AbortController().signal,
            });

            const last = await releaseThrough(world, requestFor({ image: 'v3', runId: 'run-3', strategy }));

            expect(last?.outcome).toBe('released');
            expectWhole(world, 'v3');
            expect(world.fewest).toBeGreaterThanOrEqual(replicas);
          } finally {
            world.close();
          }
        },
      ),
      { numRuns: cases(30) },
    );
  }, 240_000);
});
