import { afterEach, describe, expect, it } from '@jest/globals';
import { isWorkload } from '../../../src/kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import type { CanarySettings } from '../../../src/strategies/canary/settings.ts';
import { liveState, servedObjects } from './blue-green-world.ts';
import { replicas, requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

const steps = [{ weight: 67 }, { pause: '5s' }, { weight: 100 }, { pause: '5s' }];

function release(
  image: string,
  runId: string,
  manifest: readonly KubernetesObject[] = servedObjects(image),
  strategy: CanarySettings = { steps },
) {
  const request = requestOf(manifest, runId, { strategy: 'canary', timeoutMs: 60_000 });
  return releaseObjects({ ...request, settings: { ...request.settings, strategy } }, world, { signal });
}

/** Scales the Deployment, as an autoscaler does, when a phase is told for the so manieth time. */
function scaleIn(phase: string, times: number, count: number): void {
  const progress = world.report.progress.bind(world.report);
  let told = 0;
  world.report.progress = async (now, message, tracks) => {
    await progress(now, message, tracks);
    if (now !== phase || (told += 1) !== times) return;
    const { deployment } = liveState(world);
    world.cluster.put({ ...deployment!, spec: { ...deployment!.spec, replicas: count } });
  };
}

describe('a canary release whose Deployment is scaled meanwhile', () => {
  const phases = ['starting', 'shifting', 'stepping', 'waiting', 'completing'];
  const cases = phases.flatMap((phase) =>
    [1, 2].flatMap((times) => [2, 4, 5, 8].map((count) => [phase, times, count] as const)),
  );

  it.each(cases)('ends whole (in %s, %d, to %d pods)', async (phase, times, count) => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    scaleIn(phase, times, count);

    const result = await release('v2', 'run-2');

    expect(result).toEqual({ outcome: 'released', revision: 2, stable: 2 });
    const { deployment, image, isHeld } = liveState(world);
    expect({ image, isHeld, replicas: deployment?.spec.replicas }).toEqual({
      ...{ image: 'v2', isHeld: false, replicas: count },
    });
    expect(world.deployments.available()).toBe(count);
  });
});

describe('a canary release whose manifest has another number of pods', () => {
  const scaled = (image: string, count: number) =>
    servedObjects(image).map((object) =>
      isWorkload(object) ? { ...object, spec: { ...object.spec, replicas: count } } : object,
    );

  it.each([2, 5])('keeps the live number until the new pods are alone (3, then %d)', async (count) => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    const seen = new Set<number | undefined>();
    const progress = world.report.progress.bind(world.report);
    world.report.progress = async (phase, message, tracks) => {
      await progress(phase, message, tracks);
      if (phase === 'waiting') seen.add(liveState(world).deployment?.spec.replicas);
    };

    const result = await release('v2', 'run-2', scaled('v2', count));

    expect(result.outcome).toBe('released');
    expect([...seen]).toEqual([replicas]);
    expect(liveState(world).deployment?.spec.replicas).toBe(count);
    expect(world.deployments.available()).toBe(count);
  });
});

describe('a canary release that is scaled in a pause longer than a phase may take', () => {
  it('goes on when its time is over', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    const progress = world.report.progress.bind(world.report);
    let isScaled = false;
    world.report.progress = async (phase, message, tracks) => {
      await progress(phase, message, tracks);
      if (phase !== 'waiting' || isScaled) return;
      isScaled = true;
      await world.clock.sleep(200_000, { signal });
      const { deployment } = liveState(world);
      world.cluster.put({ ...deployment!, spec: { ...deployment!.spec, replicas: 5 } });
    };
    const settings = { steps: [{ replicas: 1 }, { pause: '10m' }] };

    const result = await release('v2', 'run-2', servedObjects('v2'), settings);

    expect(result.outcome).toBe('released');
    expect(liveState(world)).toMatchObject({ image: 'v2', isHeld: false });
    expect(world.deployments.available()).toBe(5);
  });
});
