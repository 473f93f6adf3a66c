import { afterEach, describe, expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';
import { deploySettings } from '../../../src/stages/deploy/settings.ts';
import { historyLimit } from '../../../src/release/record/release-record.ts';
import { ReleaseStore } from '../../../src/release/record/release-store.ts';
import { releaseObjects, retryRelease, rollbackRelease } from '../../../src/release/release.ts';
import { liveState, servedObjects } from './blue-green-world.ts';
import { recordOf } from './release-courses.ts';
import { requestOf, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;
let isBroken = false;

afterEach(() => {
  world.close();
});

const steps = [{ replicas: 1 }, { pause: '90s' }, { analysis: 'errors' }];
const analyses = {
  errors: {
    prometheus: { address: 'http://prometheus:9090', query: 'errors' },
    ...{ success: 'result[0] < 0.01', interval: '10s', count: 3 },
  },
};

/** A world in which v2 fails while it is broken; its measurements are counted. */
function makeWorld(): { measured: () => number } {
  isBroken = true;
  world = new World((image) => (image === 'v2' && isBroken ? 'crash' : 'ready'));
  let count = 0;
  world.measurements = {
    measure: () => {
      count += 1;
      return Promise.resolve({ type: 'value', value: [0], text: '0' });
    },
  };
  return { measured: () => count };
}

function release(image: string, more: { rollbackWindow?: number; run?: string } = {}) {
  const { rollbackWindow, run = `run-${image}` } = more;
  const request = requestOf(servedObjects(image), run, { strategy: 'canary' });
  const settings = { ...request.settings, strategy: { steps }, analyses };
  return releaseObjects({ ...request, settings: { ...settings, ...defined({ rollbackWindow }) } }, world, {
    signal,
  });
}

const byHand = (runId = 'cli-1') => {
  const { application, namespace, lockTimeoutMs, by } = requestOf([], runId);
  return { application, namespace, lockTimeoutMs, by: { ...by, stage: 'release', who: 'ann@desk' } };
};
const retry = (runId?: string) => retryRelease(byHand(runId), world, { signal });
const phases = () => [...new Set(world.told.map((line) => line.split(':')[0]))];
const newest = () => recordOf(world).history.at(-1);
const store = () => new ReleaseStore(world.cluster, 'web', 'shop');

describe('a release that is tried again', () => {
  it('is the same revision with its strategy, its pauses and its analyses, and says who and of which', async () => {
    const { measured } = makeWorld();
    await release('v1');
    expect((await release('v2')).outcome).toBe('rolledBack');
    isBroken = false;
    world.told.length = 0;
    const begun = world.clock.now();
    const before = measured();

    const result = await retry();

    expect(result).toMatchObject({ outcome: 'released', revision: 3, stable: 3 });
    expect(measured() - before).toBe(3);
    expect(world.clock.now() - begun).toBeGreaterThan(90_000);
    expect(phases()).toEqual(expect.arrayContaining(['waiting', 'measuring']));
    expect(newest()).toMatchObject({ number: 3, retryOf: 2, who: 'ann@desk', strategy: 'canary' });
    expect(newest()?.settings).toMatchObject({ strategy: { steps }, analyses });
    expect(liveState(world).image).toBe('v2');
  });

  it('may fail again, and again be tried: the objects of the newest revision alone are kept', async () => {
    makeWorld();
    await release('v1');
    await release('v2');

    expect((await retry('cli-1')).outcome).toBe('rolledBack');
    expect((await retry('cli-2')).outcome).toBe('rolledBack');

    expect(newest()).toMatchObject({ number: 4, retryOf: 3, outcome: 'rolledBack' });
    await expect(store().loadRevision(2, { signal })).rejects.toThrow('are gone');
    await expect(store().loadRevision(3, { signal })).rejects.toThrow('are gone');
    expect(await store().loadRevision(4, { signal })).toHaveLength(2);
    isBroken = false;
    expect((await retry('cli-3')).outcome).toBe('released');
  });

  it('waits for nobody when it was a rollback', async () => {
    makeWorld();
    isBroken = false;
    await release('v2');
    await release('v1');
    isBroken = true;
    expect((await rollbackRelease(byHand('cli-1'), world, { signal })).outcome).toBe('rolledBack');
    isBroken = false;
    const begun = world.clock.now();

    expect((await retry('cli-2')).outcome).toBe('released');

    expect(newest()).toMatchObject({ rollbackOf: 1, retryOf: 3 });
    expect(world.clock.now() - begun).toBeLessThan(60_000);
  });

  it('is refused with nothing changed when the newest revision was released', async () => {
    makeWorld();
    await release('v1');

    await expect(retry()).rejects.toThrow('no release of web is to be tried again: revision 1 was released');
    expect(recordOf(world).history).toHaveLength(1);
  });
});

describe('a release with a rollbackWindow', () => {
  /** v1, v3 and v4 were released. */
  const three = async () => {
    const counted = makeWorld();
    for (const image of ['v1', 'v3', 'v4']) await release(image);
    return counted;
  };

  it.each([
    [1, 'v3', 2],
    [2, 'v1', 1],
    [1, 'v1', undefined],
    [0, 'v3', undefined],
    [undefined, 'v3', undefined],
    [10, 'v5', undefined],
  ] as const)('of %j brings %s back as revision %j', async (rollbackWindow, image, sameAs) => {
    const { measured } = await three();
    const before = measured();
    const begun = world.clock.now();

    const more = { run: 'run-again', ...defined({ rollbackWindow }) };
    expect((await release(image, more)).outcome).toBe('released');

    expect(newest()?.sameAs).toBe(sameAs);
    const isFast = sameAs !== undefined;
    expect(measured() - before).toBe(isFast ? 0 : 3);
    expect(world.clock.now() - begun < 60_000).toBe(isFast);
    expect(liveState(world).image).toBe(image);
  });

  it('counts neither revisions that were rolled back nor the one that serves', async () => {
    makeWorld();
    await release('v1');
    await release('v2');
    await release('v4');

    await release('v2', { run: 'run-again', rollbackWindow: 2 });

    expect(newest()).toMatchObject({ outcome: 'rolledBack' });
    expect(newest()?.sameAs).toBeUndefined();
  });

  it('reaches as far as revisions are kept', () => {
    const settings = (rollbackWindow: number) => ({ manifests: 'k8s', rollbackWindow });
    expect(deploySettings.safeParse(settings(historyLimit)).success).toBe(true);
    expect(deploySettings.safeParse(settings(historyLimit + 1)).success).toBe(false);
    expect(deploySettings.safeParse(settings(-1)).success).toBe(false);
  });
});
