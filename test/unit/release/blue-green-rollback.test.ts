import { afterEach, describe, expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { recordName } from '../../../src/release/record/release-record.ts';
import { releaseObjects, rollbackRelease, rollBackReleased } from '../../../src/release/release.ts';
import { releaseHistory } from '../../../src/release/status.ts';
import type { BlueGreenSettings } from '../../../src/strategies/blue-green/settings.ts';
import {
  blueGreenRequest,
  liveState,
  restingState,
  servedObjects,
  watchTraffic,
} from './blue-green-world.ts';
import { replicas, requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

afterEach(() => {
  world.close();
});

type More = Parameters<typeof requestOf>[2];

const release = (image: string, runId: string, settings: BlueGreenSettings = {}, more: More = {}) =>
  releaseObjects(blueGreenRequest(servedObjects(image), runId, settings, more), world, { signal });
const rolling = (image: string, runId: string) =>
  releaseObjects(requestOf(servedObjects(image), runId), world, { signal });

/** Ends in any case: what waits for a person would keep the virtual time going. */
async function inTime<T>(work: (options: { signal: AbortSignal }) => Promise<T>): Promise<T> {
  const late = new AbortController();
  void world.clock.sleep(20 * 60_000, { signal }).then(() => late.abort(new Error('it waits')));
  return work({ signal: late.signal });
}

const rollback = (to?: number) =>
  inTime((options) => rollbackRelease({ ...requestOf([], 'cli'), ...defined({ to }) }, world, options));

const newest = async () => {
  const application = { name: 'web', namespace: 'shop' };
  const [entry] = await releaseHistory({ cluster: world.cluster, application }, { signal });
  return entry;
};

function expectRest(image: string): void {
  const { isHeld, selector, services, image: now, deployment } = liveState(world);
  const { paused = false, minReadySeconds = 0 } = deployment!.spec;
  expect({ isHeld, selector, services, now, paused, minReadySeconds }).toEqual({
    ...{ isHeld: false, selector: restingState.selector, services: ['web'], now: image },
    ...{ paused: false, minReadySeconds: 0 },
  });
}

/** Releases v3, which is halted after the switch with its own pods serving. */
async function haltAfterSwitch(befall: () => void = crash): Promise<void> {
  const progress = world.report.progress.bind(world.report);
  world.report.progress = async (phase, ...told) => {
    await progress(phase, ...told);
    if (phase === 'switched') befall();
  };
  const halted = await release('v3', 'run-3', { scaleDownDelay: '5m' }, { rollback: 'never' });
  world.report.progress = progress;
  expect(halted.outcome).toBe('halted');
  expect(liveState(world).isHeld).toBe(true);
}

/** A pod of v3 crashes. */
function crash(): void {
  const pods = world.cluster.all<Workload>('Pod');
  const pod = pods.find((each) => JSON.stringify(each.spec).includes('"image":"v3"'));
  const state = { waiting: { reason: 'CrashLoopBackOff' } };
  const containerStatuses = [{ name: 'web', restartCount: 3, state }];
  if (pod !== undefined) world.cluster.put({ ...pod, status: { ...pod.status, containerStatuses } });
}

/** Somebody gives the Deployment another template, of which nothing is made while it is paused. */
function setImage(): void {
  const live = liveState(world).deployment!;
  const text = JSON.stringify(live.spec).replaceAll('"image":"v3"', '"image":"v9"');
  world.cluster.put({ ...live, spec: JSON.parse(text) as Workload['spec'] });
}

describe('a rollback by hand of what blue/green has released', () => {
  it('waits for no person: who rolls back has decided', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1', { autoPromote: false });
    await release('v2', 'run-2', { autoPromote: { after: '1s' } });
    const traffic = watchTraffic(world);
    const told = world.told.length;

    const back = await rollback();
    const begunMs = world.clock.now();
    const forth = await rollback();

    expect([back, forth]).toMatchObject([{ outcome: 'released' }, { outcome: 'released' }]);
    expect(world.told.slice(told).filter((line) => line.startsWith('waiting:'))).toEqual([]);
    expect(world.clock.now() - begunMs).toBeLessThan(60_000);
    expect(traffic.versions).toEqual(['v2', 'v1', 'v2']);
    expect(traffic.fewest).toBe(replicas);
    expectRest('v2');
  });

  it('waits for none either when a failed verification rolls back', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1', { autoPromote: false });
    await release('v2', 'run-2');
    const traffic = watchTraffic(world);

    const by = { ...requestOf([], 'run-2').by, stage: 'smoke' };
    const result = await inTime((options) =>
      rollBackReleased({ ...requestOf([], 'run-2'), by, revision: 2 }, world, options),
    );

    expect(result).toMatchObject({ outcome: 'released', to: 1 });
    expect(traffic.versions).toEqual(['v2', 'v1']);
  });

  it('brings a revision that rolling has released back in one write of the Service, too', async () => {
    world = new World(() => 'ready');
    await rolling('v1', 'run-1');
    await release('v2', 'run-2', { scaleDownDelay: '90s' });
    const traffic = watchTraffic(world);

    const result = await rollback();

    expect(result).toMatchObject({ outcome: 'released', revision: 3 });
    expect(await newest()).toMatchObject({
      ...{ rollbackOf: 1, strategy: 'blueGreen' },
      settings: { strategy: { scaleDownDelay: '90s' } },
    });
    expect(traffic.versions).toEqual(['v2', 'v1']);
    expect(traffic.fewest).toBe(replicas);
    expectRest('v1');
  });

  it('keeps to rolling where the application is released by rolling now', async () => {
    world = new World(() => 'ready');
    await rolling('v1', 'run-1');
    await release('v2', 'run-2');
    await rolling('v3', 'run-3');

    await rollback(1);

    expect(await newest()).toMatchObject({ rollbackOf: 1, strategy: 'rolling' });
    expectRest('v1');
  });

  it('rolls back to what kubectl had applied without a Service, by rolling', async () => {
    world = new World(() => 'ready');
    for (const object of webObjects('v0')) world.cluster.put(object);
    await world.clock.sleep(10_000, { signal });
    await release('v1', 'run-1');
    const traffic = watchTraffic(world);

    const result = await rollback();

    expect(result).toMatchObject({ outcome: 'released' });
    expect(await newest()).toMatchObject({ rollbackOf: 1, strategy: 'rolling' });
    expect(traffic.fewest).toBe(replicas);
    expectRest('v0');
  });

  it('refuses a revision that blue/green cannot release any more, and changes nothing', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    await release('v2', 'run-2');
    const objects = {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      name: `${recordName('web')}.1`,
      namespace: 'shop',
    };
    const kept = world.cluster.peek(objects) as KubernetesObject;
    world.cluster.put(JSON.parse(JSON.stringify(kept).replaceAll('RollingUpdate', 'Recreate')) as never);

    const asked = rollback();

    await expect(asked).rejects.toMatchObject({
      message: expect.stringMatching(/revision 1 cannot be released again: .*its strategy Recreate/),
    });
    expect(await newest()).toMatchObject({ number: 2 });
    expectRest('v2');
  });
});

