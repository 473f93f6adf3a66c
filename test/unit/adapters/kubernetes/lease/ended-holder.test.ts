import { describe, expect, it } from '@jest/globals';
import { KubernetesLeases } from '../../../../../src/adapters/kubernetes/lease/kubernetes-leases.ts';
import { silentLog } from '../../../../../src/adapters/kubernetes/log.ts';
import { FakeCluster } from '../../../../fakes/cluster.ts';
import { VirtualClock } from '../../../../fakes/virtual-clock.ts';

const leaseMs = 15_000;
const lease = { name: 'slipway-1', namespace: 'ci', subject: 'run 1' };
const options = { signal: new AbortController().signal };

function machine(ended: readonly string[]) {
  const cluster = new FakeCluster();
  const clock = new VirtualClock();
  const isEnded = (holder: string) => ended.includes(holder);
  const make = () => new KubernetesLeases({ cluster, clock, leaseMs, log: silentLog, isEnded });
  return { clock, first: make(), second: make() };
}

describe('the lease of a process that is known to have ended', () => {
  it('has expired, and is taken over without waiting, with a higher fence', async () => {
    const { clock, first, second } = machine(['dead']);
    const { fence } = await first.acquire({ ...lease, holder: 'dead' }, options);
    first.dispose();
    const begunMs = clock.monotonicMs();

    await expect(second.find(lease, options)).resolves.toEqual({ holder: 'dead', expired: true });
    const taken = await second.acquire({ ...lease, holder: 'heir' }, options);

    expect(clock.monotonicMs() - begunMs).toBeLessThan(1000);
    expect(taken.fence).toBeGreaterThan(fence);
    await taken.release(options);
  });

  it('is waited for where nothing is known of its holder', async () => {
    const { clock, first, second } = machine(['somebody else']);
    await first.acquire({ ...lease, holder: 'dead' }, options);
    first.dispose();
    const begunMs = clock.monotonicMs();

    await expect(second.find(lease, options)).resolves.toEqual({ holder: 'dead', expired: false });
    const taken = await second.acquire({ ...lease, holder: 'heir' }, options);

    expect(clock.monotonicMs() - begunMs).toBeGreaterThanOrEqual(leaseMs);
    await taken.release(options);
  });
});
