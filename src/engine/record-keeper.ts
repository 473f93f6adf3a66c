import type { Clock } from '../ports/clock.ts';
import { ConflictError } from '../ports/cluster-errors.ts';
import type { RunRecord, RunStore, StageRecord, StoredRun } from '../ports/run-record.ts';
import { CancelledError } from '../base/errors.ts';
import { unlessAborted } from './signals.ts';

/** Milliseconds that changes without haste (log offsets) wait for each other. */
const lazyMs = 2000;
const firstBackoffMs = 500;
const longestBackoffMs = 10_000;

/** What the keeper needs. */
export interface RecordKeeperOptions {
  store: RunStore;
  clock: Clock;
  stored: StoredRun;
  /** Aborted when the lease is lost: from then on nothing is written. */
  lost: AbortSignal;
  /** Somebody asked for cancellation, or deleted the record. */
  onCancel(reason: CancelledError): void;
  /** The record cannot be written; told once until it works again. The run goes on. */
  onTrouble(error: unknown): void;
}

/**
 * Keeps the record of a run: changes are applied in memory at once and written behind, one write at a time, by
 * compare-and-set. Stage transitions are written without delay, several at once when they come while a write is under
 * way; offsets at most every two seconds. A run never waits for its record but at its end.
 */
export class RecordKeeper {
  private readonly options: RecordKeeperOptions;
  private readonly ended = new AbortController();
  private readonly signal: AbortSignal;
  private stored: StoredRun;
  private current: RunRecord;
  private revision = 0;
  private written = 0;
  private writtenAt = Number.NEGATIVE_INFINITY;
  private hurry = Promise.withResolvers<undefined>();
  private change = Promise.withResolvers<undefined>();
  private saved = Promise.withResolvers<undefined>();
  private readonly writer: Promise<void>;

  constructor(options: RecordKeeperOptions) {
    this.options = options;
    this.stored = options.stored;
    this.current = options.stored.record;
    this.signal = AbortSignal.any([this.ended.signal, options.lost]);
    this.writer = this.write().catch(() => undefined); // ends by its signal alone
  }

  /** The record as it is now, written or not. */
  get record(): RunRecord {
    return this.current;
  }

  /** Changes the record; written at once, or `soon`. */
  update(change: (record: RunRecord) => RunRecord, urgency: 'now' | 'soon' = 'now'): void {
    this.current = change(this.current);
    this.revision += 1;
    this.change.resolve(undefined);
    if (urgency === 'now') this.hurry.resolve(undefined);
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
   * Looks whether somebody asked for cancellation; needless when a write of the last `freshMs` milliseconds succeeded,
   * since it would have failed had anybody changed the record.
   * @throws whatever the store throws
   */
  async look(options: { signal: AbortSignal; freshMs: number }): Promise<void> {
    if (this.options.clock.now() - this.writtenAt < options.freshMs) return;
    const found = await this.options.store.load(this.current, options);
    this.heed(found);
  }

  /** Resolves when everything is written; rejects with the signal's reason when that takes too long. */
  async flush(options: { signal: AbortSignal }): Promise<void> {
    while (this.written < this.revision) {
      if (this.signal.aborted) return;
      this.hurry.resolve(undefined);
      await unlessAborted(this.saved.promise, AbortSignal.any([options.signal, this.signal]));
    }
  }

  /** Ends the writing; what is not written stays unwritten. */
  async close(): Promise<void> {
    this.ended.abort();
    await this.writer;
  }

  private async write(): Promise<void> {
    let backoffMs = firstBackoffMs;
    while (!this.signal.aborted) {
      await unlessAborted(this.change.promise, this.signal);
      await this.waitForMore();
      const { revision } = this;
      this.current = { ...this.current, writtenAt: this.options.clock.now() };
      const { current } = this;
      this.change = Promise.withResolvers();
      this.hurry = Promise.withResolvers();
      try {
        this.stored = await this.options.store.update(this.stored, current, { signal: this.signal });
        this.written = revision;
        this.writtenAt = this.options.clock.now();
        backoffMs = firstBackoffMs;
      } catch (error) {
        this.signal.throwIfAborted();
        this.change.resolve(undefined);
        this.hurry.resolve(undefined);
        if (error instanceof ConflictError && (await this.reload())) continue;
        if (backoffMs === firstBackoffMs) this.options.onTrouble(error);
        await this.options.clock.sleep(backoffMs, { signal: this.signal });
        backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
        continue;
      }
      const { resolve } = this.saved;
      this.saved = Promise.withResolvers();
      resolve(undefined);
    }
  }

  private async waitForMore(): Promise<void> {
    const timer = new AbortController();
    const signal = AbortSignal.any([timer.signal, this.signal]);
    const pause = this.options.clock.sleep(lazyMs, { signal }).catch(() => undefined);
    await Promise.race([pause, this.hurry.promise]);
    timer.abort();
    this.signal.throwIfAborted();
  }

  /** Takes the newer version as the base of the next write; false when it could not be read. */
  private async reload(): Promise<boolean> {
    try {
      const found = await this.options.store.load(this.current, { signal: this.signal });
      this.heed(found);
      if (found === undefined) return false;
      this.stored = found;
      const asked = found.record.state === 'cancelling' && this.current.state === 'running';
      this.current = { ...found.record, ...this.current, ...(asked ? { state: 'cancelling' } : {}) };
      return true;
    } catch {
      this.signal.throwIfAborted();
      return false; // The write's own error is told; the next round tries both again.
    }
  }

  private heed(found: StoredRun | undefined): void {
    if (this.current.state !== 'running') return;
    if (found === undefined) {
      this.options.onCancel(new CancelledError('the record of the run was deleted'));
    } else if (found.record.state === 'cancelling') {
      this.options.onCancel(new CancelledError('cancelled by `pipeline cancel`'));
    }
  }
}

/** The record of a stage, a new one when there is none. */
export function stageOf(record: RunRecord, name: string): StageRecord {
  return record.stages[name] ?? { state: 'pending', attempt: 0, outputs: {}, environment: {}, offsets: {} };
}
