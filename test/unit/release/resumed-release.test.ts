import { afterEach, describe, expect, it } from '@jest/globals';
import { LeaseLostError } from '../../../src/ports/leases.ts';
import { cancelRelease, releaseObjects } from '../../../src/release/release.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();
let world: World;
let zombie: ReturnType<typeof leasesOn>;
afterEach(() => {
  zombie.dispose();
  world.close();
});

const ownedBy = (fence: number) => ({ fence, confirm: () => Promise.resolve() });

/** A release of v2 by the first runner of a run, which is left half-way while its lease looks fresh. */
async function leaveMidway(rollback: 'auto' | 'never' = 'auto') {
  world = new World(() => 'ready');
  await releaseObjects(requestOf(webObjects('v1'), 'run-1'), world, { signal });
  let isLost = false;
  const midway = Promise.withResolvers<undefined>();
  const owner = {
    fence: 1,
    confirm: () => (isLost ? Promise.reject(new LeaseLostError('resumed elsewhere')) : Promise.resolve()),
  };
  const report = {
    ...world.report,
    progress: async (phase: string) => {
      if (phase !== 'progressing') return;
      isLost = true;
      midway.resolve(undefined);
      await new Promise(() => undefined); // it says no more, and its leases are renewed for ever
    },
  };
  const { cluster, clock } = world;
  zombie = leasesOn(cluster, clock);
  const ports = { cluster, clock, report, leases: zombie };
  const left = releaseObjects(requestOf(webObjects('v2'), 'run-2', { owner, rollback }), ports, { signal });
  left.catch(() => undefined);
  await midway.promise;
}

describe('a release that an earlier runner of the same run holds', () => {
  it('is resumed at once by the runner that has resumed the run, though its lease was not given back', async () => {
    await leaveMidway();
    const begun = world.clock.now();
    let resumedAt = Number.POSITIVE_INFINITY;
    const notice = async (_level: string, message: string) => {
      if (message.startsWith('resuming revision')) resumedAt = world.clock.now();
    };
    const ports = {
      ...{ cluster: world.cluster, clock: world.clock, leases: leasesOn(world.cluster, world.clock) },
      report: { ...world.report, notice },
    };

    const owner = ownedBy(2);
    const result = await releaseObjects(requestOf(webObjects('v2'), 'run-2', { owner }), ports, { signal });

    expect(result.outcome).toBe('released');
    expect(resumedAt - begun).toBeLessThan(2000);
  });

  it('is begun by no other run before its runner has noticed that its lease was deleted', async () => {
    await leaveMidway();
    const lease = world.cluster.all('Lease').find(({ metadata }) => metadata.name === 'slipway-release-web')!;
    const { apiVersion, kind, metadata } = lease;
    await world.cluster.delete({ apiVersion, kind, ...metadata }, { signal });
    const begun = world.clock.now();
    let appliedAt = Number.POSITIVE_INFINITY;
    const { cluster, clock } = world;
    cluster.before = (verb, { kind: of }) => {
      if (verb === 'apply' && of === 'Deployment') appliedAt = Math.min(appliedAt, clock.now());
    };

    const waited: unknown[][] = [];
    const progress = async (...all: unknown[]) => {
      if (all[0] === 'waiting') waited.push(all);
    };
    const report = { ...world.report, progress };

    const ports = { cluster, clock, report, leases: leasesOn(cluster, clock) };
    const result = await releaseObjects(requestOf(webObjects('v3'), 'run-3'), ports, { signal });

    expect(result.outcome).toBe('released');
    const why = 'the lease of web was deleted in the middle of a release; waiting for its runner to notice';
    expect(waited).toEqual([['waiting', why, []]]);
    expect(appliedAt - begun).toBeGreaterThanOrEqual(15_000);
  });

  it('is begun no sooner when a run that waits for its runner so is cancelled', async () => {
    await leaveMidway();
    const lease = world.cluster.all('Lease').find(({ metadata }) => metadata.name === 'slipway-release-web')!;
    const { apiVersion, kind, metadata } = lease;
    await world.cluster.delete({ apiVersion, kind, ...metadata }, { signal });
    const begun = world.clock.now();
    const { cluster, clock } = world;
    const cancel = new AbortController();
    const progress = async (phase: string) => {
      if (phase === 'waiting') cancel.abort(new Error('cancelled'));
    };
    const waiting = {
      cluster,
      clock,
      report: { ...world.report, progress },
      leases: leasesOn(cluster, clock),
    };

    const waited = releaseObjects(requestOf(webObjects('v3'), 'run-3'), waiting, { signal: cancel.signal });
    await expect(waited).rejects.toThrow('cancelled');

    expect(clock.now() - begun).toBeGreaterThanOrEqual(15_000);
  });

  it('is waited for by a runner of another run, whatever its fence', async () => {
    await leaveMidway();
    const { cluster, clock, report } = world;
    const ports = { cluster, clock, report, leases: leasesOn(cluster, clock) };

    const request = requestOf(webObjects('v3'), 'run-3', { owner: ownedBy(9), lockTimeoutMs: 5000 });

    await expect(releaseObjects(request, ports, { signal })).rejects.toThrow(
      'is being released by run run-2',
    );
  });
});

describe('a release that an earlier runner of a cancelled run has left', () => {
  const image = () => world.cluster.all<Workload>('Deployment')[0]?.spec.template?.spec.containers[0]?.image;
  const cancel = (runId: string) => {
    const { cluster, clock, report } = world;
    const ports = { cluster, clock, report, leases: leasesOn(cluster, clock) };
    return cancelRelease(requestOf([], runId, { owner: ownedBy(2) }), ports, { signal });
  };

  it('is rolled back at once by the runner that has resumed the run', async () => {
    await leaveMidway();
    const begun = world.clock.now();

    await cancel('run-2');

    expect(image()).toBe('v1');
    expect(world.told).toContain('rollingBack: the release was cancelled; rolling back to revision 1');
    expect(world.clock.now() - begun).toBeLessThan(20_000);
  });

  it('stays when rollback is never', async () => {
    await leaveMidway('never');

    await cancel('run-2');

    expect(image()).toBe('v2');
  });

  it('stays when it is another run’s, without waiting for its lease', async () => {
    await leaveMidway();
    const begun = world.clock.now();

    await cancel('run-3');

    expect(image()).toBe('v2');
    expect(world.clock.now()).toBe(begun);
  });

  it('is none when the release has ended', async () => {
    await leaveMidway();
    await cancel('run-2');

    await cancel('run-1');

    expect(image()).toBe('v1');
  });
});
