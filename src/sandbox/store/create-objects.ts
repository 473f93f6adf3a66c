import { randomInt } from 'node:crypto';
import type { Catalog } from '../kinds/catalog.ts';
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
import { decideDeletion, isReadyToGo } from './deletion.ts';
import type { ListFilter, NewObject, ObjectKey, Objects, StoredObject, StoreEvent } from './objects.ts';
import { prepareForCreate, prepareForUpdate, refuseInDyingNamespace } from './prepare.ts';
import { Records } from './records.ts';
import type { Change } from './records.ts';
import { allocateServiceAddresses } from './service-addresses.ts';

export type { Change };

/** The store with what the API server needs beyond {@link Objects}. */
export interface ObjectStore extends Objects {
  readonly catalog: Catalog;
  /** The first two numbers of the /16 from which Services get their addresses; a loopback network of this sandbox. */
  readonly serviceNetwork: string;
  /** The resourceVersion of the last change. */
  version(): number;
  /**
   * Objects in order of namespace and name, as they are now or were at `version`; shared and frozen.
   * @throws StatusError Expired when the changes since then are no longer kept.
   */
  page(kind: Kind, range: Range, version?: number): Page;
  /**
   * Calls `listener` with each change of `kind`: first with those after `version` (all that is there when it is
   * undefined), then as they happen. Returns the function that ends it.
   * @throws StatusError Expired when changes after `version` are no longer kept.
   */
  watch(kind: Kind, version: number | undefined, listener: (change: Change) => void): () => void;
  /**
   * Runs `work` as one transaction, whose changes are on disk when it returns: what a client is told was written outlives
   * the process. Other writes are on disk within 50 ms.
   */
  commit<T>(work: () => T): T;
  /** Runs `work` with all its checks and takes back what it wrote. */
  dryRun<T>(work: () => T): T;
  close(): void;
}

/** Options of {@link createObjects}. */
export interface StoreOptions {
  now?: () => Date;
  /** Hears when changes could not be written to disk; they are tried again with the next write. */
  onError?: (error: unknown) => void;
}

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

/**
 * Opens the store; `:memory:` keeps nothing. The namespaces that every cluster has are made when they are missing.
 * @throws InputError when the database is damaged.
 */
