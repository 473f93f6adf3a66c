import { afterEach, describe, expect, it } from '@jest/globals';
import { detachAnnotation, pauseAnnotation } from '../../../src/kubernetes/stand-mark.ts';
import { answerRelease } from '../../../src/release/answer.ts';
import { detachRelease, liftPause, pauseRelease } from '../../../src/release/pause.ts';
import {
  reconcileRelease,
  releaseObjects,
  type ReleaseObjectsRequest,
} from '../../../src/release/release.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { liveState, restingState, servedObjects } from './blue-green-world.ts';
import { recordOf } from './release-courses.ts';
import { requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

const steps = [{ replicas: 1 }, { pause: '60s' }, { replicas: 2 }, { pause: '60s' }];

function requestFor(image: string, strategy: string, settings: object): ReleaseObjectsRequest {
  const request = requestOf(servedObjects(image), `run-${image}`, { strategy });
  return { ...request, settings: { ...request.settings, strategy: { ...settings } } };
}

function release(image: string, strategy = 'canary', settings: object = { steps }) {
  return releaseObjects(requestFor(image, strategy, settings), world, { signal });
}

const person = () => ({ cluster: world.cluster, application: 'web', namespace: 'shop', by: 'ann@desk' });
const pause = () => pauseRelease({ ...person(), at: world.clock.now() }, { signal });

/** Calls back once, when the release is first in the phase. */
function once(phase: string, then: () => Promise<unknown>): void {
  const progress = world.report.progress.bind(world.report);
  let isOver = false;
  world.report.progress = async (now, message, tracks) => {
    await progress(now, message, tracks);
    if (now !== phase || isOver) return;
    isOver = true;
    await then();
  };
}

const pods = () =>
  world.cluster
    .all<{ spec: { replicas?: number } } & Parameters<World['cluster']['put']>[0]>('ReplicaSet')
    .map(({ spec }) => spec.replicas ?? 0)
    .sort();
const annotations = () => Object.keys(liveState(world).deployment?.metadata.annotations ?? {});
const pausedSays = 'paused by ann@desk; it continues with: pipeline release resume web -n shop';

describe('a release that is paused', () => {
  it.each([
    ['starting', 'stepping', [1, 2]],
    ['waiting', 'waiting', [1, 2]],
  ])('in phase %s stands still in %s, until it is resumed', async (at, stands, left) => {
    world = new World(() => 'ready');
    await release('v1');
    once(at, pause);
    let seen: object | undefined;
    const begun = world.clock.now();
    void world.clock.sleep(600_000, { signal }).then(async () => {
      seen = { pods: pods(), phase: recordOf(world).current?.state.phase };
      expect(world.told.at(-1)).toBe(`${stands}: ${pausedSays}`);
      await liftPause(person(), { signal });
    });

    expect((await release('v2')).outcome).toBe('released');

    expect(seen).toEqual({ pods: left, phase: stands });
    expect(world.clock.now() - begun).toBeGreaterThan(600_000 + 118_000);
    expect(annotations()).not.toContain(pauseAnnotation);
  });

  it('stops the time of its step: what was left of it is waited for afterwards', async () => {
    world = new World(() => 'ready');
    await release('v1');
    let liftedAt = 0;
    once('waiting', async () => {
      void world.clock.sleep(40_000, { signal }).then(pause);
      void world.clock.sleep(1_000_000, { signal }).then(async () => {
        await liftPause(person(), { signal });
        liftedAt = world.clock.now();
      });
    });
    let steppedAt = 0;
    const progress = world.report.progress.bind(world.report);
    world.report.progress = async (phase, message, tracks) => {
      await progress(phase, message, tracks);
      if (liftedAt > 0 && phase !== 'waiting' && steppedAt === 0) steppedAt = world.clock.now();
    };

    await release('v2');

    const waitedMs = steppedAt - liftedAt;
    expect(waitedMs).toBeGreaterThan(15_000);
    expect(waitedMs).toBeLessThan(25_000);
  });

  it.each(['promote', 'promoteFull'] as const)('continues when it is answered: %s', async (answer) => {
    world = new World(() => 'ready');
    await release('v1');
    once('waiting', async () => {
      await pause();
      void world.clock
        .sleep(600_000, { signal })
        .then(() => answerRelease({ ...person(), answer }, { signal }));
    });

    expect((await release('v2')).outcome).toBe('released');
  });

  it('goes back when it is aborted', async () => {
    world = new World(() => 'ready');
    await release('v1');
    once('starting', async () => {
      await pause();
      void world.clock
        .sleep(600_000, { signal })
        .then(() => answerRelease({ ...person(), answer: 'abort' }, { signal }));
    });

    expect(await release('v2')).toMatchObject({ outcome: 'rolledBack', reason: 'aborted by a person' });
    expect(annotations()).not.toContain(pauseAnnotation);
  });

  it('goes back when its new pods fail meanwhile', async () => {
    world = new World(() => 'ready');
    await release('v1');
    once('waiting', async () => {
      await pause();
      void world.clock.sleep(600_000, { signal }).then(() => {
        for (const pod of world.cluster.all('Pod')) {
          const { containers } = (pod as unknown as { spec: { containers: { image: string }[] } }).spec;
          if (containers[0]?.image !== 'v2') continue;
          const state = { waiting: { reason: 'CrashLoopBackOff' } };
          const lastState = { terminated: { exitCode: 3 } };
          const containerStatuses = [{ name: 'web', restartCount: 2, state, lastState }];
          world.cluster.put({ ...pod, status: { containerStatuses } });
        }
      });
    });

    const { outcome, reason } = await release('v2');

    expect(outcome).toBe('rolledBack');
    expect(reason).toContain('crashes: exit code 3');
    expect(annotations()).not.toContain(pauseAnnotation);
  });

  it('keeps the old pods of blue/green beside the new ones, before and after the traffic has moved', async () => {
    world = new World(() => 'ready');
    const settings = { scaleDownDelay: '30s' };
    await release('v1', 'blueGreen', settings);
    const seen: unknown[] = [];
    for (const phase of ['starting', 'switched'])
      once(phase, async () => {
        await pause();
        void world.clock.sleep(600_000, { signal }).then(async () => {
          seen.push([recordOf(world).current?.state.phase, pods(), liveState(world).selector]);
          await liftPause(person(), { signal });
        });
      });

    expect((await release('v2', 'blueGreen', settings)).outcome).toBe('released');

    const pinned = expect.objectContaining({ 'pod-template-hash': expect.any(String) });
    expect(seen).toEqual([
      ['previewing', [3, 3], pinned],
      ['switched', [3, 3], pinned],
    ]);
  });

  it('is paused still when another runner continues it', async () => {
    world = new World(() => 'ready');
    await release('v1');
    const first = new AbortController();
    const { cluster } = world;
    let isDead = false;
    const never = new Promise<never>(() => undefined);
    const mortal = new Proxy(cluster, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          isDead ? never : (value as (...all: unknown[]) => unknown).apply(target, args);
      },
    });
    const stands = Promise.withResolvers<undefined>();
    once('waiting', pause);
    const progress = world.report.progress.bind(world.report);
    world.report.progress = async (phase, message, tracks) => {
      await progress(phase, message, tracks);
      if (message === pausedSays) stands.resolve(undefined);
    };
    void releaseObjects(
      requestFor('v2', 'canary', { steps }),
      { cluster: mortal, clock: world.clock, report: world.report, leases: leasesOn(mortal, world.clock) },
      first,
    ).catch(() => undefined);
    await stands.promise;
    isDead = true;
    world.told.length = 0;
    void world.clock.sleep(600_000, { signal }).then(() => liftPause(person(), { signal }));

    const begun = world.clock.now();
    const result = await releaseObjects(
      { ...requestFor('v2', 'canary', { steps }), lockTimeoutMs: 60_000 },
      world,
      {
        signal,
      },
    );

    expect(result.outcome).toBe('released');
    expect(world.clock.now() - begun).toBeGreaterThan(600_000);
    expect(world.told).toContain(`waiting: ${pausedSays}`);
    first.abort();
  });

  it('is not paused again by what stands there of an earlier release', async () => {
    world = new World(() => 'ready');
    await release('v1');
    await expect(pause()).rejects.toThrow('no release of web waits for an answer: none is in progress');
    once('completing', async () => {
      await expect(pause()).rejects.toThrow('it is in phase completing');
    });

    expect((await release('v2')).outcome).toBe('released');
  });
});

