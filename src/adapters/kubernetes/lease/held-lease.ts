import { defined } from '../../../base/defined.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../../ports/cluster.ts';
import { ConflictError, NotFoundError } from '../../../ports/cluster-errors.ts';
import { LeaseLostError, NamespaceGoneError, type Lease } from '../../../ports/leases.ts';
import type { Log } from '../log.ts';
import {
  leaseObject,
  leaseReference,
  parseLease,
  type LeaseWriting,
  type StoredLease,
} from './lease-object.ts';

/** The longest that one renewal may take before the next is tried. */
const attemptMs = 10_000;
const longestPauseMs = 2000;

/** What holding leases needs. */
export interface LeaseParts {
  cluster: Pick<Cluster, 'get' | 'create' | 'replace'>;
  clock: Clock;
  log: Log;
  /** What a lease lasts without a renewal; milliseconds. */
  leaseMs: number;
  /** Whether a holder is known to have ended: its lease has expired, whatever time is left. */
  isEnded?: (holder: string) => boolean;
}

type Held = LeaseWriting & { over: StoredLease };

/** A lease that this process holds, renewed every third of its time. */
export class HeldLease implements Lease {
  readonly holder: string;
  readonly fence: number;
  readonly isNew: boolean;
  readonly durationMs: number;
  readonly #parts: LeaseParts;
  readonly #leaseLost = new AbortController();
  readonly #stopped = new AbortController();
  readonly #loop: Promise<void>;
  #held: Held;
  /** When the last renewal that was written had been sent. */
  #sentAt: Instant;
  #renewing: Promise<void> | undefined;

  /** `sentAt`: before the request that acquired it. */
  constructor(parts: LeaseParts, held: Held, { sentAt, isNew }: { sentAt: Instant; isNew: boolean }) {
    this.#parts = parts;
    this.#held = held;
    this.#sentAt = sentAt;
    this.holder = held.holder;
    this.fence = held.fence;
    this.isNew = isNew;
    this.durationMs = held.durationMs;
    this.#loop = this.#renewAlways();
  }

  get leaseLost(): AbortSignal {
    return this.#leaseLost.signal;
  }

  async confirm({ signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    this.leaseLost.throwIfAborted();
    if (this.#stopped.signal.aborted) {
      throw new LeaseLostError(`the lease of ${this.#held.request.subject} was released`);
    }
    // A renewal that was under way when the process was stopped had been sent too long ago.
    while (this.#mayHaveExpired()) await unlessAborted(this.#renew(), signal);
  }

  /** Renews it no more, as a runner that has died; the next holder waits for its time to pass. */
  abandon(): void {
    this.#stopped.abort();
  }

  async release(options: CallOptions): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    await this.#loop;
    while (!this.leaseLost.aborted) {
      try {
        await this.#write({ ...this.#held, holder: '' }, options);
        return;
      } catch (error) {
        if (!isRefusal(error)) throw error;
      }
      // A renewal whose answer never came has changed it; or it was taken over, or is gone with its record.
      const current = await this.#read(options);
      if (current === undefined || !this.#isOurs(current)) return;
      this.#held = { ...this.#held, over: current };
    }
  }

  /**
   * Two clocks, the one that says more: a monotonic clock may stand still while a machine sleeps, and a wall clock that
   * jumps ahead costs one renewal.
   */
  #mayHaveExpired(): boolean {
    const { clock, leaseMs } = this.#parts;
    const { monotonicMs, wallMs } = this.#sentAt;
    return Math.max(clock.monotonicMs() - monotonicMs, clock.now() - wallMs) >= (leaseMs * 2) / 3;
  }

  async #renewAlways(): Promise<void> {
    const { clock, leaseMs } = this.#parts;
    const { signal } = this.#stopped;
    try {
      for (;;) {
        await clock.sleep(leaseMs / 3, { signal });
        await this.#renew();
      }
    } catch {
      // It was lost, which its signal says, or this process renews it no more.
    }
  }

