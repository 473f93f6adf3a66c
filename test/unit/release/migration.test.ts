import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { answerAnnotation } from '../../../src/kubernetes/hold-mark.ts';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { RejectedError } from '../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { referenceOf } from '../../../src/kubernetes/workload-objects.ts';
import { migrationAgain } from '../../../src/release/migration.ts';
import { ReleaseStore } from '../../../src/release/record/release-store.ts';
import { answerRelease } from '../../../src/release/answer.ts';
import { releaseObjects, rollbackRelease } from '../../../src/release/release.ts';
import { releaseStatus } from '../../../src/release/status.ts';
import { cases } from '../../support/cases.ts';
import { liveState, servedObjects } from './blue-green-world.ts';
import { applicationIn, migratingRequest, migrationOf, runJobs } from './migration-world.ts';
import { faultsAt, recordOf, releaseThrough } from './release-courses.ts';
import { requestOf, World, type Fault } from './release-world.ts';

const { signal } = new AbortController();
const ways = [
  ['rolling', {}],
  ['blueGreen', { scaleDownDelay: '1s' }],
  ['canary', { steps: [{ replicas: 1 }, { pause: '1s' }] }],
] as const;
let world: World;

beforeEach(() => {
  world = new World(() => 'ready');
});
afterEach(() => world.close());

const release = (request: Parameters<typeof releaseObjects>[0]) =>
  world.clock.unlessStopped(releaseObjects(request, world, { signal }));
const jobNames = () => world.cluster.all('Job').map(({ metadata }) => metadata.name);
const secretNames = () =>
  world.cluster
    .all('Secret')
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith('database-'));

describe.each(ways)('the migration of a release by %s', (strategy, way) => {
  it('completes before anything else of the release is written', async () => {
    const watch = runJobs(world);
    await release(requestOf(servedObjects('v1'), 'run-v1'));
    const before = applicationIn(world);
    let atEnd: unknown;
    void world.clock.sleep(2900, { signal }).then(() => {
      atEnd = applicationIn(world).filter(({ metadata }) => metadata.name !== 'database-v2');
    });

    const result = await release(migratingRequest('v2', { strategy, way }));

    expect(result.outcome).toBe('released');
    expect(atEnd).toEqual(before);
    expect(watch.made).toEqual(['migrate-v2']);
    expect(liveState(world).image).toBe('v2');
    expect(jobNames()).toEqual(['migrate-v2']);
    expect(secretNames()).toEqual([]);
  });

  it('that fails ends it with nothing changed, whatever rollback says', async () => {
    runJobs(world, { 'migrate-v2': { end: 'Failed' } });
    await release(requestOf(servedObjects('v1'), 'run-v1'));
    const before = applicationIn(world);

    const result = await release(migratingRequest('v2', { strategy, way, rollback: 'never' }));

    expect(result).toMatchObject({
      ...{ outcome: 'rolledBack', revision: 2, stable: 1 },
      reason: 'the migration failed, so nothing was changed: Job migrate-v2 failed: BackoffLimitExceeded',
    });
    expect(applicationIn(world)).toEqual(before);
    // With its logs, for a person to look at.
    expect(jobNames()).toEqual(['migrate-v2']);
    expect(recordOf(world)).toMatchObject({ stable: 1 });
  });

  it('is run once, and the release comes to its end, whichever call its runner dies at', async () => {
    await release(requestOf(servedObjects('v1'), 'run-v1'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ faults: faultsAt(fc.nat({ max: 60 })) }), { maxLength: 3 }),
        async (befalls) => {
          const own = new World(() => 'ready');
          try {
            const watch = runJobs(own);
            await releaseThrough(own, requestOf(servedObjects('v1'), 'run-v1'));
            const result = await releaseThrough(own, migratingRequest('v2', { strategy, way }), befalls);
            expect(result?.outcome).toBe('released');
            expect(watch.made).toEqual(['migrate-v2']);
          } finally {
            own.close();
          }
        },
      ),
      { numRuns: cases(60) },
    );
  }, 120_000);
});

