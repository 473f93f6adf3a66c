import type { StoredObject } from '../store/objects.ts';
import type { RowOrder } from './find-row.ts';
import { comparePrecedence } from './find-row.ts';
import type { RouteTable, Row } from './table.ts';

/** A row with the host that it is for and what its place among the others is found by. */
export interface PlacedRow {
  host: string;
  row: Row;
  order: RowOrder;
}

/** The rows of a route, or of an Ingress, for a host. */
export function placed({ metadata }: StoredObject, host: string, rows: readonly Row[]): PlacedRow[] {
  const { creationTimestamp: createdAt, namespace = '', name } = metadata;
  return rows.map((row, position) => ({
    host: host.toLowerCase(),
    row,
    order: { match: row.match, createdAt, route: `${namespace}/${name}`, position },
  }));
}

/** The table of all rows. */
export function tableOf(rows: readonly PlacedRow[]): RouteTable {
  const byHost = Map.groupBy(
    rows.toSorted((left, right) => comparePrecedence(left.order, right.order)),
    ({ host }) => host,
  );
  return { hosts: new Map([...byHost].map(([host, list]) => [host, list.map(({ row }) => row)])) };
}