export function createObjects(databasePath: string, options: StoreOptions = {}): ObjectStore {
  const now = options.now ?? ((): Date => new Date());
  const records = new Records(databasePath, options.onError ?? (() => undefined));
  const catalog = createCatalog();
  const serviceNetwork = records.setting('serviceNetwork', () => `127.${String(randomInt(64, 250))}`);

  function kindOf(name: string, group?: string): Kind {
    const kind = catalog.byKind(name, group);
    if (kind === undefined) throw noSuchResource();
    return kind;
  }

  function kindOfObject(object: Pick<StoredObject, 'apiVersion' | 'kind'>): Kind {
    const kind = catalog.byApiVersion(object.apiVersion, object.kind);
    if (kind !== undefined) return kind;
    const [name, version] = [object.kind, object.apiVersion].map((text) => JSON.stringify(text));
    throw badRequest(`no kind ${name} is registered for version ${version}`);
  }

  function read(kind: Kind, namespace: string | undefined, name: string): Entry | undefined {
    return records.of(kind).get({ namespace: kind.namespaced ? (namespace ?? '') : '', name });
  }

  function refreshCatalog(): void {
    const definitions = records.of(kindOf('CustomResourceDefinition')).all();
    catalog.setCustom(definitions.map(({ object }) => object.spec));
  }

  /** Writes a part of `object`, which must be the store's to change. */
  function store(object: StoredObject, part: 'spec' | 'status' | 'all'): StoredObject {
    const kind = kindOfObject(object);
    return records.write(() => {
      const { name, namespace } = object.metadata;
      const before = read(kind, namespace, name);
      if (before === undefined) throw notFound(subjectOf(kind), name);
      const stored = before.object;
      checkVersion(kind, stored, object.metadata);
      const next = prepareForUpdate({ kind, object, stored, part, allocate });
      if (next === undefined) return stored;
      return isReadyToGo(next) ? remove(kind, next, before) : records.save('MODIFIED', kind, next, before);
    });
  }

  /** Takes an object away; those of a kind that is no longer defined go with its definition. */
  function remove(kind: Kind, last: StoredObject, before: Entry): StoredObject {
    const gone = records.save('DELETED', kind, last, before);
    if (kind.kind !== 'CustomResourceDefinition') return gone;
    const { group, names } = gone.spec as { group: string; names: { kind: string } };
    const defined = catalog.byKind(names.kind, group);
    if (defined === undefined) return gone;
    for (const entry of records.of(defined).all()) records.save('DELETED', defined, copyOf(entry), entry);
    return gone;
  }

  function allocate(object: StoredObject, stored?: StoredObject): StatusCause[] {
    if (object.apiVersion !== 'v1' || object.kind !== 'Service') return [];
    const others = objects.list('Service').filter((other) => other.metadata.uid !== stored?.metadata.uid);
    return allocateServiceAddresses(object, stored, others, serviceNetwork);
  }

  const objects: ObjectStore = {
    catalog,
    serviceNetwork,
    version: () => records.version(),
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as the interface has it
    get<O extends StoredObject>(key: ObjectKey) {
      const found = read(kindOf(key.kind, key.group), key.namespace, key.name);
      return found && (found.object as O);
    },
    list<O extends StoredObject>(kind: string, filter: ListFilter = {}) {
      const all = records.of(kindOf(kind)).all();
      return all.flatMap(({ object }) => (matches(object, filter) ? [object as O] : []));
    },
    page(kind, range, version) {
      const entries = records.at(kind, version);
      if (entries !== undefined) return pageOf(entries, range);
      throw expired('The provided continue parameter is too old to display a consistent list result.');
    },
    create<O extends StoredObject>(given: NewObject<O>) {
      const kind = kindOfObject(given as unknown as StoredObject);
      return records.write(() => {
        const object = prepareForCreate({ kind, given, now: now(), allocate });
        const { name, namespace } = object.metadata;
        refuseInDyingNamespace(kind, object, (own) => read(kindOf('Namespace'), undefined, own)?.object);
        if (read(kind, namespace, name) !== undefined) throw alreadyExists(subjectOf(kind), name);
        return records.save('ADDED', kind, object) as O;
      });
    },
    update: <O extends StoredObject>(object: O) => store(structuredClone(object), 'spec') as O,
    updateStatus: <O extends StoredObject>(object: O) => store(object, 'status') as O,
    modify<O extends StoredObject>(
      key: ObjectKey,
      change: (object: O) => void,
      part: 'status' | 'all' = 'all',
    ) {
      const found = read(kindOf(key.kind, key.group), key.namespace, key.name);
      if (found === undefined) return undefined;
      const { object: stored } = found;
      const copy = part === 'all' ? copyOf(found) : { ...stored, status: { ...(stored.status as object) } };
      change(copy as O);
      return store(copy, part) as O;
    },
    delete(key, deletion = {}) {
      const kind = kindOf(key.kind, key.group);
      return records.write(() => {
        const stored = read(kind, key.namespace, key.name);
        if (stored === undefined) return false;
        checkVersion(kind, stored.object, deletion.preconditions ?? {});
        const decision = decideDeletion(stored.object, deletion, now());
        if (decision.act === 'nothing') return true;
        const next = copyOf(stored);
        if (decision.act === 'remove') {
          remove(kind, next, stored);
          return true;
        }
        Object.assign(next.metadata, decision.metadata);
        if (kind.kind === 'Namespace') next.status = { ...(next.status as object), phase: 'Terminating' };
        if (kind.hasGeneration) next.metadata.generation = (next.metadata.generation ?? 0) + 1;
        records.save('MODIFIED', kind, next, stored);
        return true;
      });
    },
    subscribe(kinds, listener) {
      const queue: StoreEvent[] = [];
      let ended = false;
      const drain = (): void => {
        for (let event = queue.shift(); event !== undefined && !ended; event = queue.shift()) listener(event);
      };
      const push = (event: StoreEvent): void => {
        queue.push(event);
        if (queue.length === 1) setImmediate(drain);
      };
      for (const name of kinds) for (const object of objects.list(name)) push({ type: 'ADDED', object });
      const ends = kinds.map((name) => records.listen(kindOf(name), push));
      return () => {
        ended = true;
        for (const end of ends) end();
      };
    },
    follow(listener) {
      // Several versions of a kind are kept together.
      const kinds = new Map(catalog.all().map((kind) => [`${kind.group}/${kind.kind}`, kind]));
      for (const kind of kinds.values())
        for (const { object } of records.of(kind).all()) listener({ type: 'ADDED', object });
      return records.listen(undefined, listener);
    },
    serves: (apiVersion, kind) => catalog.byApiVersion(apiVersion, kind) !== undefined,
    watch(kind, version, listener) {
      const current = records.version();
      const there = (): Change[] =>
        records
          .of(kind)
          .all()
          .map(({ object }) => ({ type: 'ADDED', object, version: current }));
      const missed = version === undefined ? there() : records.changesAfter(kind, version);
      if (missed === undefined)
        throw expired(`too old resource version: ${String(version)} (${String(current)})`);
      for (const change of missed) listener(change);
      return records.listen(kind, listener);
    },
    commit: (work) => records.write(work, 'now'),
    dryRun: (work) => records.write(work, 'never'),
    close: () => records.close(),
  };

  refreshCatalog();
  records.listen(kindOf('CustomResourceDefinition'), refreshCatalog);
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    if (objects.get({ kind: 'Namespace', name }) === undefined)
      objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  return objects;
}
