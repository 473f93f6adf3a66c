import { InputError, SlipwayError } from '../base/errors.ts';
import type { CallOptions } from './cluster.ts';
import type { RunOutcome, StageOutcome } from './events.ts';

/** What is kept of one stage. */
export interface StageRecord {
  state: 'pending' | 'running' | 'done';
  attempt: number;
  outcome?: StageOutcome;
  /** Milliseconds since 1970 of the runner's clock. */
  startedAt?: number;
  finishedAt?: number;
  message?: string;
  hint?: string;
  outputs: Record<string, string>;
  /** Set by `$SLIPWAY_ENV`, for later stages. */
  environment: Record<string, string>;
  /** Step id to the bytes of its log that were shown. */
  offsets: Record<string, number>;
}

/** The durable state of a run, kept where the runner's death does not take it. */
export interface RunRecord {
  /** Version of this format; a reader refuses a newer one. */
  formatVersion: 1;
  runId: string;
  pipeline: string;
  namespace: string;
  createdAt: number;
  /** When its runner last wrote it; milliseconds since 1970 of that runner's clock. What it showed later is not in it. */
  writtenAt?: number;
  state: 'running' | 'cancelling' | 'finished';
  outcome?: RunOutcome;
  finishedAt?: number;
  /** The pipeline file as it was read, and what it was run with: all that resume needs to plan the same run again. */
  source: { file: string; text: string };
  parameters: Record<string, string>;
  trigger: Record<string, string>;
  /** AgentSpec.name of the run's current agent, when it is not the first one. */
  agentName?: string;
  /** The commit that the checkout resolved to, as soon as it is known. */
  git: Record<string, string>;
  stages: Record<string, StageRecord>;
}

/** A record as stored; `version` guards the next write (compare-and-set). */
export interface StoredRun {
  record: RunRecord;
  version: string;
  /** The object that owns what the run makes. */
  owner: { apiVersion: string; kind: string; name: string; uid: string };
}

/** Who drives a run. */
export interface LeaseState {
  holder: string;
  /** Milliseconds since it was last renewed, measured without trusting clocks of two machines to agree. */
  expired: boolean;
}

/** Another runner has taken the run over, or holds it: whoever gets this writes nothing more. */
export class LeaseLostError extends SlipwayError {
  readonly code = 'lease-lost';
  readonly fault = 'aborted';
}

/** Another runner drives the run and renews its lease: it was not taken from it. */
export class LeaseHeldError extends LeaseLostError {
  /** Who drives it. */
  readonly holder: string;

  constructor(runId: string, holder: string) {
    super(`run ${runId} is driven by another runner (${holder})`, {
      hint: `follow it by \`pipeline attach ${runId}\``,
    });
    this.holder = holder;
  }
}

/** There is nothing to go on with. */
export class RunFinishedError extends InputError {
  constructor(runId: string) {
    super(`run ${runId} is finished already`);
  }
}

/** A held lease; renewed in the background until released. */
export interface Lease {
  /** Aborted when the lease is lost; its reason is a LeaseLostError. */
  readonly lost: AbortSignal;
  release(options: CallOptions): Promise<void>;
}

/**
 * Keeps the records of runs. Writes are compare-and-set: ConflictError when the version is old.
 */
export interface RunStore {
  create(record: RunRecord, options: CallOptions): Promise<StoredRun>;
  load(run: { runId: string; namespace: string }, options: CallOptions): Promise<StoredRun | undefined>;
  list(namespace: string, options: CallOptions): Promise<StoredRun[]>;
  update(stored: StoredRun, record: RunRecord, options: CallOptions): Promise<StoredRun>;
  /** Deletes the record and, by ownership, all that the run made. */
  remove(run: { runId: string; namespace: string }, options: CallOptions): Promise<void>;
  /** @throws LeaseHeldError when another runner holds it and its lease has not expired */
  acquireLease(stored: StoredRun, holder: string, options: CallOptions): Promise<Lease>;
  leaseOf(run: { runId: string; namespace: string }, options: CallOptions): Promise<LeaseState | undefined>;
}
