import { randomInt } from 'node:crypto';
import { createCatalog } from '../kinds/catalog.ts';
import type { Kind } from '../kinds/kind.ts';
import { subjectOf } from '../kinds/kind.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  expired,
  noSuchResource,
  notFound,
} from '../api/status-error.ts';
import type { StatusCause } from '../api/status-error.ts';
import type { Entry, Page, Range } from './collection.ts';
import { pageOf } from './collection.ts';
import { decideDeletion, isRemovable } from './deletion.ts';
import type { DeleteOptions, ListFilter, NewObject, ObjectKey, StoredObject, StoreEvent } from './objects.ts';
import { prepareForCreate, prepareForUpdate, refuseInDyingNamespace } from './prepare.ts';
import { Records } from './records.ts';
import type { Change } from './records.ts';
import type { ObjectStore, StoreOptions } from './object-store.ts';
import { allocateServiceAddresses } from './service-addresses.ts';

const copyOf = (entry: Entry): StoredObject => JSON.parse(entry.json) as StoredObject;

function matches({ metadata }: StoredObject, { namespace, labels, ownerUid }: ListFilter): boolean {
  return (
    (namespace === undefined || metadata.namespace === namespace) &&
    (ownerUid === undefined || metadata.ownerReferences?.some(({ uid }) => uid === ownerUid) === true) &&
    Object.entries(labels ?? {}).every(([name, value]) => metadata.labels?.[name] === value)
  );
}

/** Fails with Conflict when the stored object is not the one that was meant. */
function checkVersion(
  kind: Kind,
  { metadata }: StoredObject,
  given: { uid?: string; resourceVersion?: string },
): void {
  const { name, uid, resourceVersion } = metadata;
  if (given.uid !== undefined && given.uid !== uid) {
    const message = `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${uid}`;
    throw conflict(subjectOf(kind), name, message);
  }
  const version = given.resourceVersion ?? '';
  if (version !== '' && version !== resourceVersion) throw conflict(subjectOf(kind), name);
}

/** The namespaces that every cluster has. */
const firstNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/**
 * Opens the store; `:memory:` keeps nothing. The namespaces that every cluster has are made when they are missing.
 * @throws InputError when the database is damaged.
 */
