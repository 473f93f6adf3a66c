import { afterEach, describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { parseRecord } from '../../../src/strategies/release-record.ts';
import { releaseHistory, releaseStatus } from '../../../src/strategies/release-status.ts';
import { reconcileRelease, releaseObjects, rollbackRelease } from '../../../src/strategies/release.ts';
import type { Workload } from '../../../src/strategies/workload-objects.ts';
import { requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();
const application = { name: 'web', namespace: 'shop' };
let world: World;

/** A world where images with `bad` in their name crash. */
function makeWorld(): World {
  world = new World((image) => (image.includes('bad') ? 'crash' : 'ready'));
  return world;
}

afterEach(() => {
  world.close();
});

const release = (
  objects: readonly KubernetesObject[],
  runId: string,
  more: Parameters<typeof requestOf>[2] = {},
) => releaseObjects(requestOf(objects, runId, more), world, { signal });

const live = (name = 'web') =>
  world.cluster.peek<Workload>({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name })!;

const image = () => live().spec.template?.spec.containers[0]?.image;

const owned = { 'slipway.dev/application': 'web' };
const configMap = (name: string, labels: Record<string, string> = owned): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop', labels },
  data: { a: '1' },
});

describe('releaseObjects', () => {
  it('keeps what was released, by whom and when', async () => {
    makeWorld();

    await release(webObjects('v1'), 'run-1');

    const [entry] = await releaseHistory({ cluster: world.cluster, application }, { signal });
    expect(entry).toMatchObject({
      number: 1,
      outcome: 'released',
      runId: 'run-1',
      who: 'test',
      images: { web: 'v1' },
      workloads: [{ kind: 'Deployment', name: 'web', revision: expect.stringMatching(/^web-/) }],
    });
    expect(entry?.finishedAt).toBeGreaterThanOrEqual(entry?.startedAt ?? Infinity);
  });

  it('fails and says so when the first release fails: there is nothing to go back to', async () => {
    makeWorld();

    const result = await release(webObjects('bad'), 'run-1');

    expect(result.outcome).toBe('failed');
    expect(result.reason).toMatch(/exit code 3.*first release, there is nothing to go back to/);
  });

  it('goes back to the released revision, not to a failed one in between', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await release(webObjects('bad-2'), 'run-2', { rollback: 'never' });

    const result = await release(webObjects('bad-3'), 'run-3');

    expect(result).toMatchObject({ outcome: 'rolledBack', stable: 1 });
    expect(image()).toBe('v1');
  });

  it('adopts what served before the first release, and goes back to it', async () => {
    makeWorld();
    const [deployment] = webObjects('by-hand');
    await world.cluster.apply(deployment!, { signal, fieldManager: 'kubectl' });
    for (let i = 0; i < 100; i++) world.deployments.step();

    const result = await release(webObjects('bad'), 'run-1', { force: true });

    expect(result).toMatchObject({ outcome: 'rolledBack', stable: 1 });
    expect(image()).toBe('by-hand');
    expect(live().spec.replicas).toBe(3);
    const history = await releaseHistory({ cluster: world.cluster, application }, { signal });
    expect(history.map(({ outcome }) => outcome)).toEqual(['rolledBack', 'adopted']);
  });

  it('says whose field it is when another manager owns one', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    const [other] = webObjects('by-hand');
    await world.cluster.apply(other!, { signal, fieldManager: 'argocd', force: true });

    const result = await release(webObjects('v2'), 'run-2');

    expect(result).toMatchObject({ outcome: 'rolledBack' });
    expect(result.reason).toMatch(/Deployment shop\/web: conflict with "argocd"/);
  });

  it('leaves the replicas to an autoscaler', async () => {
    makeWorld();
    const scaler = {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web', namespace: 'shop', labels: owned },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 9 },
    };
    await release(webObjects('v1', [scaler]), 'run-1');
    world.cluster.put({ ...live(), spec: { ...live().spec, replicas: 7 } });

    await release(webObjects('v2', [scaler]), 'run-2');
    await release(webObjects('v3', [scaler]), 'run-3');

    expect(live().spec.replicas).toBe(7);
    expect(world.deployments.available()).toBe(7);
  });

  it('leaves the replicas to somebody who scaled by hand, until the manifest changes', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    world.cluster.put({ ...live(), spec: { ...live().spec, replicas: 5 } });

    await release(webObjects('v2'), 'run-2');

    expect(live().spec.replicas).toBe(5);
    expect(world.told).toContainEqual(expect.stringContaining('stays at 5 replicas, as somebody set it'));
    const [deployment] = webObjects('v3') as [Workload];
    await release([{ ...deployment, spec: { ...deployment.spec, replicas: 4 } }], 'run-3');
    expect(live().spec.replicas).toBe(4);
  });

  it('prunes what earlier revisions had, when it is asked to and the object is still ours', async () => {
    makeWorld();
    await release(webObjects('v1', [configMap('gone'), configMap('taken'), configMap('kept')]), 'run-1');
    world.cluster.put(configMap('taken', { 'slipway.dev/application': 'another' }));

    await release(webObjects('v2', [configMap('kept')]), 'run-2', { prune: true });

    const names = world.cluster.all('ConfigMap').map(({ metadata }) => metadata.name);
    expect(names).toContain('kept');
    expect(names).toContain('taken');
    expect(names).not.toContain('gone');
  });

  it('prunes nothing when it is not asked to', async () => {
    makeWorld();
    await release(webObjects('v1', [configMap('gone')]), 'run-1');

    await release(webObjects('v2'), 'run-2');

    expect(world.cluster.all('ConfigMap').map(({ metadata }) => metadata.name)).toContain('gone');
  });

  it('keeps ten revisions and the configuration that they need', async () => {
    makeWorld();
    const versioned = (n: number) =>
      configMap(`web-${String(n)}`, { ...owned, 'slipway.dev/configuration': 'web' });
    for (let n = 1; n <= 13; n++)
      await release(webObjects(`v${String(n)}`, [versioned(n)]), `run-${String(n)}`);

    const history = await releaseHistory({ cluster: world.cluster, application }, { signal });
    expect(history.map(({ number }) => number)).toEqual([13, 12, 11, 10, 9, 8, 7, 6, 5, 4]);
    const names = world.cluster.all('ConfigMap').map(({ metadata }) => metadata.name);
    expect(names.filter((name) => /^web-\d+$/.test(name))).toHaveLength(10);
    expect(names.filter((name) => name.startsWith('slipway-release-web.'))).toHaveLength(10);
  });

  it('refuses two stages of a run that release different things under one name', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    const by = { runId: 'run-1', pipeline: 'web', stage: 'another', attempt: 1, who: 'test' };

    await expect(release(webObjects('v2'), 'run-1', { by })).rejects.toThrow(/both release web/);
  });

  it('tells the end again when the runner died between the end and the telling', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    const first = await release(webObjects('bad'), 'run-2');

    const again = await release(webObjects('bad'), 'run-2');

    expect(again).toMatchObject({ outcome: 'rolledBack', revision: first.revision, reason: first.reason });
  });

  it('lets a new version take the place of one whose runner died', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await dieMidway('v2');

    const result = await release(webObjects('v3'), 'run-3');

    expect(result.outcome).toBe('released');
    const history = await releaseHistory({ cluster: world.cluster, application }, { signal });
    expect(history.map(({ outcome }) => outcome)).toEqual(['released', 'superseded', 'released']);
  });

  it('turns back when it is cancelled', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    const controller = new AbortController();
    const cancelled = releaseObjects(
      requestOf(webObjects('v2'), 'run-2'),
      {
        cluster: world.cluster,
        clock: world.clock,
        report: {
          ...world.report,
          progress: async (phase) => {
            if (phase === 'progressing') controller.abort(new Error('stop'));
          },
        },
      },
      { signal: controller.signal },
    );

    await expect(cancelled).rejects.toThrow('stop');
    expect(image()).toBe('v1');
    expect(recordOf().history.at(-1)?.outcome).toBe('rolledBack');
  });
});

