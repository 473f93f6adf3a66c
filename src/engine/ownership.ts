import type { CallOptions } from '../ports/cluster.ts';
import type { Lease, LeaseLostError } from '../ports/leases.ts';

/** Whether this runner still owns its run: its lease says so, and so does the fence in the run's record. */
export class Ownership {
  readonly #lease: Pick<Lease, 'fence' | 'leaseLost' | 'confirm'>;
  readonly #claimed = new AbortController();
  /** Aborted when another runner owns the run; its reason is a LeaseLostError. Nothing is written from then on. */
  readonly leaseLost: AbortSignal;

  /** Higher with each runner that resumes the run. */
  readonly fence: number;

  constructor(lease: Pick<Lease, 'fence' | 'leaseLost' | 'confirm'>) {
    this.#lease = lease;
    this.fence = lease.fence;
    this.leaseLost = AbortSignal.any([lease.leaseLost, this.#claimed.signal]);
  }

  /**
   * To be called before each act of the run: resolves when it is sure that no other runner owns it.
   * @throws LeaseLostError when another one does; `signal.reason` when that comes first
   */
  async confirm(options: CallOptions): Promise<void> {
    this.leaseLost.throwIfAborted();
    await this.#lease.confirm(options);
    this.leaseLost.throwIfAborted();
  }

  /** Options of a call whose writes are sent only while this runner owns the run. */
  fenced(options: CallOptions): CallOptions {
    return { ...options, beforeWrite: (call) => this.confirm(call) };
  }

  /** The record was found to be another runner's. */
  lose(error: LeaseLostError): void {
    this.#claimed.abort(error);
  }
}
