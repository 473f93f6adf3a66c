import { afterEach, describe, expect, it } from '@jest/globals';
import type { CallOptions } from '../../../src/ports/cluster.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { parseRecord } from '../../../src/release/record/release-record.ts';
import { releaseHistory, releaseStatus } from '../../../src/release/status.ts';
import { reconcileRelease, releaseObjects, rollbackRelease } from '../../../src/release/release.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import type { FakeCluster } from '../../fakes/cluster.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
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

  it('fails and says so when the first release fails: there is nothing to roll back to', async () => {
    makeWorld();

    const result = await release(webObjects('bad'), 'run-1');

    expect(result.outcome).toBe('failed');
    expect(result.reason).toMatch(/exit code 3.*first release, there is nothing to roll back to/);
  });

  it('rolls back to the released revision, not to a failed one in between', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await release(webObjects('bad-2'), 'run-2', { rollback: 'never' });

    const result = await release(webObjects('bad-3'), 'run-3');

    expect(result).toMatchObject({ outcome: 'rolledBack', stable: 1 });
    expect(image()).toBe('v1');
  });

  it('does not report again why it rolls back, when its last progress said it', async () => {
    world = new World((name) => (name === 'elsewhere' ? 'registryAway' : 'ready'));
    await release(webObjects('v1'), 'run-1');

    const { outcome, reason = '' } = await release(webObjects('elsewhere'), 'run-2');

    expect(outcome).toBe('rolledBack');
    expect(world.told.filter((line) => line.includes(reason))).toEqual([
      expect.stringMatching(/^progressing: .*\(/),
    ]);
    expect(world.told.filter((line) => line.endsWith('rolling back to revision 1'))).toHaveLength(1);
  });

  it('adopts what served before the first release, and rolls back to it', async () => {
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
    expect(world.told).toContainEqual(expect.stringContaining('stays at 5 replicas, set by another client'));
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

  it('is left where it stands when another runner has resumed the run', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    const controller = new AbortController();
    const report = {
      ...world.report,
      progress: async (phase: string) => {
        if (phase === 'progressing') controller.abort(new LeaseLostError('resumed elsewhere'));
      },
    };
    const left = releaseObjects(
      requestOf(webObjects('v2'), 'run-2'),
      { ...portsOf(world), report },
      { signal: controller.signal },
    );

    await expect(left).rejects.toThrow('resumed elsewhere');
    expect(image()).toBe('v2');
    expect(recordOf().current).toMatchObject({ revision: 2, state: { phase: 'progressing' } });
  });

  it('changes nothing after it was stopped for so long that another runner could release the application', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    const cluster = stoppable(world.cluster);
    const ports = { ...portsOf(world), cluster: cluster.seen, leases: leasesOn(cluster.seen, world.clock) };
    const stopped = releaseObjects(requestOf(webObjects('v2'), 'run-2'), ports, { signal });
    const outcome = stopped.catch((error: unknown) => error);
    await cluster.stopAt('apply');
    await release(webObjects('v3'), 'run-3');
    const callsBefore = world.cluster.calls.length;

    cluster.wake();

    expect(await outcome).toBeInstanceOf(LeaseLostError);
    expect(image()).toBe('v3');
    const written = world.cluster.calls.slice(callsBefore).filter((call) => !/^(get|list) |Lease/.test(call));
    // The call that was on its way when the runner was stopped is the last one.
    expect(written).toEqual([]);
  });

  it('rolls back when it is cancelled', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    const controller = new AbortController();
    const cancelled = releaseObjects(
      requestOf(webObjects('v2'), 'run-2'),
      {
        cluster: world.cluster,
        leases: world.leases,
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

describe('a release that is cancelled', () => {
  const cancelled = (rollback: 'auto' | 'never') => {
    const controller = new AbortController();
    const progress = async (phase: string) => {
      if (phase === 'progressing') controller.abort(new Error('stop'));
    };
    const { report } = world;
    return releaseObjects(
      requestOf(webObjects('v2'), 'run-2', { rollback }),
      { ...portsOf(world), report: { ...report, progress } },
      { signal: controller.signal },
    );
  };

  it('stays as it is when rollback is never', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');

    await expect(cancelled('never')).rejects.toThrow('stop');

    expect(image()).toBe('v2');
    expect(recordOf().current).toMatchObject({ revision: 2, state: { phase: 'progressing' } });
  });
});

describe('a release that is cancelled while its record is written', () => {
  it.each([1, 2, 3])('rolls back what write %i has begun, whose answer it does not hear', async (fatal) => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    const controller = new AbortController();
    let writes = 0;
    const cluster = new Proxy(world.cluster, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        const call = (value as (...all: unknown[]) => unknown).bind(target);
        if (name !== 'replace') return call;
        return async (object: KubernetesObject, options: CallOptions) => {
          const result = await call(object, options);
          if (object.kind === 'ConfigMap' && object.metadata.name === 'slipway-release-web') writes += 1;
          if (writes === fatal && !controller.signal.aborted) controller.abort(new Error('stop'));
          options.signal.throwIfAborted();
          return result;
        };
      },
    });

    const cancelled = releaseObjects(
      requestOf(webObjects('v2'), 'run-2'),
      { ...portsOf(world), cluster },
      { signal: controller.signal },
    );

    await expect(cancelled).rejects.toThrow('stop');
    expect(image()).toBe('v1');
    expect(recordOf().current).toBeUndefined();
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
      message: 'web has no revision 9 to roll back to',
      hint: 'revisions: 1; serving: 1',
    });
  });

  it('rolls back a release that was left half-way', async () => {
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
  ] as const)('resumes (%s) what a dead runner left', async (direction, outcome, served) => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await dieMidway('v2');

    const result = await reconcileRelease({ ...requestOf([], 'cli'), direction }, world, { signal });

    expect(result?.outcome).toBe(outcome);
    expect(image()).toBe(served);
  });

  it('leaves another release than the one that is meant alone', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await dieMidway('v2');

    const request = { ...requestOf([], 'cli'), direction: 'back', revision: 1 } as const;
    const result = await reconcileRelease(request, world, { signal });

    expect(result).toBeUndefined();
    expect(image()).toBe('v2');
  });

  it('has nothing to do when no release is in progress', async () => {
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

    const status = await releaseStatus({ ...portsOf(world), application }, { signal });

    expect(status).toMatchObject({
      stable: { number: 1 },
      current: { revision: 2, phase: 'applying', entry: { runId: 'run-dead' } },
      holder: expect.stringContaining('run run-dead'),
      workloads: [{ reference: { name: 'web' } }],
    });
  });

  it('says how a first release failed, and what is there of it', async () => {
    makeWorld();
    await release(webObjects('bad'), 'run-1');

    const status = await releaseStatus({ ...portsOf(world), application }, { signal });

    expect(status).toMatchObject({
      last: { number: 1, outcome: 'failed', reason: expect.stringContaining('crashes') },
      workloads: [{ reference: { name: 'web' }, problems: expect.anything() }],
    });
    expect(status?.workloads[0]?.problems[0]?.kind).toBe('crashLoop');
  });

  it('says that a release was rolled back, and looks at what serves', async () => {
    makeWorld();
    await release(webObjects('v1'), 'run-1');
    await release(webObjects('bad'), 'run-2');

    const status = await releaseStatus({ ...portsOf(world), application }, { signal });

    expect(status).toMatchObject({
      stable: { number: 1 },
      last: { number: 2, outcome: 'rolledBack' },
      workloads: [{ complete: true }],
    });
  });

  it('knows nothing of an application that was never released', async () => {
    makeWorld();

    expect(await releaseStatus({ ...portsOf(world), application }, { signal })).toBeUndefined();
  });
});

