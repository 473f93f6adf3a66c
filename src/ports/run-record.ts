import { InputError, type Fault } from '../base/errors.ts';
import type { CallOptions } from './cluster.ts';
import type { RunOutcome, StageOutcome } from './events.ts';
import { LeaseLostError, type LeaseReference } from './leases.ts';

/** The format of run records that this version writes, and the newest that it reads. */
export const runRecordFormat = 2;

/** What is kept of one stage. */
export interface StageRecord {
  state: 'pending' | 'running' | 'done';
  attempt: number;
  outcome?: StageOutcome;
  /** Milliseconds since 1970 of the runner's clock. */
  startedAt?: number;
  /** {@link RunRecord.tookMs} when the current attempt began. */
  attemptAtMs?: number;
  finishedAt?: number;
  message?: string;
  hint?: string;
  outputs: Record<string, string>;
  /** Set by `$SLIPWAY_ENV`, for later stages. */
  environment: Record<string, string>;
  /** Step id to the bytes of its log that were shown. */
  offsets: Record<string, number>;
  /** `Agent.id` of the pod that the current attempt works in; what a stage that succeeded left in a workspace is there. */
  pod?: string;
  /** The current attempt brings back what the stage left in a pod that is gone, and has not succeeded yet. */
  restoring?: boolean;
}

/** Why a run was stopped. */
export interface StopReason {
  message: string;
  hint?: string;
  fault: Fault;
  /** The run's timeout in milliseconds, when it was over. */
  afterMs?: number;
}

/** What `pipeline cancel` writes. */
export const cancelledByCommand: StopReason = {
  message: 'cancelled by `pipeline cancel`',
  fault: 'aborted',
};

/** The durable state of a run, kept where the runner's death does not take it. */
export interface RunRecord {
  /** Version of this format; a reader upgrades an older one and refuses a newer one. */
  formatVersion: typeof runRecordFormat;
  runId: string;
  pipeline: string;
  namespace: string;
  createdAt: number;
  /** When its runner last wrote it; milliseconds since 1970 of that runner's clock. What it showed later is not in it. */
  writtenAt?: number;
  /** Milliseconds that the run had runners for, until then: the sum of spans that each measured by a monotonic clock. */
  tookMs?: number;
  /**
   * Fencing token of the runner that owns the run: higher with each runner that resumes it. A writer with another one is
   * refused. 0 in records of versions that knew none.
   */
  fence: number;
  state: 'running' | 'cancelling' | 'finished';
  /** Why it is cancelling, the first reason; missing in records of versions that did not keep it. */
  stop?: StopReason;
  outcome?: RunOutcome;
  finishedAt?: number;
  /** The pipeline file as it was read, and what it was run with: all that resume needs to plan the same run again. */
  source: { file: string; text: string };
  parameters: Record<string, string>;
  trigger: Record<string, string>;
  /** AgentSpec.name of the agents whose pod was replaced, by the agent's name in the plan. */
  agents: Record<string, string>;
  /** The commit that the checkout resolved to, as soon as it is known. */
  git: Record<string, string>;
  stages: Record<string, StageRecord>;
  /** Where the last runner keeps the logs: the folder holds `STAGE.log`. */
  logs?: { host: string; directory: string };
}

/** A record as stored; `version` guards the next write (compare-and-set). */
export interface StoredRun {
  record: RunRecord;
  version: string;
  /** The object that owns what the run makes. */
  owner: { apiVersion: string; kind: string; name: string; uid: string };
}

/** Name of what the cluster keeps of a run: its ConfigMap and its Lease. */
export function runObjectName(runId: string): string {
  return `slipway-run-${runId.toLowerCase()}`;
}

/** The lease of a run's owner. */
export function runLease({ runId, namespace }: { runId: string; namespace: string }): LeaseReference {
  return { name: runObjectName(runId), namespace };
}

/** There is nothing to resume. */
export class RunFinishedError extends InputError {
  constructor(runId: string) {
    super(`run ${runId} is finished already`);
  }
}

/**
 * Keeps the records of runs, and nothing of who may write them: that is a lease's business (./leases.ts). But a record
 * holds the fence of its owner, and every write is compare-and-set, so that a runner which was taken over, however late
 * it wakes, writes nothing, and nothing is ever written over a finished record.
 */
export interface RunStore {
  /** @throws ConflictError when it exists; RecordTooLargeError */
  create(record: RunRecord, options: CallOptions): Promise<StoredRun>;
  /** @throws RecordFormatError */
  load(run: { runId: string; namespace: string }, options: CallOptions): Promise<StoredRun | undefined>;
  list(namespace: string, options: CallOptions): Promise<StoredRun[]>;
  /**
   * Writes `record` over `stored`. What is written already, because an answer was lost, is a success.
   * @throws ConflictError when it was changed since by somebody who does not own the run (`pipeline cancel`): load it
   * again, then write
   * @throws LeaseLostError when it is finished, or another runner has claimed it by a fence of its own
   * @throws NotFoundError when it is gone
   * @throws RecordTooLargeError when it does not fit where it is kept, RecordFormatError when what is stored was damaged;
   * trying again mends neither (./record-errors.ts)
   */
  update(stored: StoredRun, record: RunRecord, options: CallOptions): Promise<StoredRun>;
  /**
   * Deletes the very record that was seen and, by ownership, all that the run made. One that is gone is a success.
   * @throws ConflictError when it was changed since: a runner has resumed the run
   */
  remove(stored: StoredRun, options: CallOptions): Promise<void>;
}

/** Another runner has claimed the run, or it has ended. */
export function runLostError(runId: string, why: 'claimed' | 'finished'): LeaseLostError {
  return why === 'claimed'
    ? new LeaseLostError(`run ${runId} is owned by another runner now`, { hint: resumedHint(runId) })
    : new LeaseLostError(`run ${runId} has ended: its record is not written any more`);
}

/** What the user can do when a run was taken over. */
export function resumedHint(runId: string): string {
  return `another runner has resumed this run; follow it by \`pipeline attach ${runId}\``;
}
