import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { LeaseLostError, type Lease } from '../../../src/ports/leases.ts';
import { acquireReleaseLease } from '../../../src/release/release-lease.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import type { ReleasePorts } from '../../../src/release/session.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { requestOf, webObjects, World } from './release-world.ts';

const { signal } = new AbortController();
const recordName = 'slipway-release-web';
let world: World;

beforeEach(() => {
  world = new World((image) => (image.includes('bad') ? 'crash' : 'ready'));
});

afterEach(() => {
  world.close();
});

const image = () => world.cluster.all<Workload>('Deployment')[0]?.spec.template?.spec.containers[0]?.image;

const record = () => {
  const map = { apiVersion: 'v1', kind: 'ConfigMap', name: recordName, namespace: 'shop' };
  const { data } = world.cluster.peek(map) as unknown as { data: { record: string } };
  return JSON.parse(data.record) as { current?: { state: { phase: string } } };
};

const release = (
  version: string,
  more: Parameters<typeof requestOf>[2] = {},
  ports: Partial<ReleasePorts> = {},
  options = { signal },
) =>
  releaseObjects(
    requestOf(webObjects(version), `run-${version}`, more),
    { cluster: world.cluster, clock: world.clock, leases: world.leases, report: world.report, ...ports },
    options,
  );

/** Leases that are held for good, but for what a test says. */
function leasesWith(lease: Partial<Lease>): ReleasePorts['leases'] {
  const held: Lease = {
    ...{ holder: 'run-1', fence: 1, isNew: false, durationMs: 15_000, leaseLost: signal },
    confirm: async () => undefined,
    release: async () => undefined,
    ...lease,
  };
  return { acquire: async () => held, find: async () => undefined };
}

/** Reports that call `when` when a phase is told. */
function reporting(when: (phase: string, message: string) => void): ReleasePorts['report'] {
  return { ...world.report, progress: async (phase, message) => when(phase, message) };
}

describe('what a release says of what it waits for', () => {
  it('is that the cluster does not answer, once for each call', async () => {
    let isAway = true;
    world.cluster.before = (verb, { kind, name }) => {
      if (isAway && verb === 'get' && kind === 'ConfigMap' && name === recordName)
        throw new UnreachableError('connection refused');
    };
    void world.clock.sleep(9000, { signal }).then(() => (isAway = false));

    expect((await release('v1')).outcome).toBe('released');

    const warned = 'warning: the cluster does not answer, trying again: connection refused';
    expect(world.told.filter((line) => line.startsWith('warning'))).toEqual([warned]);
  });

  it('is the runner that holds the application', async () => {
    const request = { leases: leasesOn(world.cluster, world.clock), namespace: 'shop', application: 'web' };
    const other = await acquireReleaseLease(
      { ...request, holder: 'run 7', waitMs: 0, onWait: async () => undefined },
      { signal },
    );
    const tracks: unknown[] = [];
    const report = {
      ...world.report,
      progress: async (phase: string, message: string, shown: readonly unknown[]) => {
        world.told.push(`${phase}: ${message}`);
        if (phase !== 'waiting') return;
        tracks.push(...shown);
        await other.release({ signal });
      },
    };

    expect((await release('v1', {}, { report })).outcome).toBe('released');

    expect(world.told[0]).toBe('waiting: web is being released by run 7; waiting for it');
    expect(tracks).toEqual([]);
  });

  it('is nothing where no release was in progress when its lease was made', async () => {
    const begunMs = world.clock.monotonicMs();

    await release('v1');

    expect(world.told.filter((line) => line.startsWith('waiting'))).toEqual([]);
    expect(world.clock.monotonicMs() - begunMs).toBeLessThan(15_000);
  });

  it('is a lease that cannot be given back; what was released stands', async () => {
    const leases = leasesWith({ release: () => Promise.reject(new Error('no answer')) });

    expect((await release('v1', {}, { leases })).outcome).toBe('released');
    expect(world.told).toContain('warning: the lease of web could not be released: no answer');
  });
});