describe('a blue/green release that was halted after the switch', () => {
  it.each([
    ['blueGreen', 'crashing pods', crash],
    ['blueGreen', 'kubectl set image', setImage],
    ['rolling', 'crashing pods', crash],
    ['rolling', 'kubectl set image', setImage],
  ] as const)(
    'is rolled back to the revision that was released last, by %s (halted by %s)',
    async (strategy, _by, befall) => {
      world = new World(() => 'ready');
      await release('v1', 'run-1');
      await (strategy === 'rolling' ? rolling('v2', 'run-2') : release('v2', 'run-2'));
      const traffic = watchTraffic(world);
      await haltAfterSwitch(befall);

      const result = await rollback();

      expect(result).toMatchObject({ outcome: 'released', revision: 4 });
      expect(await newest()).toMatchObject({ rollbackOf: 2 });
      expect(traffic.versions).toEqual(['v2', 'v3', 'v2']);
      expect(traffic.fewest).toBe(replicas);
      expectRest('v2');
    },
  );

  it('is rolled back before one by rolling replaces it, which could not end the hold', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    await haltAfterSwitch();

    const result = await rolling('v4', 'run-4');

    expect(result.outcome).toBe('released');
    expect(liveState(world)).toMatchObject({ isHeld: false, selector: { app: 'web' }, services: ['web'] });
    expect(world.told.join()).toContain('replaced by a release with another strategy');
  });

  it('is not released over by rolling when its record is gone', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    await haltAfterSwitch();
    world.cluster.drop({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: 'slipway-release-web',
      namespace: 'shop',
    });
    const before = liveState(world);

    const next = rolling('v4', 'run-4');

    await expect(next).rejects.toMatchObject({
      message: expect.stringMatching(
        /^Deployment shop\/web is held since .* by revision 2 \(all new pods are ready\)$/,
      ),
      hint: expect.stringContaining('pipeline release rollback web'),
    });
    expect(liveState(world)).toEqual(before);
  });

  it('keeps no rolling release from a Deployment on which kubectl rollout undo has left the mark alone', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    await haltAfterSwitch();
    const { annotations } = liveState(world).deployment!.metadata;
    await rollback();
    const live = liveState(world).deployment!;
    world.cluster.put({ ...live, metadata: { ...live.metadata, ...(annotations && { annotations }) } });

    const result = await rolling('v4', 'run-4');

    expect(result.outcome).toBe('released');
  });
});

describe('a blue/green release of which no new pod takes requests any more', () => {
  it('gives the traffic back to old pods, though not all of them are ready', async () => {
    world = new World(() => 'ready');
    await release('v1', 'run-1');
    const progress = world.report.progress.bind(world.report);
    let isBefallen = false;
    world.report.progress = async (phase, ...told) => {
      await progress(phase, ...told);
      if (phase !== 'switched' || isBefallen) return;
      isBefallen = true;
      const [unready] = podsOf('v1');
      for (const pod of [...podsOf('v2'), ...(unready === undefined ? [] : [unready])])
        world.cluster.put({
          ...pod,
          status: { ...pod.status, conditions: [{ type: 'Ready', status: 'False' }] },
        });
      // The kubelet finds them ready again.
      void world.clock.sleep(20_000, { signal }).then(() => {
        for (const pod of podsOf('v1'))
          world.cluster.put({
            ...pod,
            status: { ...pod.status, conditions: [{ type: 'Ready', status: 'True' }] },
          });
      });
    };

    const result = await inTime(() => release('v2', 'run-2', { scaleDownDelay: '5m' }));

    expect(result).toMatchObject({ outcome: 'rolledBack', reason: expect.stringMatching(/^no new pod/) });
    expectRest('v1');
  });
});

function podsOf(image: string): Workload[] {
  const pods = world.cluster.all<Workload>('Pod');
  return pods.filter(({ spec }) => JSON.stringify(spec).includes(`"image":"${image}"`));
}
