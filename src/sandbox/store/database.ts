import { DatabaseSync } from 'node:sqlite';
import { InputError } from '../../base/errors.ts';

/** How many changes are kept for watches that reconnect; older ones are compacted (410 Gone). */
const keptChanges = 4000;

/** A stored object as a row; `json` is the object. */
export interface Row {
  kind: string;
  namespace: string;
  name: string;
  json: string;
}

/** A change as a row, in order of `version` (the resourceVersion). `previous` is missing for ADDED. */
export interface ChangeRow {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  kind: string;
  namespace: string;
  json: string;
  previous: string | null;
}

/** Where a list starts and how much of it is wanted; `after` is the last (namespace, name) seen. */
export interface RowRange {
  namespace?: string;
  after?: { namespace: string; name: string };
  limit?: number;
}

/** Objects of any kind as JSON rows, and the log of their changes. Knows nothing of Kubernetes. */
export interface Database {
  get(kind: string, namespace: string, name: string): string | undefined;
  list(kind: string, range?: RowRange): Row[];
  count(kind: string, range?: RowRange): number;
  /** Writes `change` and what it says to the objects; its version must be above {@link Database.version}. */
  record(change: ChangeRow, name: string): void;
  /** Changes after `version`, oldest first; undefined when some of them are no longer kept. */
  changesAfter(version: number, kind: string): ChangeRow[] | undefined;
  /** The version of the last change. */
  version(): number;
  setting(name: string, initial: () => string): string;
  /** Runs `work` as one transaction; takes everything back when it throws or when `keep` is false. */
  transaction<T>(work: () => T, keep?: boolean): T;
  close(): void;
}

const schema = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
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
  const selectOne = prepare('SELECT json FROM objects WHERE kind = ? AND namespace = ? AND name = ?');
  const selectAll = prepare(`SELECT * FROM objects WHERE kind = ? AND (namespace, name) > (?, ?)
    ORDER BY namespace, name LIMIT ?`);
  const selectNamespace = prepare(`SELECT * FROM objects WHERE kind = ? AND namespace = ? AND name > ?
    ORDER BY name LIMIT ?`);
  const countAll = prepare('SELECT count(*) AS n FROM objects WHERE kind = ? AND (namespace, name) > (?, ?)');
  const countNamespace = prepare(
    'SELECT count(*) AS n FROM objects WHERE kind = ? AND namespace = ? AND name > ?',
  );
  const put = prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)');
  const remove = prepare('DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?');
  const addChange = prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)');
  const trim = prepare('DELETE FROM changes WHERE version <= ?');
  const selectChanges = prepare('SELECT * FROM changes WHERE version > ? AND kind = ? ORDER BY version');
  const firstChange = prepare('SELECT min(version) AS version FROM changes');
  const getSetting = prepare('SELECT value FROM settings WHERE name = ?');
  const putSetting = prepare('INSERT INTO settings VALUES (?, ?)');
  const last = prepare('SELECT max(version) AS version FROM changes').get() as { version: number | null };
  let version = last.version ?? firstVersion();

  const afterOf = (range: RowRange): [string, string] => [
    range.after?.namespace ?? '',
    range.after?.name ?? '',
  ];

  return {
    get: (kind, namespace, name) =>
      (selectOne.get(kind, namespace, name) as { json: string } | undefined)?.json,
    list(kind, range = {}) {
      const limit = range.limit ?? -1;
      const rows =
        range.namespace === undefined
          ? selectAll.all(kind, ...afterOf(range), limit)
          : selectNamespace.all(kind, range.namespace, afterOf(range)[1], limit);
      return rows as unknown as Row[];
    },
    count(kind, range = {}) {
      const row =
        range.namespace === undefined
          ? countAll.get(kind, ...afterOf(range))
          : countNamespace.get(kind, range.namespace, afterOf(range)[1]);
      return (row as { n: number }).n;
    },
    record(change, name) {
      const { type, kind, namespace, json } = change;
      if (type === 'DELETED') remove.run(kind, namespace, name);
      else put.run(kind, namespace, name, json);
      addChange.run(change.version, type, kind, namespace, json, change.previous);
      version = change.version;
      if (version % 500 === 0) trim.run(version - keptChanges);
    },
    changesAfter(after, kind) {
      const oldest = (firstChange.get() as { version: number | null }).version ?? version + 1;
      if (after < oldest - 1) return undefined;
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
    transaction(work, keep = true) {
      if (database.isTransaction) return work();
      const before = version;
      database.exec('BEGIN');
      let done = false;
      try {
        const result = work();
        done = keep;
        return result;
      } finally {
        database.exec(done ? 'COMMIT' : 'ROLLBACK');
        if (!done) version = before;
      }
    },
    close: () => {
      database.close();
    },
  };
}
