import type { CallOptions, Cluster } from '../../../ports/cluster.ts';
import { ConflictError, NotFoundError } from '../../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import {
  LeaseHeldError,
  type Lease,
  type LeaseState,
  type RunRecord,
  type RunStore,
  type StoredRun,
} from '../../../ports/run-record.ts';
import { labels, labelValue, managedSelector } from '../agent/agent-names.ts';
import { pause } from '../client/pause.ts';
import type { Log } from '../log.ts';
import { HeldLease } from './held-lease.ts';
import { leaseKind, leaseObject, parseLease, type LeaseWriting, type StoredLease } from './lease-object.ts';
import { packRecord, RecordFormatError, unpackRecord, type RecordData } from './record-format.ts';

const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' };
/** Tells the records from other ConfigMaps that Slipway makes. */
const recordLabel = 'slipway.dev/record';
export const recordSelector = `${managedSelector},${recordLabel}=run`;

/** What keeping runs needs. */
export interface RunStoreParts {
  cluster: Cluster;
  log: Log;
  leaseMs: number;
}

/** Name of a run's ConfigMap and Lease. */
export function recordName(runId: string): string {
  return `slipway-run-${runId.toLowerCase()}`;
}

/** {@link RunStore} in ConfigMaps and Leases. */
export class KubernetesRunStore implements RunStore {
  readonly #cluster: Cluster;
  readonly #log: Log;
  readonly #leaseMs: number;
  /** The leases that this process holds, by namespace and name. */
  readonly #held = new Map<string, HeldLease>();
  /** When a version of a lease was first seen: its age by this machine's monotonic clock alone. */
  readonly #seen = new Map<string, { version: string; at: number }>();

  constructor({ cluster, log, leaseMs }: RunStoreParts) {
    this.#cluster = cluster;
    this.#log = log;
    this.#leaseMs = leaseMs;
  }

