import { sameJson } from '../../base/same-json.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { ConflictError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { LeaseLostError } from '../../ports/leases.ts';
import { countOfParts, partName, partsOf, textOf, type DataObject, type KeptKind } from './kept-text.ts';
import {
  applicationLabel,
  emptyRecord,
  migrationName,
  parseRecord,
  recordName,
  ReleaseRecordError,
  revisionName,
  type ReleaseRecord,
} from './release-record.ts';

/** `metadata.ownerReferences[]` of what goes with its owner. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

/** A record as stored; `version` guards the next write. */
export interface StoredRecord {
  record: ReleaseRecord;
  version: string;
  uid: string;
}

/** Of one write that meets conflicts, though the record says what it said. */
const mostAttempts = 10;

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
    try {
      return stored(await this.#cluster.create(object, options), record);
    } catch (error) {
      // Made by this very call, whose first answer was lost: the caller holds the lease.
      const made = error instanceof ConflictError ? await this.load(options) : undefined;
      if (made === undefined) throw error;
      return made;
    }
  }

  /**
   * Writes the record if it was not written since it was read. One that is newer and says the same was labelled by
   * somebody, or the API has answered a write with a conflict of its own: it is written over.
   * @throws LeaseLostError when it was written: another runner owns the release now
   */
  async save(previous: StoredRecord, record: ReleaseRecord, options: CallOptions): Promise<StoredRecord> {
    const text = JSON.stringify(record);
    let { version } = previous;
    for (let attempt = 1; ; attempt += 1) {
      const object = this.#object('ConfigMap', recordName(this.#application), { data: { record: text } });
      object.metadata.resourceVersion = version;
      object.metadata.uid = previous.uid;
      try {
        return stored(await this.#cluster.replace(object, options), record);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        const now = await this.#cluster.get<DataObject>(this.#reference('ConfigMap'), options);
        // The answer to our own write may have been lost: then what is there is what we wrote.
        if (now?.data?.['record'] === text) return stored(now, record);
        if (now === undefined || !isAsRead(now, previous)) {
          throw new LeaseLostError(
            `another runner has changed the release record of ${this.#application}; this runner stops`,
            { cause: error },
          );
        }
        if (attempt === mostAttempts) throw error;
        version = stored(now, record).version;
      }
    }
  }

  /** Keeps the objects of a revision, the Secrets among them in a Secret. Idempotent. */
  async saveRevision(
    number: number,
    objects: readonly KubernetesObject[],
    options: CallOptions & { owner: string },
  ): Promise<void> {
    await this.#saveObjects(revisionName(this.#application, number), objects, options);
  }

  /** Keeps the objects of a revision's migration, as {@link saveRevision} does. */
  async saveMigration(
    number: number,
    objects: readonly KubernetesObject[],
    options: CallOptions & { owner: string },
  ): Promise<void> {
    await this.#saveObjects(migrationName(this.#application, number), objects, options);
  }

  async #saveObjects(
    name: string,
    objects: readonly KubernetesObject[],
    options: CallOptions & { owner: string },
  ): Promise<void> {
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
    await this.#keep('ConfigMap', name, JSON.stringify(open), { owned, options });
    if (secrets.length > 0) await this.#keep('Secret', name, JSON.stringify(secrets), { owned, options });
  }

  /** The objects of a revision. @throws ReleaseRecordError when they are gone */
  async loadRevision(number: number, options: CallOptions): Promise<KubernetesObject[]> {
    const name = revisionName(this.#application, number);
    const of = `revision ${String(number)}`;
    const objects = await this.#loadObjects({ name, of }, options);
    if (objects !== undefined) return objects;
    throw new ReleaseRecordError(`the objects of ${of} are gone (ConfigMap ${name})`, {
      hint: 'release a version from its manifests instead',
    });
  }

  /**
   * The objects of a revision's migration, and the ConfigMap that keeps them, as the owner of what is made of them: a
   * request that comes late makes what has no owner any more, which the cluster removes. undefined when it is gone.
   */
  async loadMigration(
    number: number,
    options: CallOptions,
  ): Promise<{ objects: KubernetesObject[]; owner: OwnerReference } | undefined> {
    const name = migrationName(this.#application, number);
    const kept = await this.#cluster.get(this.#reference('ConfigMap', name), options);
    const of = `the migration of revision ${String(number)}`;
    const objects = await this.#loadObjects({ name, of }, options);
    const uid = kept?.metadata.uid;
    if (uid === undefined || objects === undefined) return undefined;
    return { objects, owner: { apiVersion: 'v1', kind: 'ConfigMap', name, uid } };
  }

  async #loadObjects(
    { name, of }: { name: string; of: string },
    options: CallOptions,
  ): Promise<KubernetesObject[] | undefined> {
    const text = await this.#kept('ConfigMap', name, options);
    if (text === undefined) return undefined;
    const objects = JSON.parse(text) as KubernetesObject[];
    if (!objects.some((object) => object.kind === 'Secret')) return objects;
    const secretText = await this.#kept('Secret', name, options);
    if (secretText === undefined)
      throw new ReleaseRecordError(`the Secrets of ${of} are gone (Secret ${name})`);
    const secrets = JSON.parse(secretText) as KubernetesObject[];
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
    await this.#removeObjects(revisionName(this.#application, number), options);
  }

  /** Keeps the objects of a revision's migration under another uid, so that what names the one before has no owner. */
  async renewMigration(number: number, options: CallOptions & { owner: string }): Promise<void> {
    const kept = await this.loadMigration(number, options);
    if (kept === undefined) return;
    await this.removeMigration(number, options);
    await this.saveMigration(number, kept.objects, options);
  }

  /** Forgets the objects of a revision's migration; the cluster removes what was made of them. */
  async removeMigration(number: number, options: CallOptions): Promise<void> {
    await this.#removeObjects(migrationName(this.#application, number), options);
  }

  async #removeObjects(name: string, options: CallOptions): Promise<void> {
    await this.#remove('ConfigMap', name, options);
    await this.#remove('Secret', name, options);
  }

  /** Keeps a text in as many objects as it needs; the first one, which counts them, is written last. */
  async #keep(
    kind: KeptKind,
    name: string,
    text: string,
    { owned, options }: { owned: object; options: CallOptions },
  ): Promise<void> {
    const parts = await partsOf(text, kind);
    for (const [index, content] of [...parts.entries()].reverse()) {
      await this.#createOnce(this.#object(kind, partName(name, index), content, owned), options);
    }
  }

  async #kept(kind: KeptKind, name: string, options: CallOptions): Promise<string | undefined> {
    const first = await this.#cluster.get<DataObject>(this.#reference(kind, name), options);
    if (first === undefined) return undefined;
    const objects = [first];
    for (let index = 1; index < countOfParts(first); index += 1) {
      const part = await this.#cluster.get<DataObject>(this.#reference(kind, partName(name, index)), options);
      if (part === undefined) return undefined;
      objects.push(part);
    }
    try {
      return await textOf(objects);
    } catch (cause) {
      throw new ReleaseRecordError(`${kind} ${name} is damaged`, { cause });
    }
  }

  /** The first object, which counts the others, goes last: a runner that dies in between leaves nothing unknown. */
  async #remove(kind: KeptKind, name: string, options: CallOptions): Promise<void> {
    const first = await this.#cluster.get<DataObject>(this.#reference(kind, name), options);
    if (first === undefined) return;
    for (let index = countOfParts(first) - 1; index >= 0; index -= 1) {
      await this.#cluster.delete(this.#reference(kind, partName(name, index)), options);
    }
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

/** Whether the record is the one that was read, and says what it said. */
function isAsRead(now: DataObject, { record, uid }: StoredRecord): boolean {
  if (now.metadata.uid !== uid) return false;
  try {
    return sameJson(JSON.parse(now.data?.['record'] ?? ''), record);
  } catch {
    return false; // damaged by hand
  }
}

function stored(object: KubernetesObject, record: ReleaseRecord): StoredRecord {
  return { record, version: object.metadata.resourceVersion ?? '', uid: object.metadata.uid ?? '' };
}
