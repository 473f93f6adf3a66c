import { defined } from '../../base/defined.ts';
import type { Fields } from '../../base/fields.ts';
import { child, items, scalarText, text } from '../kinds/fields.ts';
import type { Filter, Header, HeaderChanges, PathChange } from './table.ts';

const headersIn = (parent: Fields, name: string): Header[] =>
  items(parent, name).map((header) => ({
    name: scalarText(header['name']),
    value: scalarText(header['value']),
  }));

function readHeaderChanges(modifier: Fields = {}): HeaderChanges {
  const { remove } = modifier;
  return {
    set: headersIn(modifier, 'set'),
    add: headersIn(modifier, 'add'),
    remove: Array.isArray(remove) ? remove.map(scalarText) : [],
  };
}

function readPathChange(path: Fields | undefined): PathChange | undefined {
  const [full, prefix] = [text(path, 'replaceFullPath'), text(path, 'replacePrefixMatch')];
  if (full !== undefined) return { type: 'full', value: full };
  return prefix === undefined ? undefined : { type: 'prefix', value: prefix };
}

function hostAndPath(fields: Fields): { host?: string; path?: PathChange } {
  return defined({ host: text(fields, 'hostname'), path: readPathChange(child(fields, 'path')) });
}

const readers: Readonly<Record<string, (filter: Fields) => Filter>> = {
  RequestHeaderModifier: (filter) => ({
    type: 'request-headers',
    changes: readHeaderChanges(child(filter, 'requestHeaderModifier')),
  }),
  ResponseHeaderModifier: (filter) => ({
    type: 'response-headers',
    changes: readHeaderChanges(child(filter, 'responseHeaderModifier')),
  }),
  URLRewrite: (filter) => ({ type: 'rewrite', ...hostAndPath(child(filter, 'urlRewrite') ?? {}) }),
  RequestRedirect: (filter) => {
    const redirect = child(filter, 'requestRedirect') ?? {};
    const { port, statusCode = 302 } = redirect;
    return {
      type: 'redirect',
      code: Number(statusCode),
      ...defined({ scheme: text(redirect, 'scheme'), port: typeof port === 'number' ? port : undefined }),
      ...hostAndPath(redirect),
    };
  },
};

/** The filters of a rule or of a backend, and what of them the gateway cannot do. */
export function readFilters(list: readonly Fields[]): { filters: Filter[]; unsupported: string[] } {
  const filters: Filter[] = [];
  const unsupported: string[] = [];
  for (const filter of list) {
    const type = scalarText(filter['type']);
    const read = readers[type];
    if (read === undefined) unsupported.push(`the sandbox has no filter ${type}`);
    else filters.push(read(filter));
  }
  return { filters, unsupported };
}
