import { CancelledError } from '../base/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { ConflictError } from '../ports/cluster-errors.ts';
import { isUnusableRecord, type UnusableRecordError } from '../ports/record-errors.ts';
import { LeaseLostError } from '../ports/leases.ts';
import {
  cancelledByCommand,
  runLostError,
  type RunRecord,
  type RunStore,
  type StageRecord,
  type StoredRun,
} from '../ports/run-record.ts';
import type { Ownership } from './ownership.ts';
import { unlessAborted } from './signals.ts';

/** Milliseconds that changes that are not urgent (log offsets) wait for each other. */
const lazyMs = 2000;
const firstBackoffMs = 500;
const longestBackoffMs = 10_000;
/** Milliseconds for a look at what is stored, when the time for writing is over. */
const lastLookMs = 5000;

/** What the writer needs. */
export interface RecordWriterOptions {
  store: RunStore;
  clock: Clock;
  stored: StoredRun;
  /** Confirmed before each write; lost when the record turns out to be another runner's. */
  ownership: Ownership;
  /** Cancellation was asked for, or the record was deleted. */
  onCancel(reason: CancelledError): void;
  /** The record cannot be written; called once until it works again. The run continues. */
  onTrouble(error: unknown): void;
  /** The record cannot be written, and trying again mends nothing. What changes later is tried all the same. */
  onUnusable(error: UnusableRecordError): void;
}

/**
 * Holds and writes the record of a run: changes are applied in memory at once and written behind, one write at a time, by
 * compare-and-set. Stage transitions are written without delay, several at once when they come while a write is under
 * way; offsets at most every two seconds. A run never waits for its record but at its end.
 */
export class RecordWriter {
  readonly #options: RecordWriterOptions;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  #stored: StoredRun;
  #current: RunRecord;
  #revision = 0;
  readonly #begunAt: number;
  readonly #tookBeforeMs: number;
  #written = 0;
  /** The last revision that was refused for good, and why. */
  #refused: { revision: number; error: UnusableRecordError } | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #hurry = Promise.withResolvers<undefined>();
  #change = Promise.withResolvers<undefined>();
  #saved = Promise.withResolvers<undefined>();
  readonly #writing: Promise<void>;

  constructor(options: RecordWriterOptions) {
    this.#options = options;
    this.#stored = options.stored;
    this.#current = options.stored.record;
    this.#begunAt = options.clock.monotonicMs();
    this.#tookBeforeMs = options.stored.record.tookMs ?? 0;
    this.#signal = AbortSignal.any([this.#ended.signal, options.ownership.leaseLost]);
    this.#writing = this.#write().catch(() => undefined); // ends by its signal alone
  }

  /** The record as it is now, written or not. */
  get record(): RunRecord {
    return this.#current;
  }

  /** {@link RunRecord.tookMs} until now. */
  get tookMs(): number {
    return this.#tookBeforeMs + this.#options.clock.monotonicMs() - this.#begunAt;
  }

  /** Changes the record; written at once, or `soon`. */
  update(change: (record: RunRecord) => RunRecord, urgency: 'now' | 'soon' = 'now'): void {
    this.#current = change(this.#current);
    this.#revision += 1;
    this.#change.resolve(undefined);
    if (urgency === 'now') this.#hurry.resolve(undefined);
  }

  /** Changes the record of one stage. */
  updateStage(name: string, change: Partial<StageRecord>, urgency: 'now' | 'soon' = 'now'): void {
    this.update(
      (record) => ({
        ...record,
        stages: { ...record.stages, [name]: { ...stageOf(record, name), ...change } },
      }),
      urgency,
    );
  }

