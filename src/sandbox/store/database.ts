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
  /** Writes changes and what they say to the objects, all or none; their versions must go on from {@link Database.version}. */
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
 * A new database counts its versions from the seconds of the clock: after a reset a client that goes on from a version
 * of the old state is told that this version is gone, instead of missing changes.
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
  const database = open(path);
  const prepare = (sql: string): ReturnType<DatabaseSync['prepare']> => database.prepare(sql);
  const select = prepare('SELECT namespace, name, json FROM objects WHERE kind = ?');
  const put = prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)');
  const remove = prepare('DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?');
  const addChange = prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)');
  const trim = prepare('DELETE FROM changes WHERE version <= ?');
  const selectChanges = prepare(`SELECT *, json ->> '$.metadata.name' AS name FROM changes
    WHERE version > ? AND kind = ? ORDER BY version`);
  const firstChange = prepare('SELECT min(version) AS version FROM changes');
  const lastChange = prepare('SELECT max(version) AS version FROM changes');
  const getSetting = prepare('SELECT value FROM settings WHERE name = ?');
  const putSetting = prepare('INSERT INTO settings VALUES (?, ?)');
  const { version: last } = lastChange.get() as { version: number | null };
  const { user_version: isOpen } = prepare('PRAGMA user_version').get() as { user_version: number };
  database.exec('PRAGMA user_version = 1');
  const first = last === null ? firstVersion() : last + (isOpen === 0 ? 0 : killedGap);
  let version = first;

  return {
    rows: (kind) => select.all(kind) as unknown as Row[],
    record(changes) {
      database.exec('BEGIN');
      try {
        const latest = new Map<string, ChangeRow>();
        for (const change of changes) {
          const { version: own, type, kind, namespace, name, json, previous } = change;
          addChange.run(own, type, kind, namespace, json, previous);
          if (own % 500 === 0) trim.run(own - keptChanges);
          latest.set([kind, namespace, name].join('\0'), change);
        }
        for (const { type, kind, namespace, name, json } of latest.values())
          if (type === 'DELETED') remove.run(kind, namespace, name);
          else put.run(kind, namespace, name, json);
        database.exec('COMMIT');
      } catch (error) {
        database.exec('ROLLBACK');
        throw error;
      }
      version = changes.at(-1)?.version ?? version;
    },
    changesAfter(after, kind) {
      const oldest = (firstChange.get() as { version: number | null }).version ?? version + 1;
      const isLost = after > version || (after > (last ?? first) && after < first);
      if (after < oldest - 1 || isLost) return undefined;
      return selectChanges.all(after, kind) as unknown as ChangeRow[];
    },
    version: () => version,
    setting(name, initial) {
      const row = getSetting.get(name) as { value: string } | undefined;
      if (row !== undefined) return row.value;
      const value = initial();
      putSetting.run(name, value);
      return value;
    },
    close: () => {
      try {
        database.exec('PRAGMA user_version = 0');
      } finally {
        database.close();
      }
    },
  };
}