describe('rollbackRelease', () => {
  it('releases the revision before the one that serves, as a new one', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await release(webObjects('v2'), 'run-2');

    const result = await rollbackRelease(requestOf([], 'cli'), world, { signal });

    expect(result).toMatchObject({ outcome: 'released', revision: 3 });
    expect(image()).toBe('v1');
    const [entry] = await releaseHistory({ cluster: world.cluster, application }, { signal });
    expect(entry).toMatchObject({ number: 3, rollbackOf: 1 });
  });

  it('releases the revision that is asked for', async () => {
    makeWorld();
    for (const n of ['1', '2', '3']) await release(webObjects(`v${n}`), `run-${n}`);

    await rollbackRelease({ ...requestOf([], 'cli'), to: 1 }, world, { signal });

    expect(image()).toBe('v1');
  });

  it('says what there is when there is no such revision', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');

    const asked = rollbackRelease({ ...requestOf([], 'cli'), to: 9 }, world, { signal });

    await expect(asked).rejects.toMatchObject({
      message: 'web has no revision 9 to go back to',
      hint: /there are: 1/,
    });
  });

  it('takes back a release that was left half-way', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await dieMidway('v2');

    const result = await rollbackRelease(requestOf([], 'cli'), world, { signal });

    expect(result).toMatchObject({ outcome: 'rolledBack', stable: 1 });
    expect(image()).toBe('v1');
  });
});