  /**
   * Reads whether cancellation was asked for; not needed when a write of the last `freshMs` milliseconds succeeded,
   * since it would have failed if the record had been changed.
   * @throws whatever the store throws
   */
  async checkForCancel(options: { signal: AbortSignal; freshMs: number }): Promise<void> {
    if (this.#options.clock.monotonicMs() - this.#writtenAt < options.freshMs) return;
    try {
      const found = await this.#options.store.load(this.#current, options);
      this.#checkFound(found);
    } catch (error) {
      if (isUnusableRecord(error)) this.#options.onUnusable(error);
      throw error;
    }
  }

  /**
   * Resolves when everything is written; rejects with the signal's reason when that takes too long.
   * @throws UnusableRecordError when it was refused for good
   */
  async flush(options: { signal: AbortSignal }): Promise<void> {
    while (this.#written < this.#revision) {
      if (this.#signal.aborted) return;
      if (this.#refused?.revision === this.#revision) throw this.#refused.error;
      this.#hurry.resolve(undefined);
      try {
        await unlessAborted(this.#saved.promise, AbortSignal.any([options.signal, this.#signal]));
      } catch (error) {
        if (await this.#isEndStored()) return;
        throw error;
      }
    }
  }

  /** A process that was stopped may have missed the answer to its last write, and its deadline: the store tells. */
  async #isEndStored(): Promise<boolean> {
    const { fence, state, outcome } = this.#current;
    if (state !== 'finished' || this.#signal.aborted) return false;
    const signal = AbortSignal.any([AbortSignal.timeout(lastLookMs), this.#signal]);
    const found = await this.#options.store.load(this.#current, { signal }).catch(() => undefined);
    const { record } = found ?? {};
    return record?.fence === fence && record.state === 'finished' && record.outcome === outcome;
  }

  /** Ends the writing; what is not written stays unwritten. */
  async close(): Promise<void> {
    this.#ended.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    let backoffMs = firstBackoffMs;
    while (!this.#signal.aborted) {
      await unlessAborted(this.#change.promise, this.#signal);
      await this.#waitForMore();
      await this.#options.ownership.confirm({ signal: this.#signal });
      const revision = this.#revision;
      this.#current = { ...this.#current, writtenAt: this.#options.clock.now(), tookMs: this.tookMs };
      const current = this.#current;
      this.#change = Promise.withResolvers();
      this.#hurry = Promise.withResolvers();
      try {
        this.#stored = await this.#options.store.update(this.#stored, current, { signal: this.#signal });
        this.#written = revision;
        this.#writtenAt = this.#options.clock.monotonicMs();
        backoffMs = firstBackoffMs;
      } catch (error) {
        if (error instanceof LeaseLostError) this.#options.ownership.lose(error);
        this.#signal.throwIfAborted();
        if (isUnusableRecord(error)) {
          this.#refuse({ revision, error });
          continue;
        }
        this.#change.resolve(undefined);
        this.#hurry.resolve(undefined);
        if (error instanceof ConflictError && (await this.#reload())) continue;
        if (backoffMs === firstBackoffMs) this.#options.onTrouble(error);
        await this.#options.clock.sleep(backoffMs, { signal: this.#signal });
        backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
        continue;
      }
      this.#wakeWaiting();
    }
  }

  /** Not tried again before the record changes. */
  #refuse(refused: { revision: number; error: UnusableRecordError }): void {
    this.#refused = refused;
    this.#options.onUnusable(refused.error);
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    const { resolve } = this.#saved;
    this.#saved = Promise.withResolvers();
    resolve(undefined);
  }

  async #waitForMore(): Promise<void> {
    const timer = new AbortController();
    const signal = AbortSignal.any([timer.signal, this.#signal]);
    const pause = this.#options.clock.sleep(lazyMs, { signal }).catch(() => undefined);
    await Promise.race([pause, this.#hurry.promise]);
    timer.abort();
    this.#signal.throwIfAborted();
  }

  /** Takes the newer version as the base of the next write; false when it could not be read. */
  async #reload(): Promise<boolean> {
    try {
      const found = await this.#options.store.load(this.#current, { signal: this.#signal });
      this.#checkFound(found);
      if (found === undefined) return false;
      this.#stored = found;
      const asked = found.record.state === 'cancelling' && this.#current.state === 'running';
      this.#current = { ...found.record, ...this.#current, ...(asked ? { state: 'cancelling' } : {}) };
      return true;
    } catch {
      this.#signal.throwIfAborted();
      return false; // The write's own error is reported; the next round tries both again.
    }
  }

  /** Ends the run's ownership or the run, as the stored record demands. */
  #checkFound(found: StoredRun | undefined): void {
    if (found !== undefined && found.record.fence > this.#current.fence) {
      this.#options.ownership.lose(runLostError(this.#current.runId, 'claimed'));
      return;
    }
    if (this.#current.state !== 'running') return;
    if (found === undefined) {
      this.#options.onCancel(new CancelledError('the record of the run was deleted'));
    } else if (found.record.state === 'cancelling') {
      this.#options.onCancel(new CancelledError(cancelledByCommand.message));
    }
  }
}

/** The record of a stage, a new one when there is none. */
export function stageOf(record: RunRecord, name: string): StageRecord {
  return record.stages[name] ?? { state: 'pending', attempt: 0, outputs: {}, environment: {}, offsets: {} };
}

/** What a run has taken of its timeout. Wall clocks are not asked: another runner's may be wrong by an hour. */
export function elapsedMs({ tookMs, writtenAt, createdAt }: RunRecord): number {
  return tookMs ?? Math.max(0, (writtenAt ?? createdAt) - createdAt);
}
