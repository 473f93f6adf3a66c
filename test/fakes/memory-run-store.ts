import { ConflictError, NotFoundError } from '../../src/ports/cluster-errors.ts';
import {
  LeaseHeldError,
  LeaseLostError,
  type Lease,
  type LeaseState,
  type RunRecord,
  type RunStore,
  type StoredRun,
} from '../../src/ports/run-record.ts';
import type { CallOptions } from '../../src/ports/cluster.ts';

interface Place {
  runId: string;
  namespace: string;
}

/** A RunStore in memory that keeps to the port: compare-and-set, one holder of a lease. */
export class MemoryRunStore implements RunStore {
  /** Thrown by the next writes, one each. */
  readonly failWrites: Error[] = [];
  /** Every record that was written, in order. */
  readonly history: RunRecord[] = [];
  private readonly runs = new Map<string, StoredRun>();
  private readonly leases = new Map<string, { holder: string; lost: AbortController }>();
  private version = 0;

  async create(record: RunRecord, { signal }: CallOptions): Promise<StoredRun> {
    signal.throwIfAborted();
    if (this.runs.has(record.runId)) throw new ConflictError(`run ${record.runId} exists`);
    return this.put(record);
  }

  async load({ runId }: Place, { signal }: CallOptions): Promise<StoredRun | undefined> {
    signal.throwIfAborted();
    return structuredClone(this.runs.get(runId));
  }

  async list(_namespace: string, _options: CallOptions): Promise<StoredRun[]> {
    return structuredClone([...this.runs.values()]);
  }

  async update(stored: StoredRun, record: RunRecord, { signal }: CallOptions): Promise<StoredRun> {
    signal.throwIfAborted();
    const failure = this.failWrites.shift();
    if (failure !== undefined) throw failure;
    const current = this.runs.get(record.runId);
    if (current === undefined) throw new NotFoundError(`no run ${record.runId}`);
    if (current.version !== stored.version) throw new ConflictError('the record was changed');
    return this.put(record);
  }

  async remove({ runId }: Place, _options: CallOptions): Promise<void> {
    this.runs.delete(runId);
  }

  async acquireLease(stored: StoredRun, holder: string, { signal }: CallOptions): Promise<Lease> {
    signal.throwIfAborted();
    const { runId } = stored.record;
    const held = this.leases.get(runId);
    if (held !== undefined && held.holder !== holder) throw new LeaseHeldError(runId, held.holder);
    const lost = new AbortController();
    this.leases.set(runId, { holder, lost });
    return {
      lost: lost.signal,
      release: async () => {
        if (this.leases.get(runId)?.lost === lost) this.leases.delete(runId);
      },
    };
  }

  async leaseOf({ runId }: Place, _options: CallOptions): Promise<LeaseState | undefined> {
    const held = this.leases.get(runId);
    return held && { holder: held.holder, expired: false };
  }

  /** Takes the lease away, as another runner would. */
  steal(runId: string): void {
    this.leases.get(runId)?.lost.abort(new LeaseLostError(`run ${runId} was taken over`));
    this.leases.delete(runId);
  }

  /** Changes the record as another process would. */
  change(runId: string, change: (record: RunRecord) => RunRecord): void {
    const found = this.runs.get(runId);
    if (found !== undefined) this.put(change(found.record));
  }

  /** The record as it is stored. */
  recordOf(runId: string): RunRecord | undefined {
    return structuredClone(this.runs.get(runId)?.record);
  }

  private put(record: RunRecord): StoredRun {
    this.version += 1;
    const owner = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: `run-${record.runId}`,
      uid: `uid-${record.runId}`,
    };
    const stored = { record: structuredClone(record), version: String(this.version), owner };
    this.runs.set(record.runId, stored);
    this.history.push(structuredClone(record));
    return structuredClone(stored);
  }
}
