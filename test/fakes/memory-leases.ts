import { defined } from '../../src/base/defined.ts';
import { UnreachableError } from '../../src/ports/cluster-errors.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { CallOptions } from '../../src/ports/cluster.ts';
import {
  LeaseHeldError,
  LeaseLostError,
  NamespaceGoneError,
  type Lease,
  type LeaseReference,
  type LeaseRequest,
  type Leases,
  type LeaseState,
} from '../../src/ports/leases.ts';

interface Entry {
  /** Of this very lease: one that was deleted and made again has another. */
  id: number;
  /** Changes with each renewal. */
  version: number;
  holder: string;
  fence: number;
}

/** What all processes see. */
class Shelf {
  readonly entries = new Map<string, Entry>();
  readonly held = new Set<HeldEntry>();
  readonly goneNamespaces = new Set<string>();
  #count = 0;

  next(): number {
    this.#count += 1;
    return this.#count;
  }
}

const keyOf = ({ namespace, name }: LeaseReference) => `${namespace}/${name}`;

/** {@link Leases} in memory, in the time of a clock. Several processes share what `process` gives. */
export class MemoryLeases implements Leases {
  /** false: this process gets no answers, as when it is cut off. */
  reachable = true;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #shelf: Shelf;
  readonly #seen = new Map<string, { version: number; at: number }>();