export function createObjects(databasePath: string, options: StoreOptions = {}): ObjectStore {
  const records = new Records(databasePath, options.onError ?? (() => undefined));
  const store = new Store(records, options.now ?? ((): Date => new Date()));
  for (const name of firstNamespaces) {
    if (store.get({ kind: 'Namespace', name }) === undefined)
      store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  return store;
}

class Store implements ObjectStore {
  readonly catalog = createCatalog();
  readonly serviceNetwork: string;
  readonly #records: Records;
  readonly #now: () => Date;

  constructor(records: Records, now: () => Date) {
    this.#records = records;
    this.#now = now;
    this.serviceNetwork = records.setting('serviceNetwork', () => `127.${String(randomInt(64, 250))}`);
    this.#refreshCatalog();
    records.listen(this.#kindOf('CustomResourceDefinition'), () => this.#refreshCatalog());
  }

  #kindOf(name: string, group?: string): Kind {
    const kind = this.catalog.byKind(name, group);
    if (kind === undefined) throw noSuchResource();
    return kind;
  }

  #kindOfObject(object: Pick<StoredObject, 'apiVersion' | 'kind'>): Kind {
    const kind = this.catalog.byApiVersion(object.apiVersion, object.kind);
    if (kind !== undefined) return kind;
    const [name, version] = [object.kind, object.apiVersion].map((text) => JSON.stringify(text));
    throw badRequest(`no kind ${name} is registered for version ${version}`);
  }

  #read(kind: Kind, namespace: string | undefined, name: string): Entry | undefined {
    return this.#records.of(kind).get({ namespace: kind.namespaced ? (namespace ?? '') : '', name });
  }

  #refreshCatalog(): void {
    const definitions = this.#records.of(this.#kindOf('CustomResourceDefinition')).all();
    this.catalog.setCustom(definitions.map(({ object }) => object.spec));
  }

  /** Writes a part of `object`, which must be the store's to change. */
  #store(object: StoredObject, part: 'spec' | 'status' | 'all'): StoredObject {
    const kind = this.#kindOfObject(object);
    return this.#records.write(() => {
      const { name, namespace } = object.metadata;
      const before = this.#read(kind, namespace, name);
      if (before === undefined) throw notFound(subjectOf(kind), name);
      const stored = before.object;
      checkVersion(kind, stored, object.metadata);
      const next = prepareForUpdate({ kind, object, stored, part, allocate: this.#allocate });
      if (next === undefined) return stored;
      return isRemovable(next)
        ? this.#remove(kind, next, before)
        : this.#records.save('MODIFIED', kind, next, before);
    });
  }

  /** Takes an object away; those of a kind that is no longer defined go with its definition. */
  #remove(kind: Kind, last: StoredObject, before: Entry): StoredObject {
    const gone = this.#records.save('DELETED', kind, last, before);
    if (kind.kind !== 'CustomResourceDefinition') return gone;
    const { group, names } = gone.spec as { group: string; names: { kind: string } };
    const defined = this.catalog.byKind(names.kind, group);
    if (defined === undefined) return gone;
    for (const entry of this.#records.of(defined).all())
      this.#records.save('DELETED', defined, copyOf(entry), entry);
    return gone;
  }

  readonly #allocate = (object: StoredObject, stored?: StoredObject): StatusCause[] => {
    if (object.apiVersion !== 'v1' || object.kind !== 'Service') return [];
    const others = this.list('Service').filter((other) => other.metadata.uid !== stored?.metadata.uid);
    return allocateServiceAddresses(object, stored, others, this.serviceNetwork);
  };

  version(): number {
    return this.#records.version();
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as the interface has it
  get<O extends StoredObject>(key: ObjectKey): O | undefined {
    const found = this.#read(this.#kindOf(key.kind, key.group), key.namespace, key.name);
    return found && (found.object as O);
  }

  list<O extends StoredObject>(kind: string, filter: ListFilter = {}): O[] {
    const all = this.#records.of(this.#kindOf(kind)).all();
    return all.flatMap(({ object }) => (matches(object, filter) ? [object as O] : []));
  }

  page(kind: Kind, range: Range, version?: number): Page {
    const entries = this.#records.at(kind, version);
    if (entries !== undefined) return pageOf(entries, range);
    throw expired('The provided continue parameter is too old to display a consistent list result.');
  }

  create<O extends StoredObject>(given: NewObject<O>): O {
    const kind = this.#kindOfObject(given as unknown as StoredObject);
    return this.#records.write(() => {
      const object = prepareForCreate({ kind, given, now: this.#now(), allocate: this.#allocate });
      const { name, namespace } = object.metadata;
      const namespaces = this.#kindOf('Namespace');
      refuseInDyingNamespace(kind, object, (own) => this.#read(namespaces, undefined, own)?.object);
      if (this.#read(kind, namespace, name) !== undefined) throw alreadyExists(subjectOf(kind), name);
      return this.#records.save('ADDED', kind, object) as O;
    });
  }

  update<O extends StoredObject>(object: O): O {
    return this.#store(structuredClone(object), 'spec') as O;
  }

  updateStatus<O extends StoredObject>(object: O): O {
    return this.#store(object, 'status') as O;
  }

  modify<O extends StoredObject>(
    key: ObjectKey,
    change: (object: O) => void,
    part: 'status' | 'all' = 'all',
  ): O | undefined {
    const found = this.#read(this.#kindOf(key.kind, key.group), key.namespace, key.name);
    if (found === undefined) return undefined;
    const { object: stored } = found;
    const copy = part === 'all' ? copyOf(found) : { ...stored, status: { ...(stored.status as object) } };
    change(copy as O);
    return this.#store(copy, part) as O;
  }

  delete(key: ObjectKey, deletion: DeleteOptions = {}): boolean {
    const kind = this.#kindOf(key.kind, key.group);
    return this.#records.write(() => {
      const stored = this.#read(kind, key.namespace, key.name);
      if (stored === undefined) return false;
      checkVersion(kind, stored.object, deletion.preconditions ?? {});
      const decision = decideDeletion(stored.object, deletion, this.#now());
      if (decision.act === 'nothing') return true;
      const next = copyOf(stored);
      if (decision.act === 'remove') {
        this.#remove(kind, next, stored);
        return true;
      }
      Object.assign(next.metadata, decision.metadata);
      if (kind.kind === 'Namespace') next.status = { ...(next.status as object), phase: 'Terminating' };
      if (kind.hasGeneration) next.metadata.generation = (next.metadata.generation ?? 0) + 1;
      this.#records.save('MODIFIED', kind, next, stored);
      return true;
    });
  }

  subscribe(kinds: readonly string[], listener: (event: StoreEvent) => void): () => void {
    const queue: StoreEvent[] = [];
    let ended = false;
    const drain = (): void => {
      for (let event = queue.shift(); event !== undefined && !ended; event = queue.shift()) listener(event);
    };
    const push = (event: StoreEvent): void => {
      queue.push(event);
      if (queue.length === 1) setImmediate(drain);
    };
    for (const name of kinds) for (const object of this.list(name)) push({ type: 'ADDED', object });
    const ends = kinds.map((name) => this.#records.listen(this.#kindOf(name), push));
    return () => {
      ended = true;
      for (const end of ends) end();
    };
  }

  follow(listener: (event: StoreEvent) => void): () => void {
    // Several versions of a kind are kept together.
    const kinds = new Map(this.catalog.all().map((kind) => [`${kind.group}/${kind.kind}`, kind]));
    for (const kind of kinds.values())
      for (const { object } of this.#records.of(kind).all()) listener({ type: 'ADDED', object });
    return this.#records.listen(undefined, listener);
  }

  serves(apiVersion: string, kind: string): boolean {
    return this.catalog.byApiVersion(apiVersion, kind) !== undefined;
  }

  watch(kind: Kind, version: number | undefined, listener: (change: Change) => void): () => void {
    const current = this.#records.version();
    const there = (): Change[] => {
      const all = this.#records.of(kind).all();
      return all.map(({ object }) => ({ type: 'ADDED', object, version: current }));
    };
    const missed = version === undefined ? there() : this.#records.changesAfter(kind, version);
    if (missed === undefined)
      throw expired(`too old resource version: ${String(version)} (${String(current)})`);
    for (const change of missed) listener(change);
    return this.#records.listen(kind, listener);
  }

  commit<T>(work: () => T): T {
    return this.#records.write(work, 'now');
  }

  dryRun<T>(work: () => T): T {
    return this.#records.write(work, 'never');
  }

  close(): void {
    this.#records.close();
  }
}
