import { afterEach, describe, expect, it } from '@jest/globals';
import { InternalError } from '../../../src/base/errors.ts';
import { answerAnnotation, holdMarkOf } from '../../../src/kubernetes/hold-mark.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { ForbiddenError } from '../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { answerRelease } from '../../../src/release/answer.ts';
import { reconcileRelease, releaseObjects, rollbackRelease } from '../../../src/release/release.ts';
import type { BlueGreenSettings } from '../../../src/strategies/blue-green/settings.ts';
import {
  blueGreenRequest,
  liveState,
  restingState,
  servedObjects,
  watchTraffic,
} from './blue-green-world.ts';
import { replicas, requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

async function releasedWorld(choose?: (count: number) => number) {
  world = new World(
    (image) => (image.includes('bad') ? 'crash' : image.includes('slow') ? 'never' : 'ready'),
    choose,
  );
  const first = await release('v1', 'run-1');
  expect(first.outcome).toBe('released');
  return watchTraffic(world);
}

const release = (
  image: string,
  runId: string,
  settings: BlueGreenSettings = {},
  more: Parameters<typeof requestOf>[2] = {},
) => releaseObjects(blueGreenRequest(servedObjects(image), runId, settings, more), world, { signal });

const deployment = () => liveState(world).deployment!;

/** Does something as soon as a phase is reached. */
function when(phase: string, act: () => void): void {
  const progress = world.report.progress.bind(world.report);
  let isDone = false;
  world.report.progress = async (now, message, tracks) => {
    await progress(now, message, tracks);
    if (now !== phase || isDone) return;
    isDone = true;
    act();
  };
}

function answer(text: string): void {
  const live = deployment();
  const annotations = { ...live.metadata.annotations, [answerAnnotation]: text };
  world.cluster.put({ ...live, metadata: { ...live.metadata, annotations } });
}

function expectRest(image: string): void {
  const { isHeld, selector, services, image: now } = liveState(world);
  expect({ isHeld, selector, services, now }).toEqual({
    isHeld: false,
    selector: restingState.selector,
    services: ['web'],
    now: image,
  });
  const { spec } = deployment();
  expect(spec.strategy).toEqual(restingState.strategy);
  expect(spec.paused ?? false).toBe(false);
  expect(spec.minReadySeconds ?? 0).toBe(0);
  expect(spec.progressDeadlineSeconds).toBeUndefined();
}

describe('a blue/green release', () => {
  it('moves all traffic at once, never leaves the Service short of pods, and leaves the manifests alone', async () => {
    const traffic = await releasedWorld();

    const result = await release('v2', 'run-2');

    expect(result).toEqual({ outcome: 'released', revision: 2, stable: 2 });
    expect(traffic.versions).toEqual(['v1', 'v2']);
    expect(traffic.fewest).toBe(replicas);
    expectRest('v2');
  });

  it('keeps the old pods for scaleDownDelay', async () => {
    await releasedWorld();
    let switchedAt = 0;
    let goneAt = 0;
    when('switched', () => (switchedAt = world.clock.now()));
    world.cluster.onRemove = ({ kind }) => {
      if (kind === 'Pod') goneAt ||= world.clock.now();
    };

    await release('v2', 'run-2', { scaleDownDelay: '90s' });

    expect(goneAt - switchedAt).toBeGreaterThanOrEqual(90_000);
  });

  it.each(['bad', 'slow'])(
    'removes new pods that fail (%s) without having moved a request',
    async (image) => {
      const traffic = await releasedWorld();

      const result = await release(image, 'run-2');

      expect(result).toMatchObject({ outcome: 'rolledBack', stable: 1, reason: expect.any(String) });
      expect(traffic.versions).toEqual(['v1']);
      expect(traffic.fewest).toBe(replicas);
      expectRest('v1');
    },
  );

  it('rolls back to the old pods in one write when the new ones fail after the switch', async () => {
    const traffic = await releasedWorld();
    const names = world.cluster.all('Pod').map(({ metadata }) => metadata.name);
    when('switched', () => {
      for (const pod of world.cluster.all<Workload>('Pod')) {
        if (names.includes(pod.metadata.name)) continue;
        const containerStatuses = [
          { name: 'web', restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } },
        ];
        world.cluster.put({ ...pod, status: { ...pod.status, containerStatuses } });
      }
    });

    const result = await release('v2', 'run-2', { scaleDownDelay: '5m' });

    expect(result).toMatchObject({ outcome: 'rolledBack', reason: expect.stringMatching(/crashes/) });
    expect(traffic.versions).toEqual(['v1', 'v2', 'v1']);
    expect(traffic.fewest).toBe(replicas);
    expect(world.cluster.all('Pod').map(({ metadata }) => metadata.name)).toEqual(names);
    expectRest('v1');
  });

  it('is rolled back by hand in the same way, forth and back', async () => {
    const traffic = await releasedWorld();
    await release('v2', 'run-2');

    const back = await rollbackRelease(requestOf([], 'cli'), world, { signal });
    const forth = await rollbackRelease({ ...requestOf([], 'cli-2'), to: 2 }, world, { signal });

    expect([back.outcome, forth.outcome]).toEqual(['released', 'released']);
    expect(traffic.versions).toEqual(['v1', 'v2', 'v1', 'v2']);
    expect(traffic.fewest).toBe(replicas);
    expectRest('v2');
  });

  it('only applies what changes no pod', async () => {
    const traffic = await releasedWorld();
    const objects = servedObjects('v1').map((object) =>
      object.kind === 'Service'
        ? { ...object, metadata: { ...object.metadata, annotations: { team: 'a' } } }
        : object,
    );

    const result = await releaseObjects(blueGreenRequest(objects, 'run-2'), world, { signal });

    expect(result.outcome).toBe('released');
    expect(world.told.filter((line) => line.startsWith('starting'))).toEqual([]);
    expect(liveState(world).service?.metadata.annotations).toEqual({ team: 'a' });
    expect(traffic.fewest).toBe(replicas);
  });

  it('only applies to a Deployment of no replicas', async () => {
    await releasedWorld();
    const live = deployment();
    world.cluster.put({ ...live, spec: { ...live.spec, replicas: 0 } });
    await world.clock.sleep(5000, { signal });

    const result = await release('v2', 'run-2');

    expect(result.outcome).toBe('released');
    expect(world.cluster.all('Pod')).toEqual([]);
    expectRest('v2');
  });

  it.each(['released', 'rolledBack'])(
    'ends though its preview Service cannot be removed, and says so (%s)',
    async (outcome) => {
      await releasedWorld();
      let tries = 0;
      world.cluster.before = (verb, { kind }) => {
        if (verb !== 'delete' || kind !== 'Service') return;
        if (++tries === 3) throw new InternalError('it is tried without an end');
        throw new ForbiddenError('services is forbidden');
      };
      if (outcome === 'rolledBack') when('previewing', () => answer('2 abort'));

      const result = await release('v2', 'run-2');

      expect(result.outcome).toBe(outcome);
      expect(tries).toBe(1);
      expect(world.told).toContain('warning: cleanup after the release failed: services is forbidden');
    },
  );

  it('gives back rollout fields that others had set and the manifest does not say', async () => {
    await releasedWorld();
    const live = deployment();
    world.cluster.put({ ...live, spec: { ...live.spec, minReadySeconds: 7, progressDeadlineSeconds: 99 } });
    await world.clock.sleep(5000, { signal });

    const result = await release('v2', 'run-2');

    expect(result.outcome).toBe('released');
    expect(deployment().spec).toMatchObject({ minReadySeconds: 7, progressDeadlineSeconds: 99 });
  });
});