describe('reconcileRelease', () => {
  it.each([
    ['continue', 'released', 'v2'],
    ['back', 'rolledBack', 'v1'],
  ] as const)('goes on (%s) with what a dead runner left', async (direction, outcome, served) => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await dieMidway('v2');

    const result = await reconcileRelease({ ...requestOf([], 'cli'), direction }, world, { signal });

    expect(result?.outcome).toBe(outcome);
    expect(image()).toBe(served);
  });

  it('has nothing to do when no release goes on', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');

    const result = await reconcileRelease({ ...requestOf([], 'cli'), direction: 'back' }, world, { signal });

    expect(result).toBeUndefined();
  });
});

describe('releaseStatus', () => {
  it('says what serves, and where a release stands that was left half-way', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await dieMidway('v2');

    const status = await releaseStatus(
      { cluster: world.cluster, clock: world.clock, application },
      { signal },
    );

    expect(status).toMatchObject({
      stable: { number: 1 },
      current: { revision: 2, phase: 'applying', entry: { runId: 'run-dead' } },
      holder: expect.stringContaining('run run-dead'),
      workloads: [{ reference: { name: 'web' } }],
    });
  });

  it('knows nothing of an application that was never released', async () => {
    makeWorld();

    expect(
      await releaseStatus({ cluster: world.cluster, clock: world.clock, application }, { signal }),
    ).toBeUndefined();
  });
});

describe('parseRecord', () => {
  it.each([
    ['{', /holds no release record/],
    ['{"formatVersion":2}', /newer Slipway/],
    ['{"formatVersion":1}', /is not a release record/],
    [undefined, /holds no release record/],
  ])('refuses %s', (text, message) => {
    makeWorld();

    expect(() => parseRecord(text, 'web')).toThrow(message);
  });
});

/** Releases with a runner that dies as soon as it has applied the Deployment: it calls the API no more. */
async function dieMidway(version: string): Promise<void> {
  const { clock, report } = world;
  let dead = false;
  const died = new Promise<void>((resolve) => {
    world.cluster.after = (verb, { kind }) => {
      if (verb !== 'apply' || kind !== 'Deployment') return;
      world.cluster.after = () => undefined;
      dead = true;
      resolve();
    };
  });
  const cluster = new Proxy(world.cluster, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) =>
        dead ? new Promise(() => undefined) : (value as (...all: unknown[]) => unknown).apply(target, args);
    },
  });
  void releaseObjects(requestOf(webObjects(version), 'run-dead'), { cluster, clock, report }, { signal });
  await died;
}

function recordOf() {
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
  const map = world.cluster.peek(reference) as unknown as { data: { record: string } };
  return parseRecord(map.data.record, 'web');
}
