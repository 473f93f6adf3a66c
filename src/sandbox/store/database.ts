import { DatabaseSync } from 'node:sqlite';
import { InputError } from '../../base/errors.ts';

/** How many changes are kept for watches that reconnect; older ones are compacted (410 Gone). */
const keptChanges = 4000;

/** A stored object as a row; `json` is the object. */
export interface Row {
  namespace: string;
  name: string;
  json: string;
}

/** A change as a row, in order of `version` (the resourceVersion). `previous` is missing for ADDED. */
export interface ChangeRow extends Row {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  kind: string;
  previous: string | null;
}

/** Objects of any kind as JSON on disk, and the log of their changes. Knows nothing of Kubernetes. */
export interface Database {
  rows(kind: string): Row[];
  /** Writes changes and applies them to the objects, all or none; their versions must follow on {@link Database.version}. */
  record(changes: readonly ChangeRow[]): void;
  /** Changes after `version`, oldest first; undefined when some of them are no longer kept, or it is none of this database. */
  changesAfter(version: number, kind: string): ChangeRow[] | undefined;
  /** The version of the last change. */
  version(): number;
  setting(name: string, initial: () => string): string;
  close(): void;
}

/**
 * How far the versions jump after the process was killed: clients may have seen some that never came to disk, which must
 * not be given again; they are far fewer.
 */
const killedGap = 10_000;

const schema = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA wal_autocheckpoint = 4000;
  CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS changes (
    version INTEGER PRIMARY KEY, type TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL,
    json TEXT NOT NULL, previous TEXT
  );
  CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
`;

/**
 * A new database counts its versions from the seconds of the clock: after a reset a client that continues from a version
 * of the old state learns that this version is gone, instead of missing changes.
 */
const firstVersion = (): number => Math.floor(Date.now() / 1000);

function open(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path);
    database.exec(schema);
    const check = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (check.quick_check !== 'ok') throw new Error(check.quick_check);
    return database;
  } catch (cause) {
    throw new InputError(`the sandbox's database ${path} cannot be read: ${String(cause)}`, {
      cause,
      hint: 'Remove the state with `pipeline sandbox reset`, or start with another state folder.',
    });
  }
}

/**
 * Opens or creates the database; `:memory:` keeps nothing.
 * @throws InputError when the file is not a database or is damaged.
 */
export function openDatabase(path: string): Database {
  return new SqliteDatabase(open(path));
}

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string): ReturnType<DatabaseSync['prepare']> => database.prepare(sql);
  return {
    select: prepare('SELECT namespace, name, json FROM objects WHERE kind = ?'),
    put: prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)'),
    remove: prepare('DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?'),
    addChange: prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)'),
    trim: prepare('DELETE FROM changes WHERE version <= ?'),
    selectChanges: prepare(`SELECT *, json ->> '$.metadata.name' AS name FROM changes
      WHERE version > ? AND kind = ? ORDER BY version`),
    firstChange: prepare('SELECT min(version) AS version FROM changes'),
    lastChange: prepare('SELECT max(version) AS version FROM changes'),
    getSetting: prepare('SELECT value FROM settings WHERE name = ?'),
    putSetting: prepare('INSERT INTO settings VALUES (?, ?)'),
    isOpen: prepare('PRAGMA user_version'),
  };
}

class SqliteDatabase implements Database {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;
  /** The last version of the process before; undefined in a new database. */
  readonly #lastBefore: number | undefined;
  /** The version at which this process began to count. */
  readonly #first: number;
  #version: number;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareStatements(database);
    const { lastChange, isOpen } = this.#statements;
    const { version: last } = lastChange.get() as { version: number | null };
    const { user_version: wasKilled } = isOpen.get() as { user_version: number };
    database.exec('PRAGMA user_version = 1');
    this.#lastBefore = last ?? undefined;
    this.#first = last === null ? firstVersion() : last + (wasKilled === 0 ? 0 : killedGap);
    this.#version = this.#first;
  }

  rows(kind: string): Row[] {
    return this.#statements.select.all(kind) as unknown as Row[];
  }

  record(changes: readonly ChangeRow[]): void {
    this.#database.exec('BEGIN');
    try {
      this.#write(changes);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#version = changes.at(-1)?.version ?? this.#version;
  }

  #write(changes: readonly ChangeRow[]): void {
    const { addChange, trim, remove, put } = this.#statements;
    const latest = new Map<string, ChangeRow>();
    for (const change of changes) {
      const { version, type, kind, namespace, name, json, previous } = change;
      addChange.run(version, type, kind, namespace, json, previous);
      if (version % 500 === 0) trim.run(version - keptChanges);
      latest.set([kind, namespace, name].join('\0'), change);
    }
    for (const { type, kind, namespace, name, json } of latest.values())
      if (type === 'DELETED') remove.run(kind, namespace, name);
      else put.run(kind, namespace, name, json);
  }

  changesAfter(after: number, kind: string): ChangeRow[] | undefined {
    const { firstChange, selectChanges } = this.#statements;
    const oldest = (firstChange.get() as { version: number | null }).version ?? this.#version + 1;
    const isInGap = after > (this.#lastBefore ?? this.#first) && after < this.#first;
    if (after < oldest - 1 || after > this.#version || isInGap) return undefined;
    return selectChanges.all(after, kind) as unknown as ChangeRow[];
  }

  version(): number {
    return this.#version;
  }

  setting(name: string, initial: () => string): string {
    const row = this.#statements.getSetting.get(name) as { value: string } | undefined;
    if (row !== undefined) return row.value;
    const value = initial();
    this.#statements.putSetting.run(name, value);
    return value;
  }

  close(): void {
    try {
      this.#database.exec('PRAGMA user_version = 0');
    } finally {
      this.#database.close();
    }
  }
}
