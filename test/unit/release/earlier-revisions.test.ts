import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { LeaseLostError, type LeaseRequest } from '../../../src/ports/leases.ts';
import type { ReleaseRecord } from '../../../src/release/record/release-record.ts';
import { ReleaseStore } from '../../../src/release/record/release-store.ts';
import {
  cancelRelease,
  reconcileRelease,
  releaseObjects,
  rollbackRelease,
  rollBackReleased,
} from '../../../src/release/release.ts';
import { requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;

beforeEach(() => {
  world = new World((image) => (image.includes('bad') ? 'crash' : 'ready'));
});

afterEach(() => {
  world.close();
});

const image = () => world.cluster.all<Workload>('Deployment')[0]?.spec.template?.spec.containers[0]?.image;

const record = async () => (await new ReleaseStore(world.cluster, 'web', 'shop').load({ signal }))!.record;

const release = (version: string, more: Parameters<typeof requestOf>[2] = {}) =>
  releaseObjects(requestOf(webObjects(version), `run-${version}`, more), world, { signal });

/** Releases a version whose runner leaves it in this phase. */
async function leave(version: string, phaseOfEnd = 'progressing'): Promise<void> {
  const left = new AbortController();
  const progress = async (phase: string) => {
    if (phase === phaseOfEnd) left.abort(new LeaseLostError('left'));
  };
  const ports = { ...portsOf(), report: { ...world.report, progress } };
  const ended = releaseObjects(requestOf(webObjects(version), `run-${version}`), ports, left);
  await expect(ended).rejects.toThrow('left');
}

function portsOf() {
  const { cluster, clock, leases, report } = world;
  return { cluster, clock, leases, report };
}

const rollBackTo = (to?: number) =>
  rollbackRelease({ ...requestOf([], 'cli'), ...defined({ to }) }, world, { signal });

describe('a rollback by hand', () => {
  it('releases a named revision, though another release was left in the middle', async () => {
    await release('v1');
    await release('v2');
    await leave('v3');

    expect(await rollBackTo(1)).toMatchObject({ outcome: 'released', revision: 4 });

    expect(image()).toBe('v1');
    expect(world.told).toContain(
      'warning: revision 3 of web (run run-v3) was left in phase progressing; the new revision takes its place',
    );
    expect((await record()).history.map(({ outcome }) => outcome)).toEqual([
      ...['released', 'released', 'superseded', 'released'],
    ]);
  });

  it('of a release that was left in the middle says who asked for it, and that it was resumed', async () => {
    await release('v1');
    await leave('v2');

    expect(await rollBackTo()).toMatchObject({ outcome: 'rolledBack', reason: 'rolled back by test' });

    expect(world.told).toContain('info: resuming revision 2 of web in phase progressing');
    expect(world.told).toContain('rollingBack: rolled back by test; rolling back to revision 1');
  });

  it('knows the revisions that have served', async () => {
    await release('v1');
    await release('v2');
    await release('bad');

    await expect(rollBackTo(3)).rejects.toMatchObject({
      message: 'web has no revision 3 to roll back to',
      hint: 'revisions: 1, 2; serving: 2',
    });
  });

  it('has nothing to go back to after the first release', async () => {
    await release('v1');

    await expect(rollBackTo()).rejects.toMatchObject({
      message: 'web has no earlier revision to roll back to',
      hint: 'revisions: 1; serving: 1',
    });
  });

  it('has nothing to go back to before the first release', async () => {
    await expect(rollBackTo()).rejects.toMatchObject({
      message: 'web has no earlier revision to roll back to',
      hint: 'nothing has been released yet',
    });
  });
});

describe('the rollback of what a run has released', () => {
  const back = (by = { runId: 'run-v2', stage: 'verify' }, options = { signal }, report = world.report) => {
    const request = requestOf([], by.runId);
    const own = { ...request.by, ...by };
    return rollBackReleased({ ...request, by: own, revision: 2 }, { ...portsOf(), report }, options);
  };

  it('releases the revision before it, and says which', async () => {
    await release('v1');
    await release('v2');

    expect(await back()).toEqual({ outcome: 'released', revision: 3, stable: 3, to: 1 });

    expect(image()).toBe('v1');
  });

  it('is none where something else serves by now', async () => {
    await release('v1');
    await release('v2');
    await release('v3');

    expect(await back()).toEqual({ outcome: 'kept', reason: 'revision 3 is serving by now' });

    expect(image()).toBe('v3');
  });

  it('is told again when its runner died after the end', async () => {
    await release('v1');
    await release('v2');
    const first = await back();

    expect(await back()).toEqual(first);
  });

  it('is resumed by the next runner of the run', async () => {
    await release('v1');
    await release('v2');
    const left = new AbortController();
    const progress = async (phase: string) => {
      if (phase === 'progressing') left.abort(new LeaseLostError('left'));
    };
    await expect(back(undefined, left, { ...world.report, progress })).rejects.toThrow('left');

    expect(await back()).toMatchObject({ outcome: 'released', revision: 3, to: 1 });
  });
});

describe('a release that is resumed', () => {
  it('is its new runner’s by the record, before anything else is done', async () => {
    await release('v1');
    await leave('v2');
    const before = (await record()).current?.owner;
    let after: string | undefined;
    const progress = async () => void (after ??= (await record()).current?.owner);

    const request = { ...requestOf([], 'cli'), direction: 'continue' } as const;
    await reconcileRelease(request, { ...portsOf(), report: { ...world.report, progress } }, { signal });

    expect(before).toMatch(/^run run-v2, /);
    expect(after).toMatch(/^run cli, /);
  });

  it('goes back where somebody asks for it, who is named', async () => {
    await release('v1');
    await leave('v2');

    const request = { ...requestOf([], 'cli'), direction: 'back' } as const;

    expect(await reconcileRelease(request, world, { signal })).toMatchObject({
      outcome: 'rolledBack',
      reason: 'rolled back by test',
    });
  });
});

describe('the cancellation of what a run has left', () => {
  const cancel = (acquired: (request: LeaseRequest) => Promise<void> = async () => undefined) => {
    const { leases } = world;
    const watched = {
      find: leases.find.bind(leases),
      acquire: async (...[request, options]: Parameters<typeof leases.acquire>) => {
        const lease = await leases.acquire(request, options);
        await acquired(request);
        return lease;
      },
    };
    return cancelRelease(requestOf([], 'run-v2'), { ...portsOf(), leases: watched }, { signal });
  };

  it('is none of an application that was never released, and takes no lease', async () => {
    await cancel();

    expect(world.cluster.all('Lease')).toEqual([]);
  });

  it('leaves alone what another run has begun while it waited for the lease', async () => {
    await release('v1');
    await leave('v2');

    await cancel(async () => {
      const store = new ReleaseStore(world.cluster, 'web', 'shop');
      const stored = (await store.load({ signal }))!;
      const history = stored.record.history.map((entry) => ({ ...entry, runId: 'run-v3' }));
      await store.save(stored, { ...stored.record, history } satisfies ReleaseRecord, { signal });
    });

    expect(image()).toBe('v2');
    expect((await record()).current).toMatchObject({ state: { phase: 'progressing' } });
  });
});

describe('a release that is cancelled by an abort', () => {
  it('ends with the reason of the abort, whatever else has gone wrong with it', async () => {
    const abort = new AbortController();
    const progress = async (phase: string) => {
      if (phase !== 'progressing') return;
      abort.abort(new Error('stop'));
      throw new Error('the terminal is gone');
    };
    const ports = { ...portsOf(), report: { ...world.report, progress } };

    await expect(releaseObjects(requestOf(webObjects('v1'), 'run-v1'), ports, abort)).rejects.toThrow('stop');
  });
});

describe('a Deployment that another release holds', () => {
  const heldDeployment = () => {
    const [deployment] = webObjects('v1');
    const mark = { revision: 9, step: 'waiting', since: '', end: 'pipeline release abort web', before: {} };
    const annotations = { 'slipway.dev/hold': JSON.stringify(mark) };
    const { metadata, ...rest } = deployment as Workload;
    world.cluster.put({
      ...rest,
      metadata: { ...metadata, annotations },
      spec: { ...rest.spec, paused: true },
    });
  };

  it('is no rolling release’s to take', async () => {
    heldDeployment();

    await expect(release('v1', { force: true })).rejects.toThrow(/held/);
    expect(image()).toBe('v1');
  });
});

describe('the first release', () => {
  it('adopts nothing where one has failed before it', async () => {
    await release('bad');

    expect(await release('v1')).toEqual({ outcome: 'released', revision: 2, stable: 2 });

    expect((await record()).history.map(({ outcome }) => outcome)).toEqual(['failed', 'released']);
  });

  it('adopts what is there as a revision that no run has released', async () => {
    await world.cluster.apply(webObjects('by-hand')[0]!, { signal, fieldManager: 'kubectl' });
    for (let i = 0; i < 100; i++) world.deployments.step();

    await release('v1', { force: true });

    const [adopted] = (await record()).history;
    const nobody = { runId: '', pipeline: '', stage: '', attempt: 0, who: '' };
    expect(adopted).toMatchObject({ number: 1, outcome: 'adopted', ...nobody });
  });
});