describe('a write of a release', () => {
  const lost = () => Promise.reject(new LeaseLostError('taken over'));

  it('is not sent when the lease is another’s', async () => {
    await expect(release('v1', {}, { leases: leasesWith({ confirm: lost }) })).rejects.toThrow('taken over');

    expect(world.cluster.all('ConfigMap')).toEqual([]);
  });

  it('is not sent when the run is another runner’s', async () => {
    const owner = { fence: 1, confirm: lost };

    await expect(release('v1', { owner }, { leases: leasesWith({}) })).rejects.toThrow('taken over');

    expect(world.cluster.all('ConfigMap')).toEqual([]);
  });

  it.each([
    [999, 1],
    [1000, 2],
  ])('of which one hold was confirmed in %i ms has the other confirmed %i times', async (tookMs, times) => {
    let confirmed = 0;
    let isSlow = true;
    const owner = {
      fence: 1,
      confirm: async () => {
        if (isSlow) await world.clock.sleep(tookMs, { signal });
        isSlow = false;
      },
    };
    const confirm = async () => void (confirmed += 1);
    let confirmedBefore = 0;
    world.cluster.before = (verb) => {
      if (verb === 'create') confirmedBefore ||= confirmed;
    };

    await release('v1', { owner }, { leases: leasesWith({ confirm }) });

    expect(confirmedBefore).toBe(times);
  });
});

describe('a release that is cancelled', () => {
  it('stays as it is where nothing was released before', async () => {
    const abort = new AbortController();
    const report = reporting((phase) => {
      if (phase === 'progressing') abort.abort(new Error('stop'));
    });

    await expect(release('v1', {}, { report }, abort)).rejects.toThrow('stop');

    expect(record().current).toMatchObject({ state: { phase: 'progressing' } });
  });

  it('stays released, where its end was written already', async () => {
    await release('v1');
    const abort = new AbortController();
    world.cluster.after = (_verb, { kind, name }) => {
      if (
        kind !== 'ConfigMap' ||
        name !== recordName ||
        record().current !== undefined ||
        abort.signal.aborted
      )
        return;
      abort.abort(new Error('stop'));
      throw abort.signal.reason as Error;
    };

    await expect(release('v2', {}, {}, abort)).rejects.toThrow('stop');

    expect(image()).toBe('v2');
  });

  it('is left to Kubernetes once the old version is applied again', async () => {
    await release('v1');
    const abort = new AbortController();
    const report = reporting((phase) => {
      if (phase === 'restoring') abort.abort(new Error('stop'));
    });
    const begunMs = { abort: 0 };
    abort.signal.addEventListener('abort', () => (begunMs.abort = world.clock.monotonicMs()));

    await expect(release('bad', {}, { report }, abort)).rejects.toThrow('stop');

    expect(image()).toBe('v1');
    expect(record().current).toMatchObject({ state: { phase: 'restoring' } });
    expect(world.clock.monotonicMs()).toBe(begunMs.abort);
  });

  /** Cancels the release of v2, and takes its lease away in a phase of the way back. */
  const losingIn = async (phaseOfLoss: string) => {
    await release('v1');
    const abort = new AbortController();
    const loss = new AbortController();
    const report = reporting((phase) => {
      if (phase === 'progressing') abort.abort(new Error('stop'));
      if (phase === phaseOfLoss) loss.abort(new LeaseLostError('taken over'));
    });
    const leases = leasesWith({ leaseLost: loss.signal });
    return release('v2', {}, { report, leases }, abort);
  };

  it('is another runner’s as soon as the lease is lost', async () => {
    await expect(losingIn('rollingBack')).rejects.toThrow('taken over');

    expect(image()).toBe('v2');
  });

  it('was rolled back when the lease is lost while Kubernetes replaces the pods', async () => {
    await expect(losingIn('restoring')).rejects.toThrow('stop');

    expect(image()).toBe('v1');
    expect(record().current).toMatchObject({ state: { phase: 'restoring' } });
  });
});
