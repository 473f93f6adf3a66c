import { randomInt } from 'node:crypto';
import type { Catalog } from '../kinds/catalog.ts';
import { createCatalog } from '../kinds/catalog.ts';
import type { Kind } from '../kinds/kind.ts';
import { parseApiVersion, subjectOf } from '../kinds/kind.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  expired,
  noSuchResource,
  notFound,
} from '../api/status-error.ts';
import type { StatusCause } from '../api/status-error.ts';
import type { ChangeRow, RowRange } from './database.ts';
import { openDatabase } from './database.ts';
import { readPage } from './page.ts';
import { decideDeletion, isReadyToGo } from './deletion.ts';
import type { ListFilter, NewObject, ObjectKey, Objects, StoredObject, StoreEvent } from './objects.ts';
import { allocateServiceAddresses } from './service-addresses.ts';
import { prepareForCreate, prepareForUpdate, refuseInDyingNamespace } from './prepare.ts';

/** A change as watches of the API get it. The objects are shared: they are read, never changed. */
export interface Change extends StoreEvent {
  version: number;
}

/** A part of a list with what is needed to go on. */
export interface Page {
  objects: StoredObject[];
  /** How many more objects there are after these. */
  remaining: number;
}

/** The store with what the API server needs beyond {@link Objects}. */
export interface ObjectStore extends Objects {
  readonly catalog: Catalog;
  /** The first two numbers of the /16 from which Services get their addresses; a loopback network of this sandbox. */
  readonly serviceNetwork: string;
  /** The resourceVersion of the last change. */
  version(): number;
  /**
   * Objects in order of namespace and name, as they are now or were at `version`.
   * @throws StatusError Expired when the changes since then are no longer kept.
   */
  page(kind: Kind, range: RowRange, version?: number): Page;
  /**
   * Calls `listener` with each change of `kind`: first with those after `version` (all that is there when it is
   * undefined), then as they happen. Returns the function that ends it.
   * @throws StatusError Expired when changes after `version` are no longer kept.
   */
  watch(kind: Kind, version: number | undefined, listener: (change: Change) => void): () => void;
  /** Runs `work` with all its checks and takes back what it wrote. */
  dryRun<T>(work: () => T): T;
  close(): void;
}

/** Options of {@link createObjects}. */
export interface StoreOptions {
  now?: () => Date;
}

const rowKind = (kind: Pick<Kind, 'group' | 'kind'>): string => `${kind.group}/${kind.kind}`;
const parse = (json: string): StoredObject => JSON.parse(json) as StoredObject;

function matches(object: StoredObject, filter: ListFilter): boolean {
  const { labels, ownerUid } = filter;
  if (
    ownerUid !== undefined &&
    object.metadata.ownerReferences?.some((owner) => owner.uid === ownerUid) !== true
  ) {
    return false;
  }
  return Object.entries(labels ?? {}).every(([name, value]) => object.metadata.labels?.[name] === value);
}

function changeOf(row: ChangeRow): Change {
  return {
    version: row.version,
    type: row.type,
    object: parse(row.json),
    ...(row.previous === null ? {} : { previous: parse(row.previous) }),
  };
}

/**
 * Opens the store; `:memory:` keeps nothing. The namespaces that every cluster has are made when they are missing.
 * @throws InputError when the database is damaged.
 */