describe('a release that its runner leaves', () => {
  const byHand = () => {
    const { application, namespace, lockTimeoutMs, by } = requestOf([], 'cli');
    return { application, namespace, lockTimeoutMs, by };
  };
  const detach = () => detachRelease(person(), { signal });

  it('stays held where it waits, with its lease free, and is continued by another one', async () => {
    world = new World(() => 'ready');
    await release('v1');
    once('starting', detach);

    const result = await release('v2');

    expect(result).toEqual({
      ...{ outcome: 'detached', revision: 2, stable: 1 },
      reason:
        'detached by ann@desk: the release is left as it is; to continue it: pipeline release resume web -n shop',
    });
    expect(recordOf(world).current?.state.phase).toBe('waiting');
    const lease = await world.leases.find({ name: 'slipway-release-web', namespace: 'shop' }, { signal });
    expect(lease?.holder).toBe('');
    await world.clock.sleep(600_000, { signal });
    expect(pods()).toEqual([1, 2]);
    expect(liveState(world).isHeld).toBe(true);

    const resumed = await reconcileRelease({ ...byHand(), direction: 'continue' }, world, { signal });

    expect(resumed?.outcome).toBe('released');
    const { image, isHeld, deployment } = liveState(world);
    expect(annotations()).not.toContain(detachAnnotation);
    expect({ image, isHeld, replicas: deployment?.spec.replicas }).toEqual({
      ...{ image: 'v2', isHeld: false, replicas: restingState.replicas },
    });
  });

  it('names the cluster that was chosen in the commands that it tells', async () => {
    world = new World(() => 'ready');
    const told: string[] = [];
    const progress = world.report.progress.bind(world.report);
    world.report.progress = (phase, message, tracks) => {
      told.push(message);
      return progress(phase, message, tracks);
    };
    await release('v1');
    once('starting', async () => {
      await pause();
      void world.clock.sleep(60_000, { signal }).then(detach);
    });

    const chosen = Object.assign(world, { chosenCluster: 'sandbox' });
    const result = await releaseObjects(requestFor('v2', 'canary', { steps }), chosen, { signal });

    const command = 'pipeline release resume web -n shop --cluster sandbox';
    expect(told).toContain(`paused by ann@desk; it continues with: ${command}`);
    expect(result.reason).toBe(
      `detached by ann@desk: the release is left as it is; to continue it: ${command}`,
    );
  });

  it('is left while an analysis measures, which counts on afterwards', async () => {
    world = new World(() => 'ready');
    await release('v1');
    let measured = 0;
    world.measurements = {
      measure: async () => {
        measured += 1;
        if (measured === 2) await detach();
        return { type: 'value', value: [0], text: '0' };
      },
    };
    const request = requestFor('v2', 'canary', { steps: [{ replicas: 1 }, { analysis: 'errors' }] });
    const analyses = {
      errors: {
        prometheus: { address: 'http://prometheus:9090', query: 'errors' },
        ...{ success: 'result[0] < 0.01', interval: '10s', count: 4 },
      },
    };

    const result = await releaseObjects({ ...request, settings: { ...request.settings, analyses } }, world, {
      signal,
    });

    expect(result.outcome).toBe('detached');
    expect(measured).toBe(2);
    await reconcileRelease({ ...byHand(), direction: 'continue' }, world, { signal });
    expect(measured).toBe(4);
    expect(recordOf(world).stable).toBe(2);
  });

  it('is not left after the traffic has moved', async () => {
    world = new World(() => 'ready');
    await release('v1', 'blueGreen', {});
    once('starting', detach);
    once('switched', async () => {
      await expect(detach()).rejects.toThrow(
        'the runner of web cannot leave it now: the new pods have the traffic',
      );
    });

    expect((await release('v2', 'blueGreen', {})).outcome).toBe('released');
  });

  it('goes back, and is not left, when it is aborted, too', async () => {
    world = new World(() => 'ready');
    await release('v1');
    once('starting', async () => {
      await detach();
      await answerRelease({ ...person(), answer: 'abort' }, { signal });
      await expect(detach()).rejects.toThrow('revision 2 of web is being aborted');
      await expect(pause()).rejects.toThrow('revision 2 of web is being aborted');
    });

    expect((await release('v2')).outcome).toBe('rolledBack');
  });
});
