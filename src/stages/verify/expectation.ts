import { isDeepStrictEqual } from 'node:util';
import { Pattern } from '../../base/pattern.ts';
import type { HttpAnswer } from '../../probes/ask-http.ts';
import type { HttpExpectation, TextExpectation } from './settings.ts';

/** Characters of what was got that are shown. */
const shown = 200;

/**
 * What an answer does not fulfil: `expected …, got …`; undefined when it fulfils everything. Without an expectation of
 * the status any 2xx will do.
 */
export function unmet(answer: HttpAnswer, expected: HttpExpectation): string | undefined {
  const wanted = [expected.status ?? '2xx'].flat();
  if (!wanted.some((status) => hasStatus(answer.status, status))) {
    const body = answer.body === '' ? 'an empty body' : `body ${quoted(answer.body)}`;
    return `expected status ${wanted.join(' or ')}, got ${String(answer.status)} with ${body}`;
  }
  for (const [name, text] of Object.entries(expected.headers ?? {})) {
    const value = answer.headers[name.toLowerCase()];
    if (value === undefined) return `expected header ${name} ${wantedText(text)}, got none`;
    if (!fulfils(value, text)) return `expected header ${name} ${wantedText(text)}, got ${quoted(value)}`;
  }
  if (expected.body !== undefined && !fulfils(answer.body, expected.body)) {
    return `expected a body ${wantedText(expected.body)}, got ${quoted(answer.body)}`;
  }
  return expected.json === undefined ? undefined : unmetJson(answer.body, expected.json);
}

function unmetJson(body: string, expected: Readonly<Record<string, unknown>>): string | undefined {
  let data: unknown;
  try {
    data = JSON.parse(body);
  } catch {
    return `expected a JSON body, got ${quoted(body)}`;
  }
  for (const [path, value] of Object.entries(expected)) {
    const found = valueAt(data, path);
    if (isDeepStrictEqual(found, value)) continue;
    const got = found === undefined ? `nothing there in ${quoted(body)}` : quoted(JSON.stringify(found));
    return `expected ${path} to be ${JSON.stringify(value)}, got ${got}`;
  }
  return undefined;
}

/**
 * The value at a path: names and indices, `items[0].id`, `["a.b"].c`; a leading `$.` may stand.
 * @returns undefined when there is nothing
 */
export function valueAt(data: unknown, path: string): unknown {
  const steps = [...path.replace(/^\$\.?/, '').matchAll(/\[(\d+)\]|\["([^"]*)"\]|([^.[\]]+)/g)];
  let value = data;
  for (const [, index, quotedName, name] of steps) {
    if (typeof value !== 'object' || value === null) return undefined;
    const key = index ?? quotedName ?? name ?? '';
    value = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  }
  return value;
}

function hasStatus(status: number, wanted: number | string): boolean {
  return typeof wanted === 'number' ? status === wanted : String(status).startsWith(wanted.slice(0, 1));
}

function fulfils(value: string, text: TextExpectation): boolean {
  if (typeof text === 'string') return value.includes(text);
  return 'contains' in text ? value.includes(text.contains) : new Pattern(text.matches).isFoundIn(value);
}

function wantedText(text: TextExpectation): string {
  if (typeof text === 'string') return `with ${quoted(text)}`;
  return 'contains' in text ? `with ${quoted(text.contains)}` : `that matches /${text.matches}/`;
}

/** Bounded and on one line. */
function quoted(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return JSON.stringify(line.length > shown ? `${line.slice(0, shown)} …` : line);
}
