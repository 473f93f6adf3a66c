import { expired } from '../api/status-error.ts';
import type { Database, Row, RowRange } from './database.ts';

/** A part of a list, and how many rows there are after it. */
export interface RowPage {
  rows: Row[];
  remaining: number;
}

const keyOf = (row: Pick<Row, 'namespace' | 'name'>): string => `${row.namespace}\u0000${row.name}`;
const isAfter = (row: Row, { after }: RowRange): boolean => after === undefined || keyOf(row) > keyOf(after);

/**
 * The rows as they were at `version`: those of now with every later change taken back, the last one first.
 * @throws StatusError Expired when these changes are no longer kept.
 */
function rowsAt(database: Database, kind: string, range: RowRange, version: number): Row[] {
  const changes = database.changesAfter(version, kind);
  if (changes === undefined) {
    throw expired('The provided continue parameter is too old to display a consistent list result.');
  }
  const { limit: _limit, ...rest } = range;
  const rows = new Map(database.list(kind, rest).map((row) => [keyOf(row), row]));
  for (const { namespace, json, previous } of changes.reverse()) {
    if (range.namespace !== undefined && namespace !== range.namespace) continue;
    const { name } = (JSON.parse(json) as { metadata: { name: string } }).metadata;
    const row = { kind, namespace, name, json: previous ?? '' };
    if (previous === null) rows.delete(keyOf(row));
    else if (isAfter(row, range)) rows.set(keyOf(row), row);
  }
  return [...rows.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/**
 * Reads a part of a list as it is now, or as it was at `version`.
 * @throws StatusError Expired.
 */
export function readPage(database: Database, kind: string, range: RowRange, version?: number): RowPage {
  if (version !== undefined && version < database.version()) {
    const all = rowsAt(database, kind, range, version);
    const rows = all.slice(0, range.limit ?? all.length);
    return { rows, remaining: all.length - rows.length };
  }
  const rows = database.list(kind, range);
  const last = rows.at(-1);
  const isFull = range.limit !== undefined && rows.length === range.limit;
  const remaining = isFull && last !== undefined ? database.count(kind, { ...range, after: last }) : 0;
  return { rows, remaining };
}
