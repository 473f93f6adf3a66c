import { SlipwayError, type Fault } from '../base/errors.ts';
import type { CallOptions } from './cluster.ts';

/** Which lease. */
export interface LeaseReference {
  /** Unique in the namespace. */
  name: string;
  namespace: string;
}

/** A lease to acquire. */
export interface LeaseRequest extends LeaseReference {
  /** What it guards, for messages: `run 01J…`, `the release of web`. */
  subject: string;
  /** Unique to this process and readable: host, pid and something random. */
  holder: string;
  /** What the user can do when another runner holds it. */
  heldHint?: string;
  /** What it means when another runner has taken it. */
  lostHint?: string;
  /** The object whose removal removes the lease. */
  owner?: { apiVersion: string; kind: string; name: string; uid: string };
  labels?: Readonly<Record<string, string>>;
  /** Nothing of this name is expected: it is created without a look first, which saves a request. */
  isNew?: boolean;
  /** The fence that the guarded record was written with last; the new one is higher, whatever the lease says. */
  fenceAfter?: number;
  /**
   * Whether another holder is known to be replaced, as an earlier runner of a run that this process owns: the lease is
   * taken from it at once, though it may not have expired. What it guards needs a fence besides.
   */
  isReplaced?: (holder: string) => boolean;
  /** Milliseconds to wait for another holder that lives; default 0: no longer than it takes to see that it does. */
  waitMs?: number;
  /** Called once for each other holder that is waited for. */
  onWait?: (holder: string) => Promise<void>;
}

/** A lease as others see it. */
export interface LeaseState {
  /** Empty when it was released. */
  holder: string;
  /**
   * It was released, or its holder is known to have ended, or it was not renewed for as long as it lasts, by the clock of
   * the one who looks.
   */
  expired: boolean;
}

/** A held lease; renewed in the background until it is released or lost. */
export interface Lease {
  readonly holder: string;
  /**
   * Fencing token: each change of the holder raises it. Goes into what the lease guards, so that a write of an earlier
   * holder, however late it arrives, is told from one of the present holder and refused.
   */
  readonly fence: number;
  /**
   * It was made now, as far as is known. Where the guarded record has an owner already, somebody has deleted the lease,
   * and that owner learns of it with its next renewal: nothing is its successor's before `durationMs` have passed.
   */
  readonly isNew: boolean;
  /** What it lasts without a renewal; milliseconds. */
  readonly durationMs: number;
  /** Aborted when the lease is lost; its reason is a LeaseLostError. */
  readonly leaseLost: AbortSignal;
  /**
   * To be called before each act that the lease guards. Resolves at once while no one else can hold it: its last renewal
   * was sent less than two thirds of its time ago, by this process's own clocks. Otherwise (the process was stopped, the
   * API was away) it resolves as soon as a renewal proves that the lease is still ours.
   * @throws LeaseLostError when it is not, or was released; `signal.reason` when that comes first
   */
  confirm(options: CallOptions): Promise<void>;
  /** Releases it; leaves it alone when it was lost. Idempotent. */
  release(options: CallOptions): Promise<void>;
}

/**
 * One holder at a time, for runs, releases and all else that must have one owner.
 *
 * Whether a holder lives is judged by its renewals: a lease that was not seen to change for as long as it lasts, by the
 * monotonic clock of the one who looks, may be taken over. Only a process of the same machine is looked at itself, and its
 * lease taken over as soon as it has ended. Clocks of two machines are never compared, and a wall clock is never asked how
 * much time has passed. A lease that is gone is lost: a renewal never brings it back.
 */
export interface Leases {
  /** @throws LeaseHeldError when a living holder keeps it for longer than `waitMs`; ClusterError */
  acquire(request: LeaseRequest, options: CallOptions): Promise<Lease>;
  /** undefined when there is none. Ages only while one asks again and again. */
  find(reference: LeaseReference, options: CallOptions): Promise<LeaseState | undefined>;
}

/** Another holder has the lease, or it is gone: nothing that it guards may be written any more. */
export class LeaseLostError extends SlipwayError {
  readonly code: string = 'lease-lost';
  readonly fault: Fault = 'aborted';
}

/** The lease is gone with its whole namespace, and so is what it guards: no other runner has taken it. */
export class NamespaceGoneError extends LeaseLostError {
  override readonly code = 'namespace-gone';
  override readonly fault = 'infrastructure';
}

/** Another holder has the lease and renews it: it was not taken from it. */
export class LeaseHeldError extends LeaseLostError {
  override readonly code = 'lease-held';
  readonly holder: string;

  constructor(subject: string, holder: string, hint?: string) {
    super(`${subject} is owned by another runner (${holder})`, hint === undefined ? {} : { hint });
    this.holder = holder;
  }
}