describe('a blue/green release that waits for a person', () => {
  it('moves the traffic when it is promoted', async () => {
    const traffic = await releasedWorld();
    let mark: ReturnType<typeof holdMarkOf>;
    when('waiting', () => {
      mark = holdMarkOf(deployment());
      expect(deployment().spec.paused).toBe(true);
      expect(traffic.versions).toEqual(['v1']);
      answer('2 promote');
    });

    const result = await release('v2', 'run-2', { autoPromote: false });

    expect(result.outcome).toBe('released');
    expect(mark).toMatchObject({ revision: 2, step: 'waiting for promote or abort' });
    expect(mark?.end).toBe('pipeline release abort web --namespace shop');
    expect(traffic.versions).toEqual(['v1', 'v2']);
    expectRest('v2');
  });

  it('removes the new pods when it is aborted', async () => {
    const traffic = await releasedWorld();
    when('waiting', () => answer('2 abort'));

    const result = await release('v2', 'run-2', { autoPromote: false });

    expect(result).toMatchObject({ outcome: 'rolledBack', reason: 'aborted by a person' });
    expect(traffic.versions).toEqual(['v1']);
    expectRest('v1');
  });

  it('waits at most as long as "after" says', async () => {
    await releasedWorld();
    const begun = world.clock.now();

    const result = await release('v2', 'run-2', { autoPromote: { after: '6m' } });

    expect(result.outcome).toBe('released');
    expect(world.clock.now() - begun).toBeGreaterThan(6 * 60_000);
  });

  it('does not take an answer to another revision', async () => {
    await releasedWorld();
    const begun = world.clock.now();
    when('waiting', () => answer('1 promote'));

    await release('v2', 'run-2', { autoPromote: { after: '3m' } });

    expect(world.clock.now() - begun).toBeGreaterThan(3 * 60_000);
  });
});

