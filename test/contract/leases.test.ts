import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { machineClock } from '../../src/adapters/kubernetes/client/machine-clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Cluster } from '../../src/ports/cluster.ts';
import { UnreachableError } from '../../src/ports/cluster-errors.ts';
import {
  LeaseHeldError,
  LeaseLostError,
  NamespaceGoneError,
  type LeaseReference,
  type LeaseRequest,
  type Leases,
} from '../../src/ports/leases.ts';
import { leasesOn } from '../fakes/cluster-leases.ts';
import { MemoryLeases } from '../fakes/memory-leases.ts';
import { StoppableProcess } from '../fakes/stoppable-process.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { testCluster, type TestCluster } from '../support/cluster.ts';
import { scratchNamespace, soon, type ScratchNamespace } from '../support/scratch-namespace.ts';

jest.setTimeout(60_000);

const leaseMs = 3000;
const namespaceKind = { apiVersion: 'v1', kind: 'Namespace' };

/** A process that acquires leases. */
interface Runner {
  leases: Leases;
  /** As by SIGSTOP; its clocks go on. */
  stop(): void;
  wake(): void;
  /** Sets its wall clock, by so many milliseconds from the others'. */
  setClock(offsetMs: number): void;
  /** Its requests get no answer, or do again. */
  cutOff(isCut: boolean): void;
}

/** Where leases are kept. */
interface World {
  clock: Clock;
  runner(): Runner;
  /** Deletes a lease, as somebody with kubectl. */
  remove(lease: LeaseReference): Promise<void>;
  newNamespace(): Promise<string>;
  removeNamespace(name: string): Promise<void>;
  end(): Promise<void>;
}

/** A clock whose time of day can be set, as that of a machine. */
function wallClock(clock: Clock): { clock: Clock; set: (offsetMs: number) => void } {
  let offset = 0;
  return {
    clock: {
      now: () => clock.now() + offset,
      monotonicMs: () => clock.monotonicMs(),
      sleep: (ms, options) => clock.sleep(ms, options),
    },
    set: (offsetMs) => (offset = offsetMs),
  };
}

async function memoryWorld(): Promise<World> {
  const clock = new VirtualClock();
  const shared = new MemoryLeases(clock, leaseMs);
  return {
    clock,
    runner: () => {
      const process = new StoppableProcess();
      const wall = wallClock(clock);
      const leases = shared.process(process.view<Clock>(wall.clock));
      return {
        leases,
        setClock: wall.set,
        stop: () => process.stop(),
        wake: () => process.wake(),
        cutOff: (isCut) => (leases.reachable = !isCut),
      };
    },
    remove: async (lease) => shared.delete(lease),
    newNamespace: async () => 'short-lived',
    removeNamespace: async (name) => shared.deleteNamespace(name),
    end: async () => undefined,
  };
}

async function clusterWorld(): Promise<World> {
  const cluster: TestCluster = await testCluster();
  const scratch: ScratchNamespace = await scratchNamespace(cluster.kubeconfig, 'leases');
  namespace = scratch.namespace;
  const api = scratch.kubernetes.cluster;
  const disposed: { dispose(): void }[] = [];
  return {
    clock: machineClock,
    runner: () => {
      const process = new StoppableProcess();
      let isCut = false;
      const reached = new Proxy<Cluster>(api, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]) =>
            isCut
              ? Promise.reject(new UnreachableError('no answer'))
              : (value as (...all: unknown[]) => unknown).apply(target, args);
        },
      });
      const wall = wallClock(machineClock);
      const leases = leasesOn(process.view(reached), process.view(wall.clock), leaseMs);
      disposed.push(leases);
      return {
        leases,
        setClock: wall.set,
        stop: () => process.stop(),
        wake: () => process.wake(),
        cutOff: (cut) => (isCut = cut),
      };
    },
    remove: async (lease) => {
      await api.delete({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', ...lease }, soon());
    },
    newNamespace: async () => {
      const name = `${scratch.namespace}-gone`;
      await api.create({ ...namespaceKind, metadata: { name } }, soon());
      return name;
    },
    removeNamespace: async (name) => {
      await api.delete({ ...namespaceKind, name }, soon());
    },
    end: async () => {
      for (const leases of disposed) leases.dispose();
      await scratch.remove();
      await cluster.close();
    },
  };
}

let namespace = 'ci';
let count = 0;

/** A lease of its own for each test. */
function newLease(): LeaseReference & { subject: string } {
  count += 1;
  return { name: `slipway-lease-${String(count)}`, namespace, subject: `run ${String(count)}` };
}