describe('parseRecord', () => {
  it.each([
    ['{', /holds no release record/],
    ['{"formatVersion":3}', /newer Slipway: its format is 3/],
    ['{"formatVersion":1}', /is not a release record/],
    [undefined, /holds no release record/],
  ])('refuses %s', (text, message) => {
    makeWorld();

    expect(() => parseRecord(text, 'web')).toThrow(message);
  });
});

function portsOf({ cluster, leases, clock, report }: World) {
  return { cluster, leases, clock, report };
}

/** A cluster whose answers are held back, as in a process that is stopped. */
function stoppable(cluster: FakeCluster) {
  let gate = Promise.resolve();
  let open = (): void => undefined;
  let stopVerb: string | undefined;
  const stopped = Promise.withResolvers<undefined>();
  const seen = new Proxy(cluster, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || name === 'watch') return value;
      return async (...args: unknown[]) => {
        await gate;
        const result: unknown = await (value as (...all: unknown[]) => unknown).apply(target, args);
        if (name === stopVerb) {
          stopVerb = undefined;
          gate = new Promise((resolve) => (open = resolve));
          stopped.resolve(undefined);
        }
        await gate;
        return result;
      };
    },
  });
  return {
    seen,
    stopAt: (verb: string) => {
      stopVerb = verb;
      return stopped.promise;
    },
    wake: () => open(),
  };
}