describe('whatever befalls the runners of a release, and however its Job ends', () => {
  const befalls = fc.array(
    fc.record({
      faults: faultsAt(fc.nat({ max: 60 })),
      abortMs: fc.option(fc.nat({ max: 8000 }), { nil: undefined }),
    }),
    { maxLength: 3 },
  );
  const ends = fc.constantFrom('Complete', 'Failed', 'never' as const);

  it.each(ways)(
    'by %s: one Job is made, it does not outlast the release, and nothing changes before it is complete',
    async (strategy, way) => {
      await fc.assert(
        fc.asyncProperty(befalls, ends, async (courses, end) => {
          const own = new World(() => 'ready');
          try {
            const watch = runJobs(own, { 'migrate-v2': { end } });
            await releaseThrough(own, requestOf(servedObjects('v1'), 'run-v1'));
            const before = applicationIn(own);

            const result = await releaseThrough(own, migratingRequest('v2', { strategy, way }), courses);

            expect(watch.made.length).toBeLessThanOrEqual(1);
            expect(recordOf(own).current).toBeUndefined();
            expect(own.cluster.all('Job').filter((job) => job['status'] === undefined)).toEqual([]);
            if (result?.outcome === 'released') expect(end).toBe('Complete');
            expect(liveState(own).image).toBe(result?.outcome === 'released' ? 'v2' : 'v1');
            if (end !== 'Complete') expect(applicationIn(own)).toEqual(before);
          } finally {
            own.close();
          }
        }),
        { numRuns: cases(60) },
      );
    },
    120_000,
  );
});

describe('the runner of a release that dies at a call', () => {
  const types = ['diesBefore', 'diesAfter'] as const;

  it.each(types)(
    '%s: whichever it is, the next runner runs no Job again, and applies after it',
    async (type) => {
      for (let at = 0; at < 45; at += 1) {
        const own = new World(() => 'ready');
        const watch = runJobs(own);
        await releaseThrough(own, requestOf(servedObjects('v1'), 'run-v1'));
        const faults: Fault[] = [{ at, type }];
        const result = await releaseThrough(own, migratingRequest('v2'), [{ faults }]);
        own.close();

        expect({ at, outcome: result?.outcome, made: watch.made }).toEqual({
          ...{ at, outcome: 'released', made: ['migrate-v2'] },
        });
      }
    },
  );
});

