import type { Kind } from '../kinds/kind.ts';
import type { Entry } from './collection.ts';
import { Collection, entryOf } from './collection.ts';
import type { ChangeRow } from './database.ts';
import { openDatabase } from './database.ts';
import type { StoredObject, StoreEvent } from './objects.ts';

/** A change as watches of the API get it. The objects are shared and frozen. */
export interface Change extends StoreEvent {
  version: number;
}

type KindName = Pick<Kind, 'group' | 'kind'>;
type Listener = (change: Change) => void;

/** A change of a write that is under way, with what takes it back. */
interface Written {
  row: ChangeRow;
  entry: Entry;
  before: Entry | undefined;
}

/** What is written soon: the more at once, the fewer pages are written again. */
const soonMs = 50;

/**
 * When what was written is on disk: before the call returns; soon, with all else that was written meanwhile; or never, as
 * it is undone.
 */
export type Durability = 'now' | 'soon' | 'never';

const nameOf = ({ group, kind }: KindName): string => `${group}/${kind}`;
/** The key of listeners to all kinds. */
const everything = '';

function changeOf(row: ChangeRow): Change {
  const { version, type, previous } = row;
  const before = previous === null ? {} : { previous: entryOf({ ...row, json: previous }).object };
  return { version, type, object: entryOf(row).object, ...before };
}

/** All objects, in memory and on disk, and who gets their changes. Knows no rules of any kind. */
export class Records {
  readonly #database;
  readonly #collections = new Map<string, Collection>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #written: Written[] | undefined;
  /** Kept in memory, and to be on disk soon. */
  #unsaved: ChangeRow[] = [];
  #flushing: NodeJS.Timeout | undefined;
  #hasFailed = false;
  readonly #onError: (error: unknown) => void;

  /**
   * `onError` is called when what should be on disk soon could not be written (the disk is full); it is tried again with
   * the next write, which fails as long as that does.
   * @throws InputError when the database is damaged.
   */
  constructor(databasePath: string, onError: (error: unknown) => void) {
    this.#database = openDatabase(databasePath);
    this.#onError = onError;
  }

  of(kind: KindName): Collection {
    return this.#collectionOf(nameOf(kind));
  }

  #collectionOf(name: string): Collection {
    const found = this.#collections.get(name) ?? new Collection(this.#database.rows(name));
    this.#collections.set(name, found);
    return found;
  }

  /** In order, as they were at `version`; undefined when the changes since then are no longer kept. */
  at(kind: KindName, version: number | undefined): readonly Entry[] | undefined {
    if (version === undefined || version >= this.version()) return this.of(kind).all();
    const changes = this.#rowsAfter(version, kind);
    return changes && this.of(kind).before(changes);
  }

  /** Undefined when some of the changes after `version` are no longer kept. */
  changesAfter(kind: KindName, version: number): Change[] | undefined {
    return this.#rowsAfter(version, kind)?.map(changeOf);
  }

  #rowsAfter(version: number, kind: KindName): ChangeRow[] | undefined {
    this.#flush();
    return this.#database.changesAfter(version, nameOf(kind));
  }

  /** The resourceVersion of the last change. */
  version(): number {
    return this.#database.version() + this.#unsaved.length + (this.#written?.length ?? 0);
  }

  setting(name: string, initial: () => string): string {
    return this.#database.setting(name, initial);
  }

  /**
   * Runs `work` as one transaction, then tells of its changes; nested calls belong to the outer one. Everything is taken
   * back when it throws.
   */
  write<T>(work: () => T, durability: Durability = 'soon'): T {
    if (this.#written !== undefined) return work();
    const changes: Written[] = [];
    this.#written = changes;
    let isKept = false;
    let result: T;
    try {
      result = work();
      if (durability !== 'never') {
        this.#put(changes, durability);
        isKept = true;
      }
    } finally {
      this.#written = undefined;
      if (!isKept)
        for (const { row, before } of changes.reverse()) this.#collectionOf(row.kind).set(row, before);
    }
    if (isKept) for (const change of changes) this.#announce(change);
    return result;
  }

  #put(changes: readonly Written[], durability: Durability): void {
    if (changes.length === 0) return;
    const rows = changes.map(({ row }) => row);
    if (durability === 'now' || this.#hasFailed) {
      this.#flush(rows);
      return;
    }
    this.#unsaved.push(...rows);
    this.#flushing ??= setTimeout(() => {
      this.#flushing = undefined;
      try {
        this.#flush();
      } catch (error) {
        this.#hasFailed = true;
        this.#onError(error);
      }
    }, soonMs);
  }

  /** Writes what is not on disk, and `more` after it; all or none. */
  #flush(more: readonly ChangeRow[] = []): void {
    if (this.#unsaved.length + more.length === 0) return;
    this.#database.record([...this.#unsaved, ...more]);
    this.#unsaved = [];
    this.#hasFailed = false;
  }

  /** Part of a write: gives `object` the next version and keeps it, or takes it away. */
  save(type: Change['type'], kind: Kind, object: StoredObject, before?: Entry): StoredObject {
    const version = this.version() + 1;
    const { metadata } = object;
    metadata.resourceVersion = String(version);
    const place = { namespace: kind.namespaced ? (metadata.namespace ?? '') : '', name: metadata.name };
    const previous = before?.json ?? null;
    const row = { ...place, version, type, kind: nameOf(kind), json: JSON.stringify(object), previous };
    const entry = entryOf(row);
    this.of(kind).set(place, type === 'DELETED' ? undefined : entry);
    this.#written?.push({ row, entry, before });
    return object;
  }

  #announce({ row: { version, type, kind }, entry: { object }, before }: Written): void {
    const change = { version, type, object, ...(before === undefined ? {} : { previous: before.object }) };
    for (const name of [kind, everything])
      for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(change);
  }

  /** Calls `listener` after each change of `kind`, or of all kinds; returns the function that ends it. */
  listen(kind: KindName | undefined, listener: Listener): () => void {
    const name = kind === undefined ? everything : nameOf(kind);
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set.add(listener));
    return () => void set.delete(listener);
  }

  close(): void {
    clearTimeout(this.#flushing);
    try {
      this.#flush();
    } finally {
      this.#database.close();
    }
  }
}
