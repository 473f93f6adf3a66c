import { defined } from '../../base/defined.ts';
import type { Fields } from '../../base/fields.ts';
import { Pattern, PatternError } from '../../base/pattern.ts';
import { child, items, scalarText, text } from '../kinds/fields.ts';
import type { Match, PathMatch, ValueMatch } from './table.ts';

/** `/shop/` as a prefix is `/shop`. */
export function pathPrefix(value: string): PathMatch {
  return { type: 'PathPrefix', value: value.replace(/\/+$/, '') || '/' };
}

function readPath(path: Fields | undefined): PathMatch {
  const value = text(path, 'value') ?? '/';
  switch (path?.['type']) {
    case 'Exact':
      return { type: 'Exact', value };
    case 'RegularExpression':
      return { type: 'RegularExpression', value, pattern: new Pattern(`^(?:${value})`) };
    default:
      return pathPrefix(value);
  }
}

/** Of several matches of one name the first counts: https://gateway-api.sigs.k8s.io/reference/spec/#httpheadermatch */
function readValues(list: readonly Fields[], nameOf: (name: string) => string): ValueMatch[] {
  const named = new Map<string, ValueMatch>();
  for (const { name: given, value: wanted, type } of list) {
    const [name, value] = [nameOf(scalarText(given)), scalarText(wanted)];
    const match = { name, value: type === 'RegularExpression' ? new Pattern(value) : value };
    if (!named.has(name)) named.set(name, match);
  }
  return [...named.values()];
}

function readMatch(match: Fields): Match {
  const method = text(match, 'method');
  return {
    path: readPath(child(match, 'path')),
    ...defined({ method }),
    headers: readValues(items(match, 'headers'), (name) => name.toLowerCase()),
    query: readValues(items(match, 'queryParams'), (name) => name),
  };
}

/** The matches of a rule, of which any may be true, and what of them the gateway cannot do. No match is one of every path. */
export function readMatches(rule: Fields): { matches: Match[]; unsupported: string[] } {
  const given = items(rule, 'matches');
  const matches: Match[] = [];
  const unsupported: string[] = [];
  for (const match of given.length === 0 ? [{}] : given) {
    try {
      matches.push(readMatch(match));
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      unsupported.push(error.message);
    }
  }
  return { matches, unsupported };
}
