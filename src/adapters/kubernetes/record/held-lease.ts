import { messageOf } from '../../../base/errors.ts';
import type { CallOptions, Cluster } from '../../../ports/cluster.ts';
import { ConflictError, NotFoundError } from '../../../ports/cluster-errors.ts';
import { LeaseLostError, type Lease } from '../../../ports/run-record.ts';
import { pause } from '../client/pause.ts';
import type { Log } from '../log.ts';
import { leaseKind, leaseObject, parseLease, type LeaseWriting } from './lease-object.ts';

/** What one renewal may take before the next is tried. */
const attemptMs = 10_000;

/** A lease that this process holds, renewed every third of its time until it is released or somebody else has it. */
export class HeldLease implements Lease {
  readonly #cluster: Pick<Cluster, 'get' | 'replace' | 'delete'>;
  readonly #log: Log;
  readonly #lost = new AbortController();
  readonly #stopped = new AbortController();
  readonly #renewing: Promise<void>;
  #lease: LeaseWriting;

  constructor(
    parts: { cluster: Pick<Cluster, 'get' | 'replace' | 'delete'>; log: Log; renewMs: number },
    lease: LeaseWriting,
  ) {
    this.#cluster = parts.cluster;
    this.#log = parts.log;
    this.#lease = lease;
    this.#renewing = this.#renewFor(parts.renewMs);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Renews it no more, as a runner that has died; who takes the run over waits for its time to pass. */
  abandon(): void {
    this.#stopped.abort();
  }

  async release(options: CallOptions): Promise<void> {
    this.#stopped.abort();
    await this.#renewing;
    if (this.lost.aborted) return;
    try {
      await this.#delete(options);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // A renewal that was ended under way may have been written; else it is not ours any more.
      if (await this.#isOurs(options.signal)) await this.#delete(options);
    }
  }

  async #delete(options: CallOptions): Promise<void> {
    const { name, namespace, version } = this.#lease;
    const guard = version === undefined ? {} : { resourceVersion: version };
    await this.#cluster.delete(
      { ...leaseKind, name, namespace },
      { ...options, ...guard, priority: 'urgent' },
    );
  }

  async #isOurs(signal: AbortSignal): Promise<boolean> {
    try {
      await this.check(signal);
      return true;
    } catch (error) {
      if (error instanceof LeaseLostError) return false;
      throw error;
    }
  }

  /**
   * Asks whether the lease is still ours; for a write that met somebody else's.
   * @throws LeaseLostError when it is not
   */
  async check(signal: AbortSignal): Promise<void> {
    const { name, namespace, holder } = this.#lease;
    const stored = await this.#cluster.get({ ...leaseKind, name, namespace }, { signal, priority: 'urgent' });
    const current = stored === undefined ? undefined : parseLease(stored);
    if (current?.holder === holder) {
      this.#lease = { ...this.#lease, version: current.version };
      return;
    }
    const other =
      current === undefined
        ? 'it was removed'
        : `${current.holder === '' ? 'nobody' : current.holder} has it now`;
    const error = new LeaseLostError(`the lease of the run is lost: ${other}`, {
      hint: 'another runner has resumed this run; follow it by `pipeline attach`',
    });
    this.#lost.abort(error);
    throw error;
  }

  async #renewFor(renewMs: number): Promise<void> {
    const stopped = this.#stopped.signal;
    for (let failing = false; !stopped.aborted;) {
      try {
        await pause(failing ? Math.min(2000, renewMs) : renewMs, stopped);
        const signal = AbortSignal.any([stopped, AbortSignal.timeout(attemptMs)]);
        await this.#renew(signal);
        failing = false;
      } catch (error) {
        if (hasEnded(stopped) || this.lost.aborted) return;
        // Without an answer nobody can have taken the lease over knowingly; what matters is what the API says next.
        failing = true;
        this.#log.warn('the lease of the run could not be renewed', { reason: messageOf(error) });
      }
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    try {
      await this.#write(this.#lease, { signal, priority: 'urgent' });
    } catch (error) {
      if (!(error instanceof ConflictError) && !(error instanceof NotFoundError)) throw error;
      await this.check(signal);
    }
  }

  async #write(lease: LeaseWriting, options: CallOptions): Promise<void> {
    const stored = parseLease(await this.#cluster.replace(leaseObject(lease, new Date()), options));
    this.#lease = { ...lease, version: stored.version };
  }
}

/** Read through a function: the flow analysis takes a signal's state for fixed. */
function hasEnded(signal: AbortSignal): boolean {
  return signal.aborted;
}
