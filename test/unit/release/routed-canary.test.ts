import { afterEach, describe, expect, it } from '@jest/globals';
import { answerRelease } from '../../../src/release/answer.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import type { CanarySettings } from '../../../src/strategies/canary/settings.ts';
import { liveState, restingState } from './blue-green-world.ts';
import { replicas, World } from './release-world.ts';
import { brokenTraffic, liveRules, route, routedRequest } from './routed-world.ts';
import { routedShares } from '../../fakes/gateway.ts';
import { liveRoute } from './routed-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

const own = [{ backendRefs: [{ name: 'web', port: 80, weight: 1 }] }];

/** v1 is released behind its route; from now on shares of the traffic are noted, and what breaks it. */
async function releasedWorld(behaviour: (image: string) => 'ready' | 'never' | 'crash' = () => 'ready') {
  world = new World(behaviour);
  world.cluster.put(structuredClone(route));
  expect((await releaseObjects(routedRequest('v1', 'run-1'), world, { signal })).outcome).toBe('released');
  const seen: { shares: string[]; broken: string[] } = { shares: [], broken: [] };
  const look = () => {
    seen.broken.push(...brokenTraffic(world, replicas));
    const shares = routedShares(world.cluster, liveRoute(world)!);
    const text = shares.map(({ service, percent }) => `${service} ${String(percent)}`).join(', ');
    if (seen.shares.at(-1) !== text) seen.shares.push(text);
  };
  world.cluster.onStore = look;
  world.cluster.onRemove = look;
  look();
  return seen;
}

const release = (image: string, strategy: Partial<CanarySettings>, runId = `run-${image}`) =>
  releaseObjects(routedRequest(image, runId, strategy), world, { signal });

function expectRest(image: string): void {
  const { isHeld, selector, services, image: now, deployment } = liveState(world);
  const { strategy, paused = false, minReadySeconds = 0, replicas: count } = deployment!.spec;
  expect({ isHeld, selector, services, now, strategy, paused, minReadySeconds, replicas: count }).toEqual({
    ...{ isHeld: false, services: ['web'], now: image, paused: false, minReadySeconds: 0 },
    ...restingState,
  });
  expect(liveRules(world)).toEqual(own);
}

describe('a canary release by an HTTPRoute', () => {
  it('gives new pods their shares exactly, which may fall, beside all old ones, and leaves nothing', async () => {
    const seen = await releasedWorld();
    world.watchCapacity();

    const result = await release('v2', {
      steps: [
        { weight: 20 },
        { pause: '5s' },
        { weight: 50 },
        { pause: '5s' },
        { weight: 10 },
        { pause: '5s' },
      ],
    });

    expect(result.outcome).toBe('released');
    expect(seen.shares).toEqual([
      'web 100',
      'web 80, web-canary 20',
      'web 50, web-canary 50',
      'web 90, web-canary 10',
      'web 0, web-canary 100',
      'web 100',
    ]);
    expect(seen.broken).toEqual([]);
    expect(world.fewest).toBe(replicas);
    expectRest('v2');
  });

  it.each(['never', 'crash'] as const)(
    'brings the old pods back when new ones are bad (%s)',
    async (behaviour) => {
      const seen = await releasedWorld((image) => (image === 'v2' ? behaviour : 'ready'));

      const result = await release('v2', { steps: [{ weight: 50 }, { pause: '5s' }] });

      expect(result.outcome).toBe('rolledBack');
      expect(seen.shares).toEqual(['web 100']);
      expectRest('v1');
    },
  );

  it('sends everything back to the old pods when it is aborted', async () => {
    const seen = await releasedWorld();
    const released = release('v2', { steps: [{ weight: 50 }, { pause: true }] });
    await world.clock.sleep(20_000, { signal });
    const { cluster } = world;
    await answerRelease({ cluster, application: 'web', namespace: 'shop', answer: 'abort' }, { signal });

    expect(await released).toMatchObject({ outcome: 'rolledBack', reason: 'aborted by a person' });
    expect(seen.shares).toEqual(['web 100', 'web 50, web-canary 50', 'web 100']);
    expect(seen.broken).toEqual([]);
    expectRest('v1');
  });
});
