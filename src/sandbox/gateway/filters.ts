import type { Filter, HeaderChanges, Match, PathChange } from './table.ts';

/** Headers by names in lower case; several lines of a name are several values. */
export type HeaderLines = Record<string, string[]>;

/** Sets, adds and removes headers in place. */
function changeHeaders(headers: HeaderLines, { set, add, remove }: HeaderChanges): void {
  for (const { name, value } of set) headers[name.toLowerCase()] = [value];
  for (const { name, value } of add) {
    const key = name.toLowerCase();
    headers[key] = [...(headers[key] ?? []), value];
  }
  for (const name of remove) Reflect.deleteProperty(headers, name.toLowerCase());
}

/** The path with what a filter puts in its place; `match` has taken the request. */
export function changedPath(path: string, change: PathChange, { path: matched }: Match): string {
  if (change.type === 'full') return change.value;
  const prefix = matched.type === 'PathPrefix' && matched.value !== '/' ? matched.value : '';
  const rest = path.slice(prefix.length).replace(/^\//, '');
  const start = change.value.replace(/\/$/, '');
  return rest === '' ? start || '/' : `${start}/${rest}`;
}

/** What goes to the pod: path (without the query) and headers, as the filters make them. */
export function filteredRequest(
  request: { path: string; headers: HeaderLines },
  filters: readonly Filter[],
  match: Match,
): { path: string; headers: HeaderLines } {
  const headers = { ...request.headers };
  let { path } = request;
  for (const filter of filters) {
    if (filter.type === 'request-headers') changeHeaders(headers, filter.changes);
    if (filter.type !== 'rewrite') continue;
    if (filter.host !== undefined) headers['host'] = [filter.host];
    if (filter.path !== undefined) path = changedPath(path, filter.path, match);
  }
  return { path, headers };
}

/** What goes to the client: the answer's headers as the filters make them. */
export function filteredAnswer(headers: HeaderLines, filters: readonly Filter[]): HeaderLines {
  const changed = { ...headers };
  for (const filter of filters)
    if (filter.type === 'response-headers') changeHeaders(changed, filter.changes);
  return changed;
}

/** Where a redirect leads. Without a scheme of its own it names the port that the request came to. */
export function redirectLocation(
  filter: Extract<Filter, { type: 'redirect' }>,
  match: Match,
  request: { host: string; path: string; search: string; port: number },
): string {
  const { scheme = 'http', host = request.host } = filter;
  const port = filter.port ?? (filter.scheme === undefined ? request.port : undefined);
  const shownPort = port === undefined || port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`;
  const path = filter.path === undefined ? request.path : changedPath(request.path, filter.path, match);
  return `${scheme}://${host}${shownPort}${path}${request.search}`;
}
