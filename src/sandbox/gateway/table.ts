import type { Pattern } from '../../base/pattern.ts';
import type { Endpoint } from '../network/service-types.ts';

/** What the proxy routes by. It is made anew when an object changes, and takes the place of the one before as a whole. */
export interface RouteTable {
  /** By host (`shop.test`, `*.shop.test`, or `*` for any), each list in order of precedence. */
  hosts: ReadonlyMap<string, readonly Row[]>;
}

/** A match of a rule with what becomes of the requests that it takes. */
export interface Row {
  match: Match;
  filters: readonly Filter[];
  split: Split;
  canary?: Canary;
}

/** All parts must be true of a request. */
export interface Match {
  path: PathMatch;
  method?: string;
  /** Names in lower case. */
  headers: readonly ValueMatch[];
  query: readonly ValueMatch[];
}

/** A prefix counts by whole segments and has no `/` at its end, but for `/` itself. */
export type PathMatch =
  | { type: 'Exact'; value: string }
  | { type: 'PathPrefix'; value: string }
  | { type: 'RegularExpression'; value: string; pattern: Pattern };

/** A header or a parameter of the query; a text is compared whole, a pattern is looked for. */
export interface ValueMatch {
  name: string;
  value: string | Pattern;
}

/** Requests go to the shares by their weights. */
export interface Split {
  /** What the turns are remembered by: they continue in the next table where key and weights are the same. */
  key: string;
  shares: readonly Share[];
}

/** A Service's port, or why there is none. */
export interface Share {
  /** `NAMESPACE/SERVICE:PORT`. */
  name: string;
  weight: number;
  filters: readonly Filter[];
  target: { state: 'known'; endpoints: readonly Endpoint[] } | { state: 'invalid'; why: string };
}

/** Which requests go to `share` instead of the row's own split, by the rules of ingress-nginx: header, cookie, weight. */
export interface Canary {
  share: Share;
  /** The header's name in lower case; without a value `always` and `never` decide. */
  header?: { name: string; value?: string | Pattern };
  cookie?: string;
  /** Of all requests that neither header nor cookie decides: weights of the others and of the canary. */
  split: Split;
}

/** Changes of headers, in this order. */
export interface HeaderChanges {
  set: readonly Header[];
  add: readonly Header[];
  remove: readonly string[];
}

/** A header's name and value. */
export interface Header {
  name: string;
  value: string;
}

/** What takes the place of a path: all of it, or of the prefix that has matched. */
export type PathChange = { type: 'full'; value: string } | { type: 'prefix'; value: string };

/** What a filter of HTTPRoute does. */
export type Filter =
  | { type: 'request-headers'; changes: HeaderChanges }
  | { type: 'response-headers'; changes: HeaderChanges }
  | { type: 'rewrite'; host?: string; path?: PathChange }
  | { type: 'redirect'; scheme?: string; host?: string; port?: number; path?: PathChange; code: number };
