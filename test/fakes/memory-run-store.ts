import { sameJson } from '../../src/base/same-json.ts';
import { ConflictError, NotFoundError } from '../../src/ports/cluster-errors.ts';
import {
  runLostError,
  runObjectName,
  type RunRecord,
  type RunStore,
  type StoredRun,
} from '../../src/ports/run-record.ts';
import type { CallOptions } from '../../src/ports/cluster.ts';

interface Place {
  runId: string;
  namespace: string;
}

/** A RunStore in memory that keeps to the port: compare-and-set, nothing over a finished record or another's fence. */
export class MemoryRunStore implements RunStore {
  /** Thrown by the next writes, one each. */
  readonly failWrites: Error[] = [];
  /** Every record that was written, in order. */
  readonly history: RunRecord[] = [];
  readonly #runs = new Map<string, StoredRun>();
  #version = 0;

  async create(record: RunRecord, { signal }: CallOptions): Promise<StoredRun> {
    signal.throwIfAborted();
    if (this.#runs.has(record.runId)) throw new ConflictError(`run ${record.runId} exists`);
    return this.#put(record);
  }

  async load({ runId }: Place, { signal }: CallOptions): Promise<StoredRun | undefined> {
    signal.throwIfAborted();
    return structuredClone(this.#runs.get(runId));
  }

  async list(_namespace: string, _options: CallOptions): Promise<StoredRun[]> {
    return structuredClone([...this.#runs.values()]);
  }

  async update(stored: StoredRun, record: RunRecord, { signal }: CallOptions): Promise<StoredRun> {
    signal.throwIfAborted();
    const failure = this.failWrites.shift();
    if (failure !== undefined) throw failure;
    const { runId, fence } = record;
    if (stored.record.state === 'finished') throw runLostError(runId, 'finished');
    if (fence < stored.record.fence) throw runLostError(runId, 'claimed');
    const current = this.#runs.get(runId);
    if (current?.owner.uid !== stored.owner.uid) throw new NotFoundError(`no run ${runId}`);
    if (current.version === stored.version) return this.#put(record, current);
    const { fence: claimedBy, outcome, state } = current.record;
    const isOwnEnd = state === 'finished' && record.state === 'finished' && claimedBy === fence;
    if (sameJson(current.record, record) || (isOwnEnd && outcome === record.outcome))
      return structuredClone(current);
    if (claimedBy !== stored.record.fence) throw runLostError(runId, 'claimed');
    if (state === 'finished') throw runLostError(runId, 'finished');
    throw new ConflictError('the record was changed');
  }

  async remove(stored: StoredRun, { signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    const { runId } = stored.record;
    const current = this.#runs.get(runId);
    if (current?.owner.uid !== stored.owner.uid) return;
    if (current.version !== stored.version) throw new ConflictError('the record was changed');
    this.#runs.delete(runId);
  }

  /** Changes the record as another process would. */
  change(runId: string, change: (record: RunRecord) => RunRecord): void {
    const found = this.#runs.get(runId);
    if (found !== undefined) this.#put(change(found.record), found);
  }

  /** Takes the record away, as somebody with kubectl. */
  drop(runId: string): void {
    this.#runs.delete(runId);
  }

  /** The record as it is stored. */
  recordOf(runId: string): RunRecord | undefined {
    return structuredClone(this.#runs.get(runId)?.record);
  }

  #put(record: RunRecord, before?: StoredRun): StoredRun {
    this.#version += 1;
    const version = String(this.#version);
    const owner = before?.owner ?? {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: runObjectName(record.runId),
      uid: `uid-${version}`,
    };
    const stored = { record: structuredClone(record), version, owner };
    this.#runs.set(record.runId, stored);
    this.history.push(structuredClone(record));
    return structuredClone(stored);
  }
}
