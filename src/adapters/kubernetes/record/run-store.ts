import { sameJson } from '../../../base/same-json.ts';
import type { CallOptions, Cluster } from '../../../ports/cluster.ts';
import { ConflictError, NotFoundError } from '../../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import { RecordFormatError } from '../../../ports/record-errors.ts';
import {
  runLostError,
  runObjectName,
  type RunRecord,
  type RunStore,
  type StoredRun,
} from '../../../ports/run-record.ts';
import { labels, labelValue, managedSelector } from '../agent/agent-names.ts';
import type { Log } from '../log.ts';
import { packRecord, unpackRecord, type RecordData } from './record-format.ts';

const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' };
/** Tells the records from other ConfigMaps that Slipway makes. */
const recordLabel = 'slipway.dev/record';
export const recordSelector = `${managedSelector},${recordLabel}=run`;

/** What keeping runs needs. */
export interface RunStoreParts {
  cluster: Cluster;
  log: Log;
}

/** {@link RunStore} in ConfigMaps. */
export class KubernetesRunStore implements RunStore {
  readonly #cluster: Cluster;
  readonly #log: Log;

  constructor({ cluster, log }: RunStoreParts) {
    this.#cluster = cluster;
    this.#log = log;
  }

  async create(record: RunRecord, options: CallOptions): Promise<StoredRun> {
    return stored(await this.#cluster.create(toConfigMap(record), options));
  }

  async load(
    run: { runId: string; namespace: string },
    options: CallOptions,
  ): Promise<StoredRun | undefined> {
    const reference = { ...configMapKind, name: runObjectName(run.runId), namespace: run.namespace };
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
    if (before.record.state === 'finished') throw runLostError(record.runId, 'finished');
    if (record.fence < before.record.fence) throw runLostError(record.runId, 'claimed');
    const object = toConfigMap(record);
    const metadata = { ...object.metadata, resourceVersion: before.version, uid: before.owner.uid };
    try {
      return stored(await this.#cluster.replace({ ...object, metadata }, options));
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      const found = await this.load(record, options);
      if (found === undefined || found.owner.uid !== before.owner.uid) {
        throw new NotFoundError(`the record of run ${record.runId} is gone`, { cause: error });
      }
      if (isWritten(found.record, record)) return found;
      if (found.record.fence !== before.record.fence) throw runLostError(record.runId, 'claimed');
      if (found.record.state === 'finished') throw runLostError(record.runId, 'finished');
      throw error;
    }
  }

  async remove(run: StoredRun, options: CallOptions): Promise<void> {
    const { owner, version, record } = run;
    const reference = { ...configMapKind, name: owner.name, namespace: record.namespace };
    try {
      await this.#cluster.delete(reference, { ...options, uid: owner.uid, resourceVersion: version });
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      const found = await this.#cluster.get(reference, options);
      if (found?.metadata.uid === owner.uid) throw error;
    }
  }
}

/**
 * Whether our own write, whose answer was lost, is what is there. The end of a run is written by its owner alone, who
 * may have tried again with a later time in it.
 */
function isWritten(found: RunRecord, record: RunRecord): boolean {
  if (sameJson(found, record)) return true;
  const isEnd = found.state === 'finished' && record.state === 'finished';
  return isEnd && found.fence === record.fence && found.outcome === record.outcome;
}

function toConfigMap(record: RunRecord): KubernetesObject {
  const { data, binaryData }: RecordData = packRecord(record);
  return {
    ...configMapKind,
    metadata: {
      name: runObjectName(record.runId),
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