describe('a record of format 1', () => {
  const entry = {
    ...{ outcome: 'unfinished', strategy: 'rolling', runId: 'run-dead', pipeline: 'web', stage: 'deploy' },
    ...{ attempt: 1, who: 'old', startedAt: 1, images: {}, workloads: [], configuration: [] },
  };
  const objects = webObjects('v1').map(({ apiVersion, kind, metadata: { name } }) => ({
    ...{ apiVersion, kind, name, namespace: 'shop' },
  }));
  const old = {
    formatVersion: 1,
    application: 'web',
    namespace: 'shop',
    stable: 1,
    history: [
      { ...entry, number: 1, outcome: 'released', objects },
      { ...entry, number: 2, objects },
    ],
    current: {
      revision: 2,
      strategy: { name: 'rolling', restartLimit: 3 },
      phase: 'applying',
      phaseStartedAt: 1,
      timeoutMs: 60_000,
      rollback: 'auto',
      stable: 1,
      generations: {},
      prune: true,
      force: false,
    },
    replicas: {},
  };

  it('is read: the settings go with the revision, the phase begins its time anew', () => {
    makeWorld();

    const record = parseRecord(JSON.stringify(old), 'web');

    expect(record).toMatchObject({
      formatVersion: 2,
      current: { revision: 2, stable: 1, state: { phase: 'applying' }, phaseSpentMs: 0 },
    });
    expect(record.history[1]?.settings).toEqual({
      strategy: { restartLimit: 3 },
      timeoutMs: 60_000,
      rollback: 'auto',
      prune: true,
      force: false,
    });
  });

  it('is resumed', async () => {
    makeWorld();
    const data = (value: object) => ({
      data: { [Array.isArray(value) ? 'objects' : 'record']: JSON.stringify(value) },
    });
    const map = (name: string, value: object) =>
      world.cluster.put({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'shop' },
        ...data(value),
      });
    map('slipway-release-web', old);
    map('slipway-release-web.1', webObjects('v1'));
    map('slipway-release-web.2', webObjects('v2'));

    const result = await reconcileRelease({ ...requestOf([], 'cli'), direction: 'continue' }, world, {
      signal,
    });

    expect(result).toMatchObject({ outcome: 'released', revision: 2 });
    expect(image()).toBe('v2');
    expect(recordOf().formatVersion).toBe(2);
  });

  it('of a newer Slipway ends with exit code 2 and the version', () => {
    makeWorld();

    expect(() => parseRecord(JSON.stringify({ ...old, formatVersion: 7 }), 'web')).toThrow(
      expect.objectContaining({ fault: 'input', message: expect.stringContaining('its format is 7') }),
    );
  });
});

describe('the time of a phase', () => {
  it('is kept in spans, and continues where the runner before left it, whatever its wall clock said', async () => {
    world = new World((name) => (name === 'v2' ? 'never' : 'ready'));
    await release(webObjects('v1'), 'run-1');
    const { clock } = world;
    const first = world.runner();
    const dead = new AbortController();
    const held = new Proxy(first.cluster, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          dead.signal.aborted
            ? new Promise(() => undefined)
            : (value as (...all: unknown[]) => unknown).apply(target, args);
      },
    });
    const request = requestOf(webObjects('v2'), 'run-2', { timeoutMs: 300_000 });
    void releaseObjects(
      request,
      { ...portsOf(world), cluster: held, leases: leasesOn(held, clock) },
      { signal },
    );
    await clock.sleep(200_000, { signal });
    dead.abort();
    clock.wallShiftMs = -86_400_000;
    await clock.sleep(1_000_000, { signal });
    const begunMs = clock.monotonicMs();

    const result = await releaseObjects(request, world, { signal });

    expect(result).toMatchObject({
      outcome: 'rolledBack',
      reason: expect.stringMatching(/not done within 300 s/),
    });
    // At most the minute that was not written, and 15 s for the lease of the dead runner, are spent again.
    expect(clock.monotonicMs() - begunMs).toBeLessThan(300_000 - 200_000 + 60_000 + 40_000);
    expect(clock.monotonicMs() - begunMs).toBeGreaterThan(90_000);
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
  const ports = { cluster, leases: leasesOn(cluster, clock), clock, report };
  void releaseObjects(requestOf(webObjects(version), 'run-dead'), ports, { signal });
  await died;
}

function recordOf() {
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
  const map = world.cluster.peek(reference) as unknown as { data: { record: string } };
  return parseRecord(map.data.record, 'web');
}