describe('an answer to a release', () => {
  it('is given by the record and the Deployment alone', async () => {
    await releasedWorld();
    const { cluster } = world;
    const request = { cluster, application: 'web', namespace: 'shop', answer: 'promote' } as const;
    when('waiting', () => void answerRelease(request, { signal }));

    const result = await release('v2', 'run-2', { autoPromote: false });

    expect(result.outcome).toBe('released');
    expectRest('v2');
  });

  it('is refused when none waits', async () => {
    await releasedWorld();
    const request = {
      cluster: world.cluster,
      application: 'web',
      namespace: 'shop',
      answer: 'promote',
    } as const;

    await expect(answerRelease(request, { signal })).rejects.toMatchObject({
      message: 'no release of web waits for an answer: none is in progress',
      hint: 'pipeline release status web --namespace shop shows where it stands',
    });
  });

  it('aborts after the switch, too', async () => {
    const traffic = await releasedWorld();
    const request = {
      cluster: world.cluster,
      application: 'web',
      namespace: 'shop',
      answer: 'abort',
    } as const;
    when('switched', () => void answerRelease(request, { signal }));

    const result = await release('v2', 'run-2', { scaleDownDelay: '5m' });

    expect(result).toMatchObject({ outcome: 'rolledBack', reason: 'aborted by a person' });
    expect(traffic.versions).toEqual(['v1', 'v2', 'v1']);
    expectRest('v1');
  });

  it('is an abort when one was given, whatever else is said', async () => {
    await releasedWorld();
    const request = { cluster: world.cluster, application: 'web', namespace: 'shop' };
    const said: unknown[] = [];
    const sayAll = async () => {
      for (const given of ['promote', 'abort', 'abort', 'promote'] as const)
        said.push(
          await answerRelease({ ...request, answer: given }, { signal }).catch(
            (error: unknown) => (error as Error).message,
          ),
        );
    };
    when('waiting', () => void sayAll());

    const result = await release('v2', 'run-2', { autoPromote: false });

    expect(said).toEqual([2, 2, 2, 'revision 2 of web is being aborted']);
    expect(result).toMatchObject({ outcome: 'rolledBack', reason: 'aborted by a person' });
  });
});

describe('what an earlier blue/green release has left', () => {
  /** Lets the runner of a release die in a phase. */
  async function leftIn(phase: string, image = 'v2'): Promise<void> {
    const { cluster, clock, report } = world;
    const dead = new AbortController();
    const stopped = Promise.withResolvers<'died'>();
    const progress = async (now: string) => {
      if (now !== phase) return;
      stopped.resolve('died');
      await new Promise(() => undefined);
    };
    const ports = { cluster, clock, leases: world.leases, report: { ...report, progress } };
    const settings = { autoPromote: phase !== 'waiting', scaleDownDelay: '5m' };
    void releaseObjects(blueGreenRequest(servedObjects(image), 'run-dead', settings), ports, {
      signal: dead.signal,
    });
    await stopped.promise;
    world.cluster.drop({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      name: 'slipway-release-web',
      namespace: 'shop',
    });
  }

  it.each(['starting', 'previewing', 'waiting', 'switched', 'completing'])(
    'is replaced by the next release (left in %s) without losing a pod that serves',
    async (phase) => {
      const traffic = await releasedWorld();
      await leftIn(phase);

      const result = await release('v3', 'run-3');

      expect(result.outcome).toBe('released');
      expect(traffic.fewest).toBeGreaterThanOrEqual(replicas);
      expectRest('v3');
    },
  );

  it.each(['starting', 'waiting', 'switched', 'completing'])(
    'is rolled back by another runner (left in %s)',
    async (phase) => {
      const traffic = await releasedWorld();
      await leftIn(phase);

      const result = await reconcileRelease({ ...requestOf([], 'cli'), direction: 'back' }, world, {
        signal,
      });

      expect(result?.outcome).toBe('rolledBack');
      expect(traffic.fewest).toBeGreaterThanOrEqual(replicas);
      expectRest('v1');
    },
  );
});

describe('somebody else’s change during a blue/green release', () => {
  const change = (text: (object: string) => string) => () => {
    world.cluster.put(JSON.parse(text(JSON.stringify(deployment()))) as KubernetesObject);
  };

  it.each(['waiting', 'switched'])(
    'of the template ends it with the old pods serving (in %s)',
    async (phase) => {
      const traffic = await releasedWorld();
      when(
        phase,
        change((text) => text.replaceAll('"image":"v2"', '"image":"v9"')),
      );

      const settings = { autoPromote: phase !== 'waiting', scaleDownDelay: '5m' };
      const result = await release('v2', 'run-2', settings);

      expect(result).toMatchObject({
        outcome: 'rolledBack',
        reason: expect.stringMatching(/somebody changed the pod template of Deployment web/),
      });
      expect(traffic.fewest).toBe(replicas);
      expectRest('v1');
    },
  );

  it('that takes the Service’s name for the preview stops it before anything is changed', async () => {
    const traffic = await releasedWorld();
    world.cluster.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web-preview', namespace: 'shop' },
    });

    const result = await release('v2', 'run-2');

    expect(result).toMatchObject({ outcome: 'halted', reason: expect.stringMatching(/previewService/) });
    expect(traffic.versions).toEqual(['v1']);
  });
});