  async create(record: RunRecord, options: CallOptions): Promise<StoredRun> {
    return stored(await this.#cluster.create(toConfigMap(record), options));
  }

  async load(
    run: { runId: string; namespace: string },
    options: CallOptions,
  ): Promise<StoredRun | undefined> {
    const reference = { ...configMapKind, name: recordName(run.runId), namespace: run.namespace };
    const object = await this.#cluster.get(reference, options);
    return object === undefined ? undefined : stored(object);
  }

  async list(namespace: string, options: CallOptions): Promise<StoredRun[]> {
    const objects = await this.#cluster.list(
      configMapKind,
      { namespace, labelSelector: recordSelector },
      options,
    );
    return objects.flatMap((object) => {
      try {
        return [stored(object)];
      } catch (error) {
        if (!(error instanceof RecordFormatError)) throw error;
        this.#log.warn('the record of a run cannot be read', {
          record: object.metadata.name,
          reason: error.message,
        });
        return [];
      }
    });
  }

  async update(before: StoredRun, record: RunRecord, options: CallOptions): Promise<StoredRun> {
    const lease = this.#held.get(keyOf(before.record));
    lease?.lost.throwIfAborted();
    const object = toConfigMap(record);
    const metadata = { ...object.metadata, resourceVersion: before.version, uid: before.owner.uid };
    try {
      return stored(await this.#cluster.replace({ ...object, metadata }, options));
    } catch (error) {
      // Who wrote it? If another runner has the run now, this one must write nothing more.
      if (error instanceof ConflictError) await lease?.check(options.signal);
      throw error;
    }
  }

  async remove(run: { runId: string; namespace: string }, options: CallOptions): Promise<void> {
    const reference = { ...configMapKind, name: recordName(run.runId), namespace: run.namespace };
    await this.#cluster.delete(reference, options);
  }

  async acquireLease(run: StoredRun, holder: string, options: CallOptions): Promise<Lease> {
    const { record, owner } = run;
    const wanted: LeaseWriting = {
      name: recordName(record.runId),
      namespace: record.namespace,
      run: labelValue(record.runId),
      owner,
      holder,
      transitions: 0,
      seconds: Math.ceil(this.#leaseMs / 1000),
    };
    const urgent = { ...options, priority: 'urgent' } as const;
    // Most runs are new and have no lease: it is made without a look first.
    for (let current: StoredLease | undefined; ; current = await this.#read(record, urgent)) {
      if (current !== undefined && current.holder !== '' && current.holder !== holder) {
        await this.#outwait(record, current, urgent);
      }
      const taken = await this.#take(wanted, current, urgent);
      if (taken !== undefined) return this.#hold(record, taken);
    }
  }

  /** Renews the leases of this process no more; the process is about to end. */
  dispose(): void {
    for (const lease of this.#held.values()) lease.abandon();
    this.#held.clear();
  }

  async leaseOf(
    run: { runId: string; namespace: string },
    options: CallOptions,
  ): Promise<LeaseState | undefined> {
    const lease = await this.#read(run, options);
    if (lease === undefined) return undefined;
    return { holder: lease.holder, expired: lease.holder === '' || this.#ageMs(run, lease) >= this.#leaseMs };
  }

  /** Waits as long as a living holder would take to renew. @throws LeaseHeldError when it does */
  async #outwait(
    run: { runId: string; namespace: string },
    seen: StoredLease,
    options: CallOptions,
  ): Promise<void> {
    while (this.#ageMs(run, seen) < this.#leaseMs) {
      await pause(Math.min(1000, this.#leaseMs / 10), options.signal);
      const current = await this.#read(run, options);
      if (current === undefined || current.holder === '') return;
      if (current.version !== seen.version) {
        throw new LeaseHeldError(run.runId, current.holder);
      }
    }
    this.#log.info('the lease of a run was not renewed and is taken over', {
      run: run.runId,
      from: seen.holder,
    });
  }

  /** undefined when another runner was faster. */
  async #take(
    wanted: LeaseWriting,
    current: StoredLease | undefined,
    options: CallOptions,
  ): Promise<LeaseWriting | undefined> {
    const lease: LeaseWriting =
      current === undefined
        ? wanted
        : { ...wanted, transitions: current.transitions + 1, version: current.version };
    const object = leaseObject(lease, new Date());
    try {
      const written =
        current === undefined
          ? await this.#cluster.create(object, options)
          : await this.#cluster.replace(object, options);
      return { ...lease, version: parseLease(written).version };
    } catch (error) {
      if (error instanceof ConflictError || (error instanceof NotFoundError && current !== undefined))
        return undefined;
      throw error;
    }
  }

  #hold(record: RunRecord, lease: LeaseWriting): Lease {
    const held = new HeldLease({ cluster: this.#cluster, log: this.#log, renewMs: this.#leaseMs / 3 }, lease);
    const key = keyOf(record);
    this.#held.set(key, held);
    return {
      lost: held.lost,
      release: async (options) => {
        await held.release(options);
        if (this.#held.get(key) === held) this.#held.delete(key);
      },
    };
  }

  async #read(
    run: { runId: string; namespace: string },
    options: CallOptions,
  ): Promise<StoredLease | undefined> {
    const reference = { ...leaseKind, name: recordName(run.runId), namespace: run.namespace };
    const object = await this.#cluster.get(reference, options);
    const key = keyOf(run);
    if (object === undefined) {
      this.#seen.delete(key);
      return undefined;
    }
    const lease = parseLease(object);
    if (this.#seen.get(key)?.version !== lease.version) {
      this.#seen.set(key, { version: lease.version, at: performance.now() });
    }
    return lease;
  }

  #ageMs(run: { runId: string; namespace: string }, lease: StoredLease): number {
    const seen = this.#seen.get(keyOf(run));
    return seen?.version === lease.version ? performance.now() - seen.at : 0;
  }
}

function toConfigMap(record: RunRecord): KubernetesObject {
  const { data, binaryData }: RecordData = packRecord(record);
  return {
    ...configMapKind,
    metadata: {
      name: recordName(record.runId),
      namespace: record.namespace,
      labels: {
        [labels.managedBy]: 'slipway',
        [labels.run]: labelValue(record.runId),
        [labels.pipeline]: labelValue(record.pipeline),
        [recordLabel]: 'run',
      },
    },
    data,
    binaryData,
  };
}

function stored(object: KubernetesObject): StoredRun {
  const { name, uid = '', resourceVersion = '' } = object.metadata;
  return {
    record: unpackRecord(object as Partial<RecordData>, `the record ${name}`),
    version: resourceVersion,
    owner: { ...configMapKind, name, uid },
  };
}

function keyOf({ runId, namespace }: { runId: string; namespace: string }): string {
  return `${namespace}/${runId}`;
}
