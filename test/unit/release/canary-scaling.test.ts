import { afterEach, describe, expect, it } from '@jest/globals';
import { releaseObjects } from '../../../src/release/release.ts';
import { liveState, servedObjects } from './blue-green-world.ts';
import { requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

const steps = [{ weight: 67 }, { pause: '5s' }, { weight: 100 }, { pause: '5s' }];

function release(image: string, runId: string) {
  const request = requestOf(servedObjects(image), runId, { strategy: 'canary', timeoutMs: 60_000 });
  return releaseObjects({ ...request, settings: { ...request.settings, strategy: { steps } } }, world, {
    signal,
  });
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