  constructor(clock: Clock, leaseMs = 15_000, shelf = new Shelf()) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#shelf = shelf;
  }

  /** The same leases as another process sees them, which may have a clock of its own. */
  process(clock: Clock = this.#clock): MemoryLeases {
    return new MemoryLeases(clock, this.#leaseMs, this.#shelf);
  }

  async acquire(request: LeaseRequest, { signal }: CallOptions): Promise<Lease> {
    const begunAt = this.#clock.monotonicMs();
    let before: Entry | undefined;
    for (;;) {
      signal.throwIfAborted();
      const current = this.#look(request);
      if (current === undefined || this.#mayTake(request, current)) return this.#take(request);
      const isAlive = before !== undefined && before.version !== current.version;
      if (isAlive && this.#clock.monotonicMs() - begunAt >= (request.waitMs ?? 0))
        throw new LeaseHeldError(request.subject, current.holder, request.heldHint);
      if (before?.holder !== current.holder) await request.onWait?.(current.holder);
      before = { ...current };
      await this.#clock.sleep(this.#leaseMs / 15, { signal });
    }
  }

  async find(reference: LeaseReference, { signal }: CallOptions): Promise<LeaseState | undefined> {
    signal.throwIfAborted();
    const entry = this.#look(reference);
    if (entry === undefined) return undefined;
    const { holder } = entry;
    return { holder, expired: holder === '' || this.#ageMs(reference) >= this.#leaseMs };
  }

  /** Deletes a lease, as somebody with kubectl. */
  delete(reference: LeaseReference): void {
    this.#shelf.entries.delete(keyOf(reference));
  }

  /** Deletes a namespace with all of its leases. */
  deleteNamespace(namespace: string): void {
    this.#shelf.goneNamespaces.add(namespace);
    for (const key of this.#shelf.entries.keys())
      if (key.startsWith(`${namespace}/`)) this.#shelf.entries.delete(key);
  }

  /** Takes a lease away, as from a runner that has given it back; its holder hears of it at once. */
  steal(reference: LeaseReference): void {
    const entry = this.#shelf.entries.get(keyOf(reference));
    if (entry === undefined) return;
    Object.assign(entry, { holder: '', version: this.#shelf.next() });
    for (const held of this.#shelf.held) held.hear();
  }

  #mayTake(request: LeaseRequest, { holder }: Entry): boolean {
    if (holder === '' || holder === request.holder || request.isReplaced?.(holder) === true) return true;
    return this.#ageMs(request) >= this.#leaseMs;
  }

  #look(reference: LeaseReference): Entry | undefined {
    this.assertReachable();
    const key = keyOf(reference);
    const entry = this.#shelf.entries.get(key);
    if (entry !== undefined && this.#seen.get(key)?.version !== entry.version)
      this.#seen.set(key, { version: entry.version, at: this.#clock.monotonicMs() });
    return entry;
  }

  #ageMs(reference: LeaseReference): number {
    return this.#clock.monotonicMs() - (this.#seen.get(keyOf(reference))?.at ?? Number.POSITIVE_INFINITY);
  }

  #take(request: LeaseRequest): Lease {
    const { holder, fenceAfter = 0 } = request;
    const before = this.#shelf.entries.get(keyOf(request));
    const isOurs = before?.holder === holder && before.fence > fenceAfter;
    const entry = {
      id: before?.id ?? this.#shelf.next(),
      version: this.#shelf.next(),
      holder,
      fence: isOurs ? before.fence : Math.max(before?.fence ?? 0, fenceAfter) + 1,
    };
    this.#shelf.entries.set(keyOf(request), entry);
    const held = new HeldEntry(
      { clock: this.#clock, shelf: this.#shelf, leaseMs: this.#leaseMs, process: this },
      request,
      { ...entry, isNew: before === undefined || isOurs },
    );
    this.#shelf.held.add(held);
    return held;
  }

  /** For the leases that this process holds. */
  assertReachable(): void {
    if (!this.reachable) throw new UnreachableError('no answer');
  }
}

interface HeldParts {
  clock: Clock;
  shelf: Shelf;
  leaseMs: number;
  process: MemoryLeases;
}

class HeldEntry implements Lease {
  readonly holder: string;
  readonly fence: number;
  readonly isNew: boolean;
  readonly durationMs: number;
  readonly #parts: HeldParts;
  readonly #request: LeaseRequest;
  readonly #id: number;
  readonly #lost = new AbortController();
  readonly #stopped = new AbortController();
  #renewedAt: number;

  constructor(parts: HeldParts, request: LeaseRequest, entry: Entry & { isNew: boolean }) {
    this.#parts = parts;
    this.isNew = entry.isNew;
    this.durationMs = parts.leaseMs;
    this.#request = request;
    this.#id = entry.id;
    this.holder = entry.holder;
    this.fence = entry.fence;
    this.#renewedAt = parts.clock.monotonicMs();
    void this.#renewAlways();
  }

  get leaseLost(): AbortSignal {
    return this.#lost.signal;
  }

  async confirm({ signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    if (this.#stopped.signal.aborted && !this.leaseLost.aborted)
      throw new LeaseLostError('it was given back');
    const { clock, leaseMs } = this.#parts;
    for (;;) {
      this.leaseLost.throwIfAborted();
      if (clock.monotonicMs() - this.#renewedAt < (leaseMs * 2) / 3) return;
      if (!this.#renew()) await clock.sleep(1000, { signal });
    }
  }

  async release({ signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    if (this.#stopped.signal.aborted) return;
    this.#stop();
    const entry = this.#entry();
    if (entry !== undefined) Object.assign(entry, { holder: '', version: this.#parts.shelf.next() });
  }

  /** Somebody has written the lease. */
  hear(): void {
    if (this.#entry() !== undefined || this.leaseLost.aborted) return;
    this.#lost.abort(this.#lostError());
    this.#stop();
  }

  #lostError(): LeaseLostError {
    const { subject, namespace, lostHint: hint } = this.#request;
    if (this.#parts.shelf.goneNamespaces.has(namespace))
      return new NamespaceGoneError(`namespace ${namespace} was deleted, and ${subject} with it`);
    if (!this.#parts.shelf.entries.has(keyOf(this.#request)))
      return new LeaseLostError(`the lease of ${subject} was deleted`);
    return new LeaseLostError(`another runner has taken over ${subject}`, defined({ hint }));
  }

  #stop(): void {
    this.#stopped.abort();
    this.#parts.shelf.held.delete(this);
  }

  /** false when there was no answer. */
  #renew(): boolean {
    try {
      this.#parts.process.assertReachable();
    } catch {
      return false;
    }
    this.hear();
    const entry = this.#entry();
    if (entry === undefined) return true;
    entry.version = this.#parts.shelf.next();
    this.#renewedAt = this.#parts.clock.monotonicMs();
    return true;
  }

  /** The lease, while it is ours. */
  #entry(): Entry | undefined {
    const current = this.#parts.shelf.entries.get(keyOf(this.#request));
    const isOurs = current?.id === this.#id && current.holder === this.holder && current.fence === this.fence;
    return isOurs ? current : undefined;
  }

  async #renewAlways(): Promise<void> {
    const { clock, leaseMs } = this.#parts;
    const { signal } = this.#stopped;
    try {
      for (;;) {
        await clock.sleep(leaseMs / 3, { signal });
        this.#renew();
      }
    } catch {
      // given back, or lost
    }
  }
}
