import type { CallOptions, Cluster } from '../ports/cluster.ts';
import { ConflictError } from '../ports/cluster-errors.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { LeaseLostError } from '../ports/run-record.ts';
import {
  applicationLabel,
  emptyRecord,
  parseRecord,
  recordName,
  ReleaseRecordError,
  revisionName,
  type ReleaseRecord,
} from './release-record.ts';

/** A record as stored; `version` guards the next write. */
export interface StoredRecord {
  record: ReleaseRecord;
  version: string;
  uid: string;
}

interface DataObject extends KubernetesObject {
  data?: Record<string, string>;
  stringData?: Record<string, string>;
}

const managedBy = 'app.kubernetes.io/managed-by';

/** Keeps an application's release record and the objects of its revisions in the application's namespace. */
export class ReleaseStore {
  readonly #cluster: Cluster;
  readonly #application: string;
  readonly #namespace: string;

  constructor(cluster: Cluster, application: string, namespace: string) {
    this.#cluster = cluster;
    this.#application = application;
    this.#namespace = namespace;
  }

  /** undefined before the first release. @throws ReleaseRecordError */
  async load(options: CallOptions): Promise<StoredRecord | undefined> {
    const found = await this.#cluster.get<DataObject>(this.#reference('ConfigMap'), options);
    if (found === undefined) return undefined;
    return stored(found, parseRecord(found.data?.['record'], this.#application));
  }

  /** The record, made when it is not there. */
  async loadOrCreate(options: CallOptions): Promise<StoredRecord> {
    const found = await this.load(options);
    if (found !== undefined) return found;
    const record = emptyRecord(this.#application, this.#namespace);
    const object = this.#object('ConfigMap', recordName(this.#application), {
      data: { record: JSON.stringify(record) },
    });
    return stored(await this.#cluster.create(object, options), record);
  }

  /**
   * Writes the record if nobody wrote it since it was read.
   * @throws LeaseLostError when somebody did: another runner drives the release now
   */
  async save(previous: StoredRecord, record: ReleaseRecord, options: CallOptions): Promise<StoredRecord> {
    const object = this.#object('ConfigMap', recordName(this.#application), {
      data: { record: JSON.stringify(record) },
    });
    object.metadata.resourceVersion = previous.version;
    object.metadata.uid = previous.uid;
    try {
      return stored(await this.#cluster.replace(object, options), record);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // The answer to our own write may have been lost: then what is there is what we wrote.
      const now = await this.load(options);
      if (now !== undefined && JSON.stringify(now.record) === JSON.stringify(record)) return now;
      throw new LeaseLostError(
        `another runner has written the release record of ${this.#application}: this one stops`,
        { cause: error },
      );
    }
  }

  /** Keeps the objects of a revision, the Secrets among them in a Secret. Idempotent. */
  async saveRevision(
    number: number,
    objects: readonly KubernetesObject[],
    options: CallOptions & { owner: string },
  ): Promise<void> {
    const name = revisionName(this.#application, number);
    const secrets = objects.filter((object) => object.kind === 'Secret');
    // In the ConfigMap a Secret leaves only its place in the order.
    const open = objects.map((object) =>
      object.kind === 'Secret'
        ? { apiVersion: object.apiVersion, kind: 'Secret', metadata: object.metadata }
        : object,
    );
    const owned = {
      ownerReferences: [
        { apiVersion: 'v1', kind: 'ConfigMap', name: recordName(this.#application), uid: options.owner },
      ],
    };
    const text = JSON.stringify(open);
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > 900_000) {
      throw new ReleaseRecordError(
        `the objects of ${this.#application} are ${String(bytes)} bytes as JSON: more than a ConfigMap can hold (900,000)`,
        { hint: 'release them in several deploy stages, each with an application name of its own' },
      );
    }
    await this.#createOnce(this.#object('ConfigMap', name, { data: { objects: text } }, owned), options);
    if (secrets.length > 0) {
      const stringData = { objects: JSON.stringify(secrets) };
      await this.#createOnce(this.#object('Secret', name, { stringData }, owned), options);
    }
  }

  /** The objects of a revision. @throws ReleaseRecordError when they are gone */
  async loadRevision(number: number, options: CallOptions): Promise<KubernetesObject[]> {
    const name = revisionName(this.#application, number);
    const found = await this.#cluster.get<DataObject>(this.#reference('ConfigMap', name), options);
    const text = found?.data?.['objects'];
    if (text === undefined) {
      throw new ReleaseRecordError(`the objects of revision ${String(number)} are gone (ConfigMap ${name})`, {
        hint: 'release a version from its manifests instead',
      });
    }
    const objects = JSON.parse(text) as KubernetesObject[];
    if (!objects.some((object) => object.kind === 'Secret')) return objects;
    const secret = await this.#cluster.get<DataObject>(this.#reference('Secret', name), options);
    const encoded = secret?.data?.['objects'];
    if (encoded === undefined) {
      throw new ReleaseRecordError(`the Secrets of revision ${String(number)} are gone (Secret ${name})`);
    }
    const secrets = JSON.parse(decodeBase64(encoded)) as KubernetesObject[];
    return objects.map((object) => {
      if (object.kind !== 'Secret') return object;
      const { name: secretName, namespace } = object.metadata;
      return (
        secrets.find((s) => s.metadata.name === secretName && s.metadata.namespace === namespace) ?? object
      );
    });
  }

  /** Forgets a revision's objects. */
  async removeRevision(number: number, options: CallOptions): Promise<void> {
    const name = revisionName(this.#application, number);
    await this.#cluster.delete(this.#reference('ConfigMap', name), options);
    await this.#cluster.delete(this.#reference('Secret', name), options);
  }

  async #createOnce(object: DataObject, options: CallOptions): Promise<void> {
    try {
      await this.#cluster.create(object, options);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // Left by a runner that died before it wrote the revision into the record: nothing refers to it yet.
      await this.#cluster.delete(this.#reference(object.kind, object.metadata.name), options);
      await this.#cluster.create(object, options);
    }
  }

  #reference(kind: string, name = recordName(this.#application)) {
    return { apiVersion: 'v1', kind, name, namespace: this.#namespace };
  }

  #object(kind: string, name: string, content: Partial<DataObject>, metadata: object = {}): DataObject {
    return {
      apiVersion: 'v1',
      kind,
      metadata: {
        name,
        namespace: this.#namespace,
        labels: { [managedBy]: 'slipway', 'slipway.dev/release': this.#application },
        ...metadata,
      },
      ...content,
    };
  }
}

/** Names of all applications that have a record in the namespace. @throws ClusterError */
export async function releasedApplications(
  cluster: Cluster,
  namespace: string,
  options: CallOptions,
): Promise<string[]> {
  const selection = { namespace, labelSelector: 'slipway.dev/release' };
  const found = await cluster.list<DataObject>({ apiVersion: 'v1', kind: 'ConfigMap' }, selection, options);
  return found
    .filter((object) => object.data?.['record'] !== undefined)
    .map((object) => object.metadata.labels?.['slipway.dev/release'] ?? '')
    .sort();
}

/** Selects what belongs to an application. */
export function ownedBy(application: string): string {
  return `${applicationLabel}=${application}`;
}

function stored(object: KubernetesObject, record: ReleaseRecord): StoredRecord {
  return { record, version: object.metadata.resourceVersion ?? '', uid: object.metadata.uid ?? '' };
}

function decodeBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}