describe.each([
  { where: 'in memory', make: memoryWorld },
  { where: 'in Kubernetes', make: clusterWorld },
])('leases $where', ({ make }) => {
  let world: World;
  let one: Runner;
  let other: Runner;
  let lease: ReturnType<typeof newLease>;

  beforeAll(async () => {
    world = await make();
    one = world.runner();
    other = world.runner();
  });
  afterAll(() => world.end());

  const acquire = (runner: Runner, holder: string, more: Partial<LeaseRequest> = {}) =>
    runner.leases.acquire({ ...lease, holder, ...more }, soon());

  const after = (ms: number) => world.clock.sleep(ms, soon());

  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await after(50);
  }

  /** What a runner that was stopped finds when it wakes after another one has taken its lease over. */
  async function takenOver(holder: string, by: string) {
    const runner = world.runner();
    const first = await acquire(runner, holder);
    runner.stop();
    const second = await acquire(other, by);
    return { runner, first, second };
  }

  it('are held by one: the other learns who has it as soon as it is renewed', async () => {
    lease = newLease();
    const held = await acquire(one, 'first', { isNew: true });
    const begun = world.clock.monotonicMs();

    const second = acquire(other, 'second', { heldHint: 'attach' });

    await expect(second).rejects.toThrow(LeaseHeldError);
    await expect(second).rejects.toMatchObject({
      message: `${lease.subject} is owned by another runner (first)`,
      hint: 'attach',
      holder: 'first',
      fault: 'aborted',
    });
    expect(world.clock.monotonicMs() - begun).toBeLessThan(leaseMs);
    expect(held.leaseLost.aborted).toBe(false);
    await held.release(soon());
  });

  it('are waited for as long as is asked, and who has it is said once', async () => {
    lease = newLease();
    const held = await acquire(one, 'first');
    const waited: string[] = [];
    const begun = world.clock.monotonicMs();

    const second = acquire(other, 'second', {
      waitMs: leaseMs * 2,
      onWait: async (holder) => void waited.push(holder),
    });

    await expect(second).rejects.toThrow(LeaseHeldError);
    expect(world.clock.monotonicMs() - begun).toBeGreaterThanOrEqual(leaseMs * 2);
    expect(waited).toEqual(['first']);
    await held.release(soon());
  });

  it('may be taken at once when they were given back, with a higher fence', async () => {
    lease = newLease();
    const first = await acquire(one, 'first');
    await first.release(soon());
    await first.release(soon());
    await expect(one.leases.find(lease, soon())).resolves.toEqual({ holder: '', expired: true });
    const begun = world.clock.monotonicMs();

    const second = await acquire(other, 'second');

    expect(world.clock.monotonicMs() - begun).toBeLessThan(leaseMs);
    expect(second.fence).toBeGreaterThan(first.fence);
    await expect(first.confirm(soon())).rejects.toThrow(LeaseLostError);
    await second.release(soon());
  });

  it('have a higher fence than the one that the guarded record knows', async () => {
    lease = newLease();

    const held = await acquire(one, 'first', { fenceAfter: 41 });

    expect(held.fence).toBe(42);
    await held.release(soon());
  });

  it('say whether they were made anew, and how long they last', async () => {
    lease = newLease();
    const first = await acquire(one, 'first');
    await first.release(soon());
    const second = await acquire(other, 'second');
    await world.remove(lease);
    const third = await acquire(one, 'third');

    expect([first.isNew, second.isNew, third.isNew]).toEqual([true, false, true]);
    expect(third.durationMs).toBe(leaseMs);
    await third.release(soon());
  });

  it('are renewed for as long as they are held', async () => {
    lease = newLease();
    const held = await acquire(one, 'first');

    for (let look = 0; look < 5; look += 1) {
      await expect(other.leases.find(lease, soon())).resolves.toEqual({ holder: 'first', expired: false });
      await after(leaseMs / 2);
    }

    await held.confirm(soon());
    expect(held.leaseLost.aborted).toBe(false);
    await held.release(soon());
  });

  it('are taken over when they were not renewed for their time, and not before', async () => {
    lease = newLease();
    const runner = world.runner();
    await acquire(runner, 'dead');
    runner.stop();
    await expect(other.leases.find(lease, soon())).resolves.toEqual({ holder: 'dead', expired: false });
    const begun = world.clock.monotonicMs();

    const heir = await acquire(other, 'heir');

    expect(world.clock.monotonicMs() - begun).toBeGreaterThanOrEqual(leaseMs * 0.9);
    await expect(one.leases.find(lease, soon())).resolves.toEqual({ holder: 'heir', expired: false });
    await heir.release(soon());
  });

  it('are taken at once from a holder that is known to be replaced, which loses them', async () => {
    lease = newLease();
    const first = await acquire(one, 'run 7, runner 1');
    const begun = world.clock.monotonicMs();
    const waited: string[] = [];

    const second = await acquire(other, 'run 7, runner 2', {
      isReplaced: (holder) => holder === 'run 7, runner 1',
      onWait: async (holder) => void waited.push(holder),
    });

    expect(world.clock.monotonicMs() - begun).toBeLessThan(leaseMs / 2);
    expect(waited).toEqual([]);
    expect(second.fence).toBeGreaterThan(first.fence);
    await until(() => first.leaseLost.aborted);
    await expect(first.confirm(soon())).rejects.toThrow(LeaseLostError);
    await second.confirm(soon());
    await second.release(soon());
  });

  it('go to one of two that take them over at once', async () => {
    lease = newLease();
    const runner = world.runner();
    await acquire(runner, 'dead');
    runner.stop();

    const outcomes = await Promise.allSettled([acquire(one, 'one'), acquire(other, 'two')]);

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') await outcome.value.release(soon());
      else expect(outcome.reason).toBeInstanceOf(LeaseHeldError);
    }
  });

  it('that were taken over are not confirmed to a holder that wakes, which leaves them alone', async () => {
    lease = newLease();
    const { runner, first, second } = await takenOver('first', 'second');

    runner.wake();

    await expect(first.confirm(soon())).rejects.toThrow(LeaseLostError);
    expect(first.leaseLost.aborted).toBe(true);
    expect(first.leaseLost.reason).toMatchObject({
      message: expect.stringContaining(`another runner has taken over ${lease.subject}`),
    });
    await first.release(soon());
    await expect(one.leases.find(lease, soon())).resolves.toEqual({ holder: 'second', expired: false });
    await second.confirm(soon());
    await second.release(soon());
  });

  it('that were taken over and given back are lost all the same', async () => {
    lease = newLease();
    const { runner, first, second } = await takenOver('first', 'second');
    await second.release(soon());

    runner.wake();

    await expect(first.confirm(soon())).rejects.toThrow(LeaseLostError);
    await after(leaseMs);
    await expect(one.leases.find(lease, soon())).resolves.toEqual({ holder: '', expired: true });
  });

  it('that were deleted are lost, and a renewal does not bring them back', async () => {
    lease = newLease();
    const held = await acquire(one, 'first');

    await world.remove(lease);

    await until(() => held.leaseLost.aborted);
    await expect(held.confirm(soon())).rejects.toThrow('was deleted');
    await held.release(soon());
    await expect(other.leases.find(lease, soon())).resolves.toBeUndefined();
  });

  it('that were deleted with their namespace are lost to no other runner', async () => {
    lease = { ...newLease(), namespace: await world.newNamespace() };
    const held = await acquire(one, 'first', { lostHint: 'another runner has resumed it' });

    await world.removeNamespace(lease.namespace);

    await until(() => held.leaseLost.aborted);
    const reason: unknown = held.leaseLost.reason;
    expect(reason).toBeInstanceOf(NamespaceGoneError);
    expect(reason).toMatchObject({
      fault: 'infrastructure',
      message: `namespace ${lease.namespace} was deleted, and ${lease.subject} with it`,
    });
    expect((reason as NamespaceGoneError).hint ?? '').not.toContain('another runner');
  });

  it('that were deleted while their holder was stopped stay so when it wakes', async () => {
    lease = newLease();
    const runner = world.runner();
    const held = await acquire(runner, 'first');
    runner.stop();
    await world.remove(lease);
    await after(leaseMs);

    runner.wake();

    await expect(held.confirm(soon())).rejects.toThrow(LeaseLostError);
    await after(leaseMs);
    await expect(other.leases.find(lease, soon())).resolves.toBeUndefined();
  });

  it('that were deleted and acquired by another are the other’s', async () => {
    lease = newLease();
    const runner = world.runner();
    const first = await acquire(runner, 'first');
    runner.stop();
    await world.remove(lease);
    const second = await acquire(other, 'second');

    runner.wake();

    await until(() => first.leaseLost.aborted);
    await second.confirm(soon());
    await expect(one.leases.find(lease, soon())).resolves.toEqual({ holder: 'second', expired: false });
    await second.release(soon());
  });

  it('are not confirmed to a holder that is cut off, before it has renewed them', async () => {
    lease = newLease();
    const runner = world.runner();
    const held = await acquire(runner, 'first');
    runner.cutOff(true);
    await after(leaseMs);

    let isSure = false;
    const sure = held.confirm(soon()).then(() => (isSure = true));
    await after(leaseMs);
    const wasSure = isSure;
    runner.cutOff(false);
    await sure;

    expect(wasSure).toBe(false);
    expect(held.leaseLost.aborted).toBe(false);
    await held.release(soon());
  });

  it('stay with a living holder, whatever the clocks of the two machines say', async () => {
    lease = newLease();
    const [late, early] = [world.runner(), world.runner()];
    late.setClock(-3_600_000);
    const held = await acquire(late, 'first');
    const waiting = acquire(early, 'second', { waitMs: leaseMs });
    waiting.catch(() => undefined);

    early.setClock(3_600_000);
    late.setClock(7_200_000);

    await expect(waiting).rejects.toThrow(LeaseHeldError);
    await held.confirm(soon());
    expect(held.leaseLost.aborted).toBe(false);
    await held.release(soon());
  });

  it('are not waited for any longer when the signal is aborted', async () => {
    lease = newLease();
    const held = await acquire(one, 'first');
    const controller = new AbortController();
    const request = { ...lease, holder: 'second', waitMs: 60_000 };
    const waiting = other.leases.acquire(request, { signal: controller.signal });
    waiting.catch(() => undefined);
    await after(100);

    controller.abort(new Error('enough'));

    await expect(waiting).rejects.toThrow('enough');
    await held.release(soon());
  });
});
