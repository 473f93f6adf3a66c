import { describe, expect, it } from '@jest/globals';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import {
  acquireReleaseLease,
  isReplacedHolder,
  releaseHolder,
  releaseLease,
  ReleaseBusyError,
} from '../../../src/release/release-lease.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { FakeCluster } from '../../fakes/cluster.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const { signal } = new AbortController();
const application = { name: 'web', namespace: 'shop' };
const reference = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  name: 'slipway-release-web',
  namespace: 'shop',
};

function setUp() {
  const cluster = new FakeCluster();
  const clock = new VirtualClock();
  const leases = leasesOn(cluster, clock);
  const waited: string[] = [];
  const acquire = (holder: string, waitMs = 0) =>
    acquireReleaseLease(
      {
        leases,
        application: 'web',
        namespace: 'shop',
        holder,
        waitMs,
        onWait: async (other) => void waited.push(other),
      },
      { signal },
    );
  const holder = async () => (await leases.find(releaseLease(application), { signal }))?.holder;
  return { cluster, clock, waited, acquire, holder };
}

describe('acquireReleaseLease', () => {
  it('is taken by one and given back', async () => {
    const { acquire, holder } = setUp();

    const lease = await acquire('one');

    expect(await holder()).toBe('one');
    await lease.release({ signal });
    expect(await holder()).toBe('');
    await (await acquire('two')).release({ signal });
  });

  it('fails with the name of a holder that lives, and says so once while it waits', async () => {
    const { acquire, waited } = setUp();
    const lease = await acquire('one');

    await expect(acquire('two', 30_000)).rejects.toThrow(ReleaseBusyError);

    expect(waited).toEqual(['one']);
    expect(lease.leaseLost.aborted).toBe(false);
    await lease.release({ signal });
  });

  it('is taken over from a holder that has not renewed it for 15 s, by our own clock', async () => {
    const { cluster, clock, acquire } = setUp();
    const dead = {
      apiVersion: reference.apiVersion,
      kind: 'Lease',
      metadata: { name: reference.name, namespace: 'shop' },
      // A clock an hour ahead: it says nothing.
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime: '2099-01-01T00:00:00.000000Z' },
    };
    cluster.put<KubernetesObject>(dead);
    const begun = clock.now();

    const lease = await acquire('two');

    expect(clock.now() - begun).toBeGreaterThanOrEqual(15_000);
    expect(clock.now() - begun).toBeLessThan(20_000);
    await lease.release({ signal });
  });

  it('is lost when another holder is found', async () => {
    const { cluster, clock, acquire, holder } = setUp();
    const lease = await acquire('one');

    const taken = cluster.peek(reference)!;
    cluster.put({ ...taken, spec: { ...(taken['spec'] as object), holderIdentity: 'two' } });
    await clock.sleep(6000, { signal });

    expect(lease.leaseLost.aborted).toBe(true);
    expect(lease.leaseLost.reason).toMatchObject({
      message: 'another runner has taken over the release of web (two)',
    });
    await lease.release({ signal });
    expect(await holder()).toBe('two');
  });

  it('survives an API that does not answer for minutes, and answers that get lost', async () => {
    const { cluster, clock, acquire } = setUp();
    const lease = await acquire('one');

    cluster.after = () => {
      throw new UnreachableError('connection reset');
    };
    await clock.sleep(60_000, { signal });
    cluster.after = () => undefined;
    cluster.before = () => {
      throw new UnreachableError('connection refused');
    };
    await clock.sleep(60_000, { signal });
    cluster.before = () => undefined;
    const before = cluster.peek(reference)?.metadata.resourceVersion;
    await clock.sleep(6000, { signal });

    expect(lease.leaseLost.aborted).toBe(false);
    expect(cluster.peek(reference)?.metadata.resourceVersion).not.toBe(before);
    await lease.release({ signal });
  });
});

describe('the lease of a release', () => {
  it('has a label by which it is found, and says how to get on where another run has it', async () => {
    const { cluster, acquire } = setUp();
    const lease = await acquire('one');

    expect(cluster.peek(reference)?.metadata.labels).toMatchObject({ 'slipway.dev/release': 'web' });
    await expect(acquire('two')).rejects.toMatchObject({
      ...{ code: 'release-busy', fault: 'failure' },
      message: 'web in namespace shop is being released by one',
      hint: 'wait for it to end, or raise lockTimeout',
      cause: expect.objectContaining({ holder: 'one' }),
    });
    await lease.release({ signal });
  });

  it('is not taken for another’s where the API does not answer', async () => {
    const { cluster, acquire } = setUp();
    cluster.before = () => {
      throw new UnreachableError('connection refused');
    };

    await expect(acquire('one')).rejects.toThrow(UnreachableError);
  });
});

describe('the holder of a release', () => {
  const by = { runId: '01J', stage: 'deploy' };

  it('is named by its run, its runner and its stage, and is another each time', () => {
    expect(releaseHolder(by, 2)).toMatch(/^run 01J, runner 2, stage deploy, [0-9a-f]{8}$/);
    expect(releaseHolder(by)).toMatch(/^run 01J, stage deploy, [0-9a-f]{8}$/);
    expect(releaseHolder(by)).not.toBe(releaseHolder(by));
  });

  it.each([
    ['an earlier runner of the run', 'run 01J, runner 10, stage deploy, 12ab', true],
    ['this runner', 'run 01J, runner 11, stage deploy, 12ab', false],
    ['a later runner of the run', 'run 01J, runner 12, stage deploy, 12ab', false],
    ['a runner of another run', 'run 01K, runner 10, stage deploy, 12ab', false],
    ['a person', 'run 01J, stage deploy, 12ab', false],
    ['a program with another name', 'my run 01J, runner 10, stage deploy, 12ab', false],
    ['nobody', '', false],
  ])('is replaced by the eleventh runner of its run where it is %s: %s', (_, holder, expected) => {
    expect(isReplacedHolder(holder, { runId: '01J', fence: 11 })).toBe(expected);
  });
});