  /** One renewal at a time, which all wait for; ends written, lost, or stopped. */
  #renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    const { clock, log, leaseMs } = this.#parts;
    const stopped = this.#stopped.signal;
    for (;;) {
      const timeout = AbortSignal.timeout(Math.min(attemptMs, leaseMs));
      const options = { signal: AbortSignal.any([stopped, timeout]), priority: 'urgent' } as const;
      try {
        this.#held = { ...this.#held, over: await this.#write(this.#held, options) };
        return;
      } catch (error) {
        if (isRefusal(error) && (await this.#lookAgain(options))) continue;
        stopped.throwIfAborted();
        this.leaseLost.throwIfAborted();
        // Without an answer it is not lost: another holder is seen by the next one, and until then `confirm` waits.
        const reason = messageOf(error);
        log.warn('a lease could not be renewed', { lease: this.#held.request.name, reason });
      }
      await clock.sleep(Math.min(longestPauseMs, leaseMs / 3), { signal: stopped });
    }
  }

  /** After a refused renewal: true when the lease is ours all the same, as its newer version says; false: not known. */
  async #lookAgain(options: CallOptions): Promise<boolean> {
    let current: StoredLease | undefined;
    try {
      current = await this.#read(options);
    } catch {
      return false;
    }
    if (current !== undefined && this.#isOurs(current)) {
      this.#held = { ...this.#held, over: current };
      return true;
    }
    this.#leaseLost.abort(
      current === undefined ? await this.#deletedError(options) : this.#takenError(current),
    );
    return false;
  }

  #takenError({ holder }: StoredLease): LeaseLostError {
    const { subject, lostHint: hint } = this.#held.request;
    const by = holder === '' ? '' : ` (${holder})`;
    return new LeaseLostError(`another runner has taken over ${subject}${by}`, defined({ hint }));
  }

  /** A lease that is not there was deleted, alone or with its namespace. */
  async #deletedError(options: CallOptions): Promise<LeaseLostError> {
    const { subject, namespace } = this.#held.request;
    const lost = new LeaseLostError(`the lease of ${subject} is lost: it was deleted`);
    const reference = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
    try {
      const found = await this.#parts.cluster.get(reference, urgent(options));
      if (found !== undefined && found.metadata.deletionTimestamp === undefined) return lost;
    } catch {
      return lost; // A runner need not be allowed to read namespaces; it is lost either way.
    }
    return new NamespaceGoneError(`namespace ${namespace} was deleted, and ${subject} with it`, {
      hint: 'create the namespace again, and start a new run',
    });
  }

  #isOurs(current: StoredLease): boolean {
    const { over, fence } = this.#held;
    return current.uid === over.uid && current.holder === this.holder && current.fence === fence;
  }

  async #read(options: CallOptions): Promise<StoredLease | undefined> {
    const stored = await this.#parts.cluster.get(leaseReference(this.#held.request), urgent(options));
    return stored === undefined ? undefined : parseLease(stored);
  }

  async #write(held: Held, options: CallOptions): Promise<StoredLease> {
    const { clock, cluster } = this.#parts;
    const sentAt = instantOf(clock);
    const object = leaseObject(held, new Date(clock.now()));
    const stored = parseLease(await cluster.replace(object, urgent(options)));
    this.#sentAt = sentAt;
    return stored;
  }
}

/** A moment by both of this process's clocks. */
export interface Instant {
  monotonicMs: number;
  wallMs: number;
}

/** Now. */
export function instantOf(clock: Clock): Instant {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.now() };
}

/** The object is another one, newer, or not there. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ConflictError || error instanceof NotFoundError;
}

/** Leases go before everything else when the client is throttled. */
export function urgent({ signal }: CallOptions): CallOptions {
  return { signal, priority: 'urgent' };
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  promise.catch(() => undefined); // when the signal comes first it is not looked at
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