export function createObjects(databasePath: string, options: StoreOptions = {}): ObjectStore {
  const now = options.now ?? ((): Date => new Date());
  const database = openDatabase(databasePath);
  const catalog = createCatalog();
  const serviceNetwork = database.setting('serviceNetwork', () => `127.${String(randomInt(64, 250))}`);
  const listeners = new Map<string, Set<(change: Change) => void>>();
  const everything = new Set<(change: Change) => void>();
  let written: Change[] | undefined;

  function kindOf(name: string, group?: string): Kind {
    const kind = catalog.byKind(name, group);
    if (kind === undefined) throw noSuchResource();
    return kind;
  }

  function kindOfObject(object: Pick<StoredObject, 'apiVersion' | 'kind'>): Kind {
    const kind = catalog.byApiVersion(object.apiVersion, object.kind);
    if (kind === undefined) {
      throw badRequest(
        `no kind ${JSON.stringify(object.kind)} is registered for version ${JSON.stringify(object.apiVersion)}`,
      );
    }
    return kind;
  }

  function read(kind: Kind, namespace: string | undefined, name: string): StoredObject | undefined {
    const json = database.get(rowKind(kind), kind.namespaced ? (namespace ?? '') : '', name);
    return json === undefined ? undefined : parse(json);
  }

  function refreshCatalog(): void {
    const definition = kindOf('CustomResourceDefinition');
    catalog.setCustom(database.list(rowKind(definition)).map((row) => parse(row.json).spec));
  }

  function announce(changes: readonly Change[]): void {
    if (changes.some((change) => change.object.kind === 'CustomResourceDefinition')) refreshCatalog();
    for (const change of changes) {
      const { apiVersion, kind: name } = change.object;
      const kind = rowKind({ group: parseApiVersion(apiVersion).group, kind: name });
      for (const listener of [...(listeners.get(kind) ?? []), ...everything]) listener(change);
    }
  }

  /** Runs `work` as one transaction, then tells of its changes; nested calls belong to the outer one. */
  function write<T>(work: () => T, keep = true): T {
    if (written !== undefined) return work();
    const changes: Change[] = [];
    written = changes;
    let result: T;
    try {
      result = database.transaction(work, keep);
    } finally {
      written = undefined;
    }
    if (keep) announce(changes);
    return result;
  }

  function save(
    type: Change['type'],
    kind: Kind,
    object: StoredObject,
    previous?: StoredObject,
  ): StoredObject {
    const version = database.version() + 1;
    object.metadata.resourceVersion = String(version);
    const namespace = kind.namespaced ? (object.metadata.namespace ?? '') : '';
    const json = JSON.stringify(object);
    const before = previous === undefined ? null : JSON.stringify(previous);
    database.record(
      { version, type, kind: rowKind(kind), namespace, json, previous: before },
      object.metadata.name,
    );
    written?.push({ version, type, object: parse(json), ...(previous === undefined ? {} : { previous }) });
    return object;
  }

  function checkVersion(
    kind: Kind,
    stored: StoredObject,
    given: { uid?: string; resourceVersion?: string },
  ): void {
    const { name, uid, resourceVersion } = stored.metadata;
    if (given.uid !== undefined && given.uid !== uid) {
      throw conflict(
        subjectOf(kind),
        name,
        `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${uid}`,
      );
    }
    const version = given.resourceVersion ?? '';
    if (version !== '' && version !== resourceVersion) throw conflict(subjectOf(kind), name);
  }

  function store(object: StoredObject, part: 'spec' | 'status' | 'all'): StoredObject {
    const kind = kindOfObject(object);
    return write(() => {
      const stored = read(kind, object.metadata.namespace, object.metadata.name);
      if (stored === undefined) throw notFound(subjectOf(kind), object.metadata.name);
      checkVersion(kind, stored, object.metadata);
      const next = prepareForUpdate({ kind, object, stored, part, allocate });
      if (next === undefined) return stored;
      return isReadyToGo(next) ? removeObject(kind, next, stored) : save('MODIFIED', kind, next, stored);
    });
  }

  function removeObject(kind: Kind, last: StoredObject, stored: StoredObject): StoredObject {
    const gone = save('DELETED', kind, last, stored);
    if (kind.kind === 'CustomResourceDefinition') removeInstances(gone);
    return gone;
  }

  /** The objects of a kind that is no longer defined go with it. */
  function removeInstances(definition: StoredObject): void {
    const { group, names } = definition.spec as { group: string; names: { kind: string } };
    const kind = catalog.byKind(names.kind, group);
    if (kind === undefined) return;
    for (const row of database.list(rowKind(kind))) {
      const object = parse(row.json);
      save('DELETED', kind, structuredClone(object), object);
    }
  }

  function allocate(object: StoredObject, stored?: StoredObject): StatusCause[] {
    if (object.apiVersion !== 'v1' || object.kind !== 'Service') return [];
    const others = objects.list('Service').filter((other) => other.metadata.uid !== stored?.metadata.uid);
    return allocateServiceAddresses(object, stored, others, serviceNetwork);
  }

  function listen(kind: string | undefined, listener: (change: Change) => void): () => void {
    const set = kind === undefined ? everything : (listeners.get(kind) ?? new Set());
    if (kind !== undefined) listeners.set(kind, set);
    set.add(listener);
    return () => {
      set.delete(listener);
    };
  }

  const objects: ObjectStore = {
    catalog,
    serviceNetwork,
    version: () => database.version(),
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as the interface has it
    get: <O extends StoredObject>(key: ObjectKey) =>
      read(kindOf(key.kind, key.group), key.namespace, key.name) as O | undefined,
    list<O extends StoredObject>(kind: string, filter: ListFilter = {}) {
      const range = filter.namespace === undefined ? {} : { namespace: filter.namespace };
      return database
        .list(rowKind(kindOf(kind)), range)
        .map((row) => parse(row.json))
        .filter((object) => matches(object, filter)) as O[];
    },
    page(kind, range, version) {
      const { rows, remaining } = readPage(database, rowKind(kind), range, version);
      return { objects: rows.map((row) => parse(row.json)), remaining };
    },
    create<O extends StoredObject>(given: NewObject<O>) {
      const kind = kindOfObject(given as unknown as StoredObject);
      return write(() => {
        const object = prepareForCreate({ kind, given, now: now(), allocate });
        refuseInDyingNamespace(kind, object, (name) => read(kindOf('Namespace'), undefined, name));
        if (read(kind, object.metadata.namespace, object.metadata.name) !== undefined) {
          throw alreadyExists(subjectOf(kind), object.metadata.name);
        }
        return save('ADDED', kind, object) as O;
      });
    },
    update: <O extends StoredObject>(object: O) => store(object, 'spec') as O,
    updateStatus: <O extends StoredObject>(object: O) => store(object, 'status') as O,
    modify<O extends StoredObject>(
      key: ObjectKey,
      change: (object: O) => void,
      part: 'status' | 'all' = 'all',
    ) {
      const object = objects.get<O>(key);
      if (object === undefined) return undefined;
      change(object);
      return store(object, part) as O;
    },
    delete(key, deletion = {}) {
      const kind = kindOf(key.kind, key.group);
      return write(() => {
        const stored = read(kind, key.namespace, key.name);
        if (stored === undefined) return false;
        checkVersion(kind, stored, deletion.preconditions ?? {});
        const decision = decideDeletion(stored, deletion, now());
        if (decision.act === 'nothing') return true;
        const next = structuredClone(stored);
        if (decision.act === 'remove') {
          removeObject(kind, next, stored);
          return true;
        }
        Object.assign(next.metadata, decision.metadata);
        if (kind.kind === 'Namespace') next.status = { ...(next.status as object), phase: 'Terminating' };
        if (kind.hasGeneration) next.metadata.generation = (next.metadata.generation ?? 0) + 1;
        save('MODIFIED', kind, next, stored);
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
      const ends = kinds.map((name) => listen(rowKind(kindOf(name)), push));
      return () => {
        ended = true;
        for (const end of ends) end();
      };
    },
    follow(listener) {
      for (const kind of new Set(catalog.all().map(rowKind)))
        for (const row of database.list(kind)) listener({ type: 'ADDED', object: parse(row.json) });
      return listen(undefined, listener);
    },
    serves: (apiVersion, kind) => catalog.byApiVersion(apiVersion, kind) !== undefined,
    watch(kind, version, listener) {
      const current = database.version();
      const missed =
        version === undefined
          ? objects
              .page(kind, {})
              .objects.map((object): Change => ({ type: 'ADDED', object, version: current }))
          : database.changesAfter(version, rowKind(kind))?.map(changeOf);
      if (missed === undefined)
        throw expired(`too old resource version: ${String(version)} (${String(current)})`);
      for (const change of missed) listener(change);
      return listen(rowKind(kind), listener);
    },
    dryRun: (work) => write(work, false),
    close: () => {
      database.close();
    },
  };

  refreshCatalog();
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    if (objects.get({ kind: 'Namespace', name }) === undefined) {
      objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
  }
  return objects;
}
