import { afterEach, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../../src/kubernetes/workload-objects.ts';
import { answerRelease } from '../../../src/release/answer.ts';
import { recordName } from '../../../src/release/record/release-record.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import type { PodBehaviour } from '../../fakes/deployment-controller.ts';
import { liveState, restingState, servedObjects } from './blue-green-world.ts';
import { replicas, requestOf, World } from './release-world.ts';
import { brokenTraffic, liveRules, route, routedRequest } from './routed-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

const half = { steps: [{ weight: 50 }, { pause: true as const }] };

/** v1 serves behind its route. */
async function releasedWorld(behaviour: (image: string) => PodBehaviour = () => 'ready'): Promise<void> {
  world = new World(behaviour);
  world.cluster.put(structuredClone(route));
  expect((await releaseObjects(routedRequest('v1', 'run-1'), world, { signal })).outcome).toBe('released');
}

/** Does something once when the release waits in its pause. */
const inPause = (befall: () => void) => {
  inPhase('waiting', befall);
};

/** Does something once when the release is in a phase. */
function inPhase(wanted: string, befall: () => void): void {
  const progress = world.report.progress.bind(world.report);
  let isDone = false;
  world.report.progress = async (phase, ...told) => {
    await progress(phase, ...told);
    if (phase !== wanted || isDone) return;
    isDone = true;
    befall();
  };
}

/** Releases; what never ends is given up, as it would keep the virtual time going. */
async function release(
  image: string,
  more: Parameters<typeof routedRequest>[3] = {},
  strategy: Parameters<typeof routedRequest>[2] = half,
) {
  const late = new AbortController();
  void world.clock.sleep(30 * 60_000, { signal }).then(() => late.abort(new Error('it waits')));
  return releaseObjects(routedRequest(image, `run-${image}`, strategy, more), world, { signal: late.signal });
}

async function releaseRolling(image: string) {
  const request = requestOf(servedObjects(image), `run-${image}`, { timeoutMs: 60_000 });
  return releaseObjects(request, world, { signal });
}

const scale = (count: number) =>
  world.cluster.change(
    { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' },
    { spec: { replicas: count } },
  );

/** A person answers after so many milliseconds. */
function answerIn(ms: number, answer: 'abort' | 'promoteFull'): void {
  const request = { cluster: world.cluster, application: 'web', namespace: 'shop', answer } as const;
  void world.clock.sleep(ms, { signal }).then(() => answerRelease(request, { signal }));
}

function podsOf(image: string): Pod[] {
  const pods = world.cluster.all<Pod>('Pod');
  return pods.filter(({ spec }) => JSON.stringify(spec).includes(`"image":"${image}"`));
}

/** What the kubelet finds of pods. */
function setReady(pods: readonly Pod[], is: boolean): void {
  const conditions = [{ type: 'Ready', status: is ? 'True' : 'False' }];
  for (const pod of pods) world.cluster.put({ ...pod, status: { ...pod.status, conditions } });
}

function expectRest(image: string, count = replicas): void {
  const { isHeld, selector, services, image: now, deployment } = liveState(world);
  const { strategy, paused = false, minReadySeconds = 0, replicas: has } = deployment!.spec;
  expect({ isHeld, selector, services, now, strategy, paused, minReadySeconds, replicas: has }).toEqual({
    ...{ isHeld: false, services: ['web'], now: image, paused: false, minReadySeconds: 0 },
    ...{ ...restingState, replicas: count },
  });
  expect(liveRules(world)).toEqual(route.spec.rules);
}

describe('the way back of a canary release by an HTTPRoute', () => {
  it('waits for old pods that take long to start, when a scaling has left fewer of them', async () => {
    let slowFrom = Infinity;
    await releasedWorld((image) =>
      image === 'v1' && world.clock.monotonicMs() > slowFrom && world.clock.monotonicMs() < slowFrom + 30_000
        ? 'never'
        : 'ready',
    );
    inPause(() => {
      scale(12);
      void world.clock.sleep(2500, { signal }).then(() => (slowFrom = world.clock.monotonicMs()));
      answerIn(3000, 'abort');
    });
    const result = await release('v2');
    expect(result).toMatchObject({ outcome: 'rolledBack' });
    expectRest('v1', 12);
  });

  it('brings old pods back also when the Service has moved to the new ones', async () => {
    await releasedWorld();
    const broken: string[] = [];
    inPhase('waiting', () => {
      scale(12);
      answerIn(3000, 'promoteFull');
    });
    inPhase('switched', () => {
      world.cluster.onStore = () => void broken.push(...brokenTraffic(world, 12));
      answerIn(0, 'abort');
    });

    const result = await release('v2');

    expect(result).toMatchObject({ outcome: 'rolledBack', reason: 'aborted by a person' });
    expectRest('v1', 12);
    expect(broken).toEqual([]);
  });

  it('leaves no traffic with new pods of which none is ready, though an old one is not, either', async () => {
    await releasedWorld();
    const sent: string[] = [];
    inPause(() => {
      setReady([...podsOf('v2'), ...podsOf('v1').slice(0, 1)], false);
      void world.clock.sleep(20_000, { signal }).then(() => {
        sent.push(...brokenTraffic(world, 1));
        setReady(podsOf('v1'), true);
      });
    });

    const result = await release('v2');

    expect(result).toMatchObject({ outcome: 'rolledBack' });
    expectRest('v1');
    expect(sent).toEqual([]);
  });

  const counts = [1, 2, 3, 12];

  it.each(counts.flatMap((count) => [['routed', count] as const, ['rolling', count] as const]))(
    'is taken by the next release (%s) after one that was halted and scaled to %d',
    async (kind, count) => {
      await haltedWorld(count);
      const broken: string[] = [];
      world.cluster.onStore = () => void broken.push(...brokenTraffic(world, 1));

      const next = await (kind === 'routed' ? release('v3', {}, quarter) : releaseRolling('v3'));

      expect(next).toMatchObject({ outcome: 'released' });
      expectRest('v3', count);
      expect(broken).toEqual([]);
    },
  );

  it.each(counts)(
    'is taken by the next release when the record is gone, too (scaled to %d)',
    async (count) => {
      await haltedWorld(count);
      const record = { apiVersion: 'v1', kind: 'ConfigMap', name: recordName('web'), namespace: 'shop' };
      world.cluster.drop(record);

      const next = await release('v3', {}, quarter);

      expect(next).toMatchObject({ outcome: 'released' });
      // That the replicas are somebody else's is forgotten with the record.
      expectRest('v3');
    },
  );
});

const quarter = { steps: [{ weight: 25 }] };

/** v2 was halted in its pause, as its pods were not ready; they are again, and the Deployment was scaled. */
async function haltedWorld(count: number): Promise<void> {
  await releasedWorld();
  inPause(() => {
    setReady(podsOf('v2'), false);
  });
  expect((await release('v2', { rollback: 'never' })).outcome).toBe('halted');
  scale(count);
  await world.clock.sleep(5000, { signal });
  setReady(podsOf('v2'), true);
  await world.clock.sleep(5000, { signal });
}
