import { afterEach, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../../src/kubernetes/workload-objects.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { liveState, restingState, servedObjects, watchTraffic } from './blue-green-world.ts';
import { replicas, requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

type StrategyName = 'rolling' | 'blueGreen' | 'canary';

const canarySteps = { steps: [{ replicas: 1 }, { pause: '5s' }] };
const slow = { canary: canarySteps, blueGreen: { scaleDownDelay: '5m' }, rolling: {} } as const;

function requestFor(
  image: string,
  runId: string,
  strategy: StrategyName,
  more: Parameters<typeof requestOf>[2] = {},
) {
  const request = requestOf(servedObjects(image), runId, { strategy, timeoutMs: 60_000, ...more });
  return { ...request, settings: { ...request.settings, strategy: slow[strategy] } };
}

const release = (...request: Parameters<typeof requestFor>) =>
  releaseObjects(requestFor(...request), world, { signal });

async function releasedWorld(behaviour: (image: string) => 'ready' | 'never' = () => 'ready') {
  world = new World(behaviour);
  expect((await release('v1', 'run-1', 'rolling')).outcome).toBe('released');
  return watchTraffic(world);
}

/** Lets the runner of a release die in a phase. */
async function leftIn(phase: string, strategy: StrategyName): Promise<void> {
  const { cluster, clock, report, leases } = world;
  const stopped = Promise.withResolvers<'died'>();
  const progress = async (now: string) => {
    if (now !== phase) return;
    stopped.resolve('died');
    await new Promise(() => undefined);
  };
  const ports = { cluster, clock, leases, report: { ...report, progress } };
  void releaseObjects(requestFor('v2', 'run-dead', strategy), ports, { signal });
  await stopped.promise;
  cluster.drop({
    ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
    ...{ name: 'slipway-release-web', namespace: 'shop' },
  });
}

function expectRest(image: string): void {
  const { isHeld, selector, services, image: now, deployment } = liveState(world);
  const { strategy, paused = false, minReadySeconds = 0, replicas: count } = deployment!.spec;
  expect({ isHeld, selector, services, now, strategy, paused, minReadySeconds, replicas: count }).toEqual({
    ...{ isHeld: false, services: ['web'], now: image, paused: false, minReadySeconds: 0 },
    ...restingState,
  });
  expect(world.cluster.all<Pod>('Pod')).toHaveLength(replicas);
}

describe('what a release has left, when the next one has another strategy,', () => {
  it.each<[StrategyName, string, StrategyName]>([
    ['canary', 'starting', 'rolling'],
    ['canary', 'shifting', 'rolling'],
    ['canary', 'waiting', 'rolling'],
    ['canary', 'completing', 'rolling'],
    ['canary', 'waiting', 'blueGreen'],
    ['blueGreen', 'pinned', 'rolling'],
    ['blueGreen', 'previewing', 'rolling'],
    ['blueGreen', 'completing', 'rolling'],
    ['blueGreen', 'pinned', 'canary'],
    ['blueGreen', 'starting', 'canary'],
    ['blueGreen', 'switched', 'canary'],
    ['blueGreen', 'completing', 'canary'],
  ])(
    'is rolled back (%s left in %s, then %s) without losing a pod that serves',
    async (first, phase, next) => {
      const traffic = await releasedWorld();
      await leftIn(phase, first);

      const result = await release('v3', 'run-3', next);

      expect(result.outcome).toBe('released');
      expect(traffic.fewest).toBeGreaterThanOrEqual(replicas);
      expectRest('v3');
    },
  );

  it.each<[StrategyName, StrategyName]>([
    ['canary', 'rolling'],
    ['canary', 'blueGreen'],
    ['blueGreen', 'rolling'],
    ['blueGreen', 'canary'],
  ])('is rolled back when it was halted for good (%s, then %s)', async (first, next) => {
    const traffic = await releasedWorld((image) => (image === 'v2' ? 'never' : 'ready'));
    const halted = await release('v2', 'run-2', first, { rollback: 'never' });
    expect(halted.outcome).toBe('halted');

    const result = await release('v3', 'run-3', next);

    expect(result.outcome).toBe('released');
    expect(traffic.fewest).toBeGreaterThanOrEqual(replicas);
    expectRest('v3');
  });

  it('stops the next one when it cannot be rolled back', async () => {
    let isNodeAway = false;
    await releasedWorld(() => (isNodeAway ? 'never' : 'ready'));
    await leftIn('waiting', 'canary');
    isNodeAway = true;

    await expect(release('v3', 'run-3', 'rolling')).rejects.toMatchObject({
      code: 'left-release',
      message: expect.stringMatching(/^revision 2 still holds web: .*not done within 60 s$/),
      hint: 'release web with the strategy of that revision, canary',
    });
  });
});

describe('what a canary has left, when the next one is a canary too,', () => {
  it('is completed with the new pods once the last step was over', async () => {
    const traffic = await releasedWorld();
    await leftIn('completing', 'canary');

    const result = await release('v3', 'run-3', 'canary');

    expect(result.outcome).toBe('released');
    expect(traffic.versions).toEqual(['v1', 'v1+v2', 'v2', 'v2+v3', 'v3']);
    expectRest('v3');
  });
});
