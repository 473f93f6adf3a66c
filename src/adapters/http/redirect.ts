import type { HttpRequest, HttpResponse } from '../../ports/http.ts';

/** One request of a chain of redirects. */
export interface Hop {
  url: URL;
  method: HttpRequest['method'];
  /** By lowercase name. */
  headers: Readonly<Record<string, string>>;
  /** Whether the request's body goes along. */
  body: boolean;
}

/** How redirects are followed. */
export interface RedirectRules {
  /** Lowercase names of headers that another origin does not get. */
  secret: readonly string[];
  keepMethod: boolean;
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);
const alwaysSecret = ['authorization', 'cookie', 'proxy-authorization'];

/**
 * The next request, by the rules of fetch (https://fetch.spec.whatwg.org/#http-redirect-fetch); undefined when the
 * answer is no redirect, `invalid` when it leads to no HTTP address.
 */
export function nextHop(
  hop: Hop,
  { status, headers }: Pick<HttpResponse, 'status' | 'headers'>,
  rules: RedirectRules,
): Hop | 'invalid' | undefined {
  const location = headers['location'];
  if (!redirectStatuses.has(status) || location === undefined) return undefined;
  const url = URL.parse(location, hop.url.href);
  if (url === null || !/^https?:$/.test(url.protocol)) return 'invalid';
  url.username = '';
  url.password = '';
  const becomesGet =
    !rules.keepMethod &&
    ((status === 303 && hop.method !== 'HEAD') || (status <= 302 && hop.method === 'POST'));
  const dropped = [
    ...(url.origin === hop.url.origin ? [] : [...alwaysSecret, ...rules.secret]),
    ...(becomesGet ? ['content-length', 'content-type', 'content-range', 'content-encoding'] : []),
  ];
  return {
    url,
    method: becomesGet ? 'GET' : hop.method,
    headers: Object.fromEntries(Object.entries(hop.headers).filter(([name]) => !dropped.includes(name))),
    body: hop.body && !becomesGet,
  };
}