describe('a release whose migration runs', () => {
  /** Begins a release whose Job never ends, and waits until it runs. */
  async function migrating(more: { first?: boolean; rollback?: 'never' } = {}) {
    const watch = runJobs(world, { 'migrate-v2': { end: 'never' } });
    if (more.first !== true) await release(requestOf(servedObjects('v1'), 'run-v1'));
    const before = applicationIn(world);
    const controller = new AbortController();
    const { rollback = 'auto' } = more;
    const running = releaseObjects(migratingRequest('v2', { rollback }), world, {
      signal: controller.signal,
    });
    running.catch(() => undefined);
    await world.clock.sleep(5000, { signal });
    expect(jobNames()).toEqual(['migrate-v2']);
    return { watch, before, controller, running };
  }

  it.each([{}, { rollback: 'never' as const }, { first: true }])(
    'leaves nothing of it when it is cancelled: %j',
    async (more) => {
      const { before, controller, running } = await migrating(more);

      controller.abort(new Error('cancelled'));

      await expect(world.clock.unlessStopped(running)).rejects.toThrow('cancelled');
      expect(jobNames()).toEqual([]);
      expect(applicationIn(world)).toEqual(before);
      expect(recordOf(world).current).toBeUndefined();
      expect(recordOf(world).history.at(-1)?.outcome).toBe(more.first === true ? 'failed' : 'rolledBack');
    },
  );

  it('is aborted by a person, who writes to the Job', async () => {
    const { running } = await migrating();
    const { cluster } = world;

    await answerRelease({ cluster, application: 'web', namespace: 'shop', answer: 'abort' }, { signal });

    const job = cluster.peek(migrationOf('v2').job);
    expect(job?.metadata.annotations).toEqual({ [answerAnnotation]: '2 abort' });
    expect(await world.clock.unlessStopped(running)).toMatchObject({
      ...{ outcome: 'rolledBack', stable: 1 },
      reason: 'aborted by a person while it was migrating; nothing was changed',
    });
    expect(jobNames()).toEqual([]);
  });

  it('takes no promotion', async () => {
    const { running, controller } = await migrating();
    const promote = {
      cluster: world.cluster,
      application: 'web',
      namespace: 'shop',
      answer: 'promote',
    } as const;

    await expect(answerRelease(promote, { signal })).rejects.toThrow('it is in phase migrating');
    controller.abort(new Error('over'));
    await running.catch(() => undefined);
  });

  it('shows the Job', async () => {
    const { running, controller } = await migrating();

    const { cluster, leases, clock } = world;
    const application = { name: 'web', namespace: 'shop' };
    const status = await releaseStatus({ cluster, leases, clock, application }, { signal });

    expect(status?.current?.phase).toBe('migrating');
    expect(status?.workloads.map(({ reference }) => reference.name)).toEqual(['migrate-v2']);
    controller.abort(new Error('over'));
    await running.catch(() => undefined);
  });

  it('makes way for the release of another run when its runner has died: one migration at a time', async () => {
    const { watch, controller, running } = await migrating();
    controller.abort(new LeaseLostError('the runner died'));
    await running.catch(() => undefined);
    expect(jobNames()).toEqual(['migrate-v2']);

    const result = await release(migratingRequest('v3'));

    expect(result).toMatchObject({ outcome: 'released', revision: 3 });
    expect(watch).toEqual({ made: ['migrate-v2', 'migrate-v3'], mostAtOnce: 1 });
    expect(jobNames()).toEqual(['migrate-v3']);
    expect(recordOf(world).history.map(({ outcome }) => outcome)).toEqual([
      ...['released', 'rolledBack', 'released'],
    ]);
  });

  it('fails when the Job is not complete in time', async () => {
    const { running } = await migrating();

    expect(await world.clock.unlessStopped(running)).toMatchObject({
      outcome: 'rolledBack',
      reason: expect.stringContaining('Job migrate-v2 did not complete within 60 s'),
    });
    expect(jobNames()).toEqual([]);
  });

  it('fails when somebody deletes the Job', async () => {
    const { running } = await migrating();

    await world.cluster.delete(migrationOf('v2').job, { signal });

    expect(await world.clock.unlessStopped(running)).toMatchObject({
      outcome: 'rolledBack',
      reason: expect.stringContaining('Job migrate-v2 does not exist: it was deleted'),
    });
  });
});

describe('the next migration', () => {
  it('begins when the pods of the one before have ended', async () => {
    runJobs(world);
    await release(migratingRequest('v1'));
    const [job] = world.cluster.all('Job');
    const labels = { ...job?.metadata.labels };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'migrate-v1-a', namespace: 'shop', labels },
    };
    world.cluster.put(pod);
    const endsAt = world.clock.now() + 20_000;
    void world.clock
      .sleep(20_000, { signal })
      .then(() => world.cluster.delete({ ...pod, ...pod.metadata }, { signal }));
    let madeAt = 0;
    const { after } = world.cluster;
    world.cluster.after = (verb, reference) => {
      if (verb === 'create' && reference.kind === 'Job') madeAt = world.clock.now();
      after(verb, reference);
    };

    expect(await release(migratingRequest('v2'))).toMatchObject({ outcome: 'released' });

    expect(madeAt).toBeGreaterThanOrEqual(endsAt);
    expect(jobNames()).toEqual(['migrate-v2']);
  });
});

