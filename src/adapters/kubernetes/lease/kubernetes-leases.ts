import type { CallOptions } from '../../../ports/cluster.ts';
import { ConflictError } from '../../../ports/cluster-errors.ts';
import {
  LeaseHeldError,
  type Lease,
  type LeaseReference,
  type LeaseRequest,
  type Leases,
  type LeaseState,
} from '../../../ports/leases.ts';
import { HeldLease, instantOf, isRefusal, urgent, type LeaseParts } from './held-lease.ts';
import { leaseObject, leaseReference, parseLease, type StoredLease } from './lease-object.ts';

/** How often a lease that another holds is looked at; milliseconds. */
const lookMs = 1000;

/** What was seen of a lease, by the monotonic clock of this process. */
interface Seen {
  version: string;
  at: number;
}

/** A lease that another has, and how it was at the look before. */
interface Waiting {
  request: LeaseRequest;
  current: StoredLease;
  before: StoredLease | undefined;
  begunAt: number;
}

/** {@link Leases} as Lease objects: held leases are renewed by uid and version, a released one stays without a holder. */
export class KubernetesLeases implements Leases {
  readonly #parts: LeaseParts;
  /** What this process holds, to end its renewals. */
  readonly #held = new Set<HeldLease>();
  /** When a version of a lease was first seen, by namespace and name. */
  readonly #seen = new Map<string, Seen>();

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  async acquire(request: LeaseRequest, options: CallOptions): Promise<Lease> {
    const begunAt = this.#parts.clock.monotonicMs();
    let current = request.isNew === true ? undefined : await this.#read(request, options);
    let other: StoredLease | undefined;
    for (;;) {
      const taken = this.#mayTake(request, current) ? await this.#take(request, current, options) : undefined;
      if (taken !== undefined) return taken;
      if (current !== undefined && isOthers(request, current)) {
        await this.#waitFor({ request, current, before: other, begunAt }, options);
        other = current;
      }
      current = await this.#read(request, options);
    }
  }

  async find(reference: LeaseReference, options: CallOptions): Promise<LeaseState | undefined> {
    const lease = await this.#read(reference, options);
    if (lease === undefined) return undefined;
    const { holder } = lease;
    return { holder, expired: holder === '' || this.#hasExpired(reference, lease) };
  }

  /** Renews the leases of this process no more; the process is about to end. */
  dispose(): void {
    for (const lease of this.#held) lease.abandon();
    this.#held.clear();
  }

  #mayTake(request: LeaseRequest, current: StoredLease | undefined): boolean {
    if (current === undefined || !isOthers(request, current)) return true;
    if (request.isReplaced?.(current.holder) === true) return true;
    if (!this.#hasExpired(request, current)) return false;
    const details = { lease: request.name, from: current.holder };
    this.#parts.log.info('a lease whose holder has ended, or did not renew it, is taken over', details);
    return true;
  }

  #hasExpired(reference: LeaseReference, lease: StoredLease): boolean {
    const { leaseMs, isEnded } = this.#parts;
    const hasEnded = isEnded?.(lease.holder) === true;
    return hasEnded || this.#ageMs(reference, lease) >= (lease.durationMs ?? leaseMs);
  }

  /** @throws LeaseHeldError when its holder lives and there is no more time to wait for it */
  async #waitFor({ request, current, before, begunAt }: Waiting, options: CallOptions): Promise<void> {
    const { clock, leaseMs } = this.#parts;
    // A version that changes while it is looked at has a holder that lives; of the first one only time tells.
    const isAlive = before !== undefined && before.version !== current.version;
    if (isAlive && clock.monotonicMs() - begunAt >= (request.waitMs ?? 0)) {
      throw new LeaseHeldError(request.subject, current.holder, request.heldHint);
    }
    if (before?.holder !== current.holder) await request.onWait?.(current.holder);
    await clock.sleep(Math.min(lookMs, leaseMs / 10), options);
  }

  /** undefined when another was faster. */
  async #take(
    request: LeaseRequest,
    over: StoredLease | undefined,
    options: CallOptions,
  ): Promise<Lease | undefined> {
    const { cluster, clock, leaseMs } = this.#parts;
    const { holder, fenceAfter = 0 } = request;
    // The answer to our own write may have been lost: then it is ours, with its fence.
    const isOurs = over?.holder === holder && over.fence > fenceAfter;
    const fence = isOurs ? over.fence : Math.max(over?.fence ?? 0, fenceAfter) + 1;
    const writing = { request, holder, fence, durationMs: leaseMs };
    const sentAt = instantOf(clock);
    const now = new Date(sentAt.wallMs);
    try {
      const written =
        over === undefined
          ? await cluster.create(leaseObject(writing, now), urgent(options))
          : await cluster.replace(leaseObject({ ...writing, over }, now), urgent(options));
      const held = { ...writing, over: parseLease(written) };
      const isNew = over === undefined || isOurs; // the lost answer may have been that of its creation
      return this.#hold(new HeldLease(this.#parts, held, { sentAt, isNew }));
    } catch (error) {
      // Where nothing is written over, what is not found is the namespace.
      const isFaster = over === undefined ? error instanceof ConflictError : isRefusal(error);
      if (!isFaster) throw error;
      return undefined;
    }
  }

  #hold(lease: HeldLease): Lease {
    this.#held.add(lease);
    lease.leaseLost.addEventListener('abort', () => this.#held.delete(lease), { once: true });
    return {
      holder: lease.holder,
      fence: lease.fence,
      isNew: lease.isNew,
      durationMs: lease.durationMs,
      leaseLost: lease.leaseLost,
      confirm: (options) => lease.confirm(options),
      release: async (options) => {
        this.#held.delete(lease);
        await lease.release(options);
      },
    };
  }

  async #read(reference: LeaseReference, options: CallOptions): Promise<StoredLease | undefined> {
    const { cluster, clock } = this.#parts;
    const object = await cluster.get(leaseReference(reference), urgent(options));
    const lease = object === undefined ? undefined : parseLease(object);
    const key = keyOf(reference);
    if (lease === undefined || lease.holder === '') this.#seen.delete(key);
    else if (this.#seen.get(key)?.version !== lease.version) {
      this.#seen.set(key, { version: lease.version, at: clock.monotonicMs() });
    }
    return lease;
  }

  #ageMs(reference: LeaseReference, lease: StoredLease | undefined): number {
    const seen = this.#seen.get(keyOf(reference));
    if (seen === undefined || seen.version !== lease?.version) return 0;
    return this.#parts.clock.monotonicMs() - seen.at;
  }
}

function isOthers(request: LeaseRequest, { holder }: StoredLease): boolean {
  return holder !== '' && holder !== request.holder;
}

function keyOf({ namespace, name }: LeaseReference): string {
  return `${namespace}/${name}`;
}
