import { PatternError } from '../../base/pattern.ts';
import type { Pattern } from '../../base/pattern.ts';
import type { Match, PathMatch, RouteTable, Row, ValueMatch } from './table.ts';

/** What of a request routes look at. */
export interface RequestLine {
  method: string;
  /** In lower case, without a port. */
  host: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  /** Names in lower case; several values of a name are one text. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The row that takes a request: of the host itself, then of its wildcards, the longest first, then of any host. */
export function findRow(table: RouteTable, request: RequestLine): Row | undefined {
  for (const host of hostsFor(request.host)) {
    const found = table.hosts.get(host)?.find(({ match }) => isMatch(match, request));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `a.b.c` is looked for as `a.b.c`, `*.b.c`, `*.c` and `*`. */
function hostsFor(host: string): string[] {
  const labels = host.split('.');
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
  return [host, ...wildcards, '*'];
}

function isMatch({ path, method, headers, query }: Match, request: RequestLine): boolean {
  return (
    isPath(path, request.path) &&
    (method === undefined || method === request.method) &&
    headers.every((wanted) => isValue(wanted, textOf(request.headers[wanted.name]))) &&
    query.every((wanted) => isValue(wanted, request.query.get(wanted.name) ?? undefined))
  );
}

function isPath(wanted: PathMatch, path: string): boolean {
  switch (wanted.type) {
    case 'Exact':
      return path === wanted.value;
    case 'PathPrefix':
      return wanted.value === '/' || path === wanted.value || path.startsWith(`${wanted.value}/`);
    case 'RegularExpression':
      return isFound(wanted.pattern, path);
  }
}

function isValue({ value }: Pick<ValueMatch, 'value'>, given: string | undefined): boolean {
  if (given === undefined) return false;
  return typeof value === 'string' ? given === value : isFound(value, given);
}

/** A text that is too long to be tried on a pattern is none of it. */
function isFound(pattern: Pattern, given: string): boolean {
  try {
    return pattern.isFoundIn(given);
  } catch (error) {
    if (error instanceof PatternError) return false;
    throw error;
  }
}

/** A header's value as one text. */
export function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Whose rows come first where several match. */
export interface RowOrder {
  match: Match;
  /** `metadata.creationTimestamp` of the route. */
  createdAt: string;
  /** `NAMESPACE/NAME` of the route. */
  route: string;
  /** Of the match in the route, counted over its rules. */
  position: number;
}

const pathTypes: readonly PathMatch['type'][] = ['Exact', 'PathPrefix', 'RegularExpression'];

/**
 * Sorts rows of one host as the Gateway API has it: exact paths, longer paths, a method, more headers, more parameters of the
 * query; then the older route, the first by name, the first in the route.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
 */
export function comparePrecedence(left: RowOrder, right: RowOrder): number {
  const ranks = (row: RowOrder): number[] => [
    pathTypes.indexOf(row.match.path.type),
    -row.match.path.value.length,
    row.match.method === undefined ? 1 : 0,
    -row.match.headers.length,
    -row.match.query.length,
  ];
  const others = ranks(right);
  const difference = ranks(left)
    .map((rank, index) => rank - (others[index] ?? 0))
    .find((value) => value !== 0);
  if (difference !== undefined) return difference;
  const names = ({ createdAt, route }: RowOrder): string => `${createdAt} ${route}`;
  if (names(left) !== names(right)) return names(left) < names(right) ? -1 : 1;
  return left.position - right.position;
}

export { isValue };