describe('a migration that the API refuses', () => {
  it.each(['auto', 'never'] as const)(
    'ends the release with nothing changed: rollback %s',
    async (rollback) => {
      await release(requestOf(servedObjects('v1'), 'run-v1'));
      const before = applicationIn(world).length;
      world.cluster.before = (verb, { kind }) => {
        if (verb === 'create' && kind === 'Job') throw new RejectedError('denied by a webhook');
      };

      expect(await release(migratingRequest('v2', { rollback }))).toMatchObject({
        outcome: 'rolledBack',
        reason: 'the migration could not be started, so nothing was changed: denied by a webhook',
      });
      expect(applicationIn(world).filter(({ metadata }) => metadata.name !== 'database-v2')).toHaveLength(
        before,
      );
      expect(liveState(world).image).toBe('v1');
    },
  );

  it('is none of a Job of the same name that somebody else has made', async () => {
    world.cluster.put({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'migrate-v1', namespace: 'shop' },
    });

    expect(await release(migratingRequest('v1'))).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining("Job shop/migrate-v1 is there already, and none of this release's"),
    });
  });
});

describe('a rollback to a revision that has migrated', () => {
  it('runs no migration', async () => {
    const watch = runJobs(world);
    await release(migratingRequest('v1'));
    await release(migratingRequest('v2'));

    const back = rollbackRelease({ ...requestOf([], 'run-back') }, world, { signal });

    expect(await world.clock.unlessStopped(back)).toMatchObject({ outcome: 'released', to: 1 });
    expect(watch.made).toEqual(['migrate-v1', 'migrate-v2']);
    expect(liveState(world).image).toBe('v1');
  });
});

describe('the migration of a revision that is released again', () => {
  const before = '0123456789';
  /** v1 with a Job that hangs until its time is over, whose pods refer to a copy of a Secret. */
  async function failed() {
    const { objects, timeoutMs } = migrationOf('v1');
    const named = JSON.parse(
      JSON.stringify(objects)
        .replaceAll('-v1"', `-${before}"`)
        .replace(
          '"restartPolicy"',
          `"volumes":[{"secret":{"secretName":"database-${before}"}}],"restartPolicy"`,
        ),
    ) as KubernetesObject[];
    const job = referenceOf(named.at(-1)!);
    runJobs(world, { [job.name]: { end: 'never' } });
    const request = { ...migratingRequest('v1'), migration: { objects: named, job, timeoutMs } };
    expect(await release(request)).toMatchObject({ outcome: 'failed' });
    const [entry] = recordOf(world).history;
    return {
      entry: entry!,
      store: new ReleaseStore(world.cluster, 'web', 'shop'),
    };
  }

  it('has names of its own, and is kept though it was stopped', async () => {
    const { entry, store } = await failed();

    const again = await migrationAgain(entry, store, { signal });

    const after = again?.job.name.replace('migrate-', '');
    expect(after).toMatch(/^[0-9a-f]{10}$/);
    expect(again?.objects.map(({ metadata }) => metadata.name)).toEqual([
      `database-${after}`,
      `migrate-${after}`,
    ]);
    expect(JSON.stringify(again)).not.toContain(before);
    expect(await release({ ...migratingRequest('v2'), migration: again! })).toMatchObject({
      outcome: 'released',
    });
  });

  it('is none where it had none, and refused where it is gone', async () => {
    const { entry, store } = await failed();
    await store.removeMigration(1, { signal });

    await expect(migrationAgain(entry, store, { signal })).rejects.toThrow(
      'the objects of the migration of revision 1 are gone',
    );
    const { migration: _, ...without } = entry;
    expect(await migrationAgain(without, store, { signal })).toBeUndefined();
  });
});

describe('a Job that is made late, by a request that the network held back', () => {
  it('has no owner any more, so that the cluster removes it', async () => {
    const watch = runJobs(world, { 'migrate-v1': { end: 'never' } });
    let late: KubernetesObject | undefined;
    world.cluster.onStore = (object) => {
      if (object.kind === 'Job') late = object;
    };
    await release(migratingRequest('v1', { timeoutMs: 1000 }));
    expect(watch.made).toEqual(['migrate-v1']);

    const [owner] = late?.metadata.ownerReferences ?? [];

    const kept = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: 'slipway-release-web.1.migration',
      namespace: 'shop',
    };
    expect(owner?.name).toBe(kept.name);
    expect(world.cluster.peek(kept)?.metadata.uid).not.toBe(owner?.uid);
  });
});
