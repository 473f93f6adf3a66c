import type { ChangeRow, Row } from './database.ts';
import type { StoredObject } from './objects.ts';

/** A stored object: its text, of which copies are made, and the object itself, which is shared and frozen. */
export interface Entry extends Row {
  object: StoredObject;
}

/** Where a list starts and how much of it is wanted; `after` is the last (namespace, name) seen. */
export interface Range {
  namespace?: string;
  after?: { namespace: string; name: string };
  limit?: number;
}

/** A part of a list with what is needed to continue. */
export interface Page {
  objects: StoredObject[];
  /** How many more objects there are after these. */
  remaining: number;
}

type Place = Pick<Row, 'namespace' | 'name'>;
const keyOf = ({ namespace, name }: Place): string => `${namespace}\u0000${name}`;
const sorted = (entries: Iterable<[string, Entry]>): Map<string, Entry> =>
  new Map([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));

/** Reads a row; the object may be given to many, because it cannot be changed. */
export function entryOf({ namespace, name, json }: Row): Entry {
  return { namespace, name, json, object: freeze(JSON.parse(json) as StoredObject) };
}

function freeze<T extends object>(value: T): T {
  for (const inner of Object.values(value) as unknown[])
    if (typeof inner === 'object' && inner !== null) freeze(inner);
  return Object.freeze(value);
}

/** The objects of one kind as they are now, in memory. */
export class Collection {
  /** A map keeps the order of its keys, also when their values are replaced. */
  #entries: Map<string, Entry>;
  #isSorted = false;
  /** The values as a list, until the next change. */
  #list: Entry[] | undefined;

  constructor(rows: readonly Row[]) {
    this.#entries = new Map(rows.map((row) => [keyOf(row), entryOf(row)]));
  }

  get(place: Place): Entry | undefined {
    return this.#entries.get(keyOf(place));
  }

  /** Replaces what is at a place; undefined takes it away. */
  set(place: Place, entry: Entry | undefined): void {
    const key = keyOf(place);
    this.#list = undefined;
    if (entry === undefined) this.#entries.delete(key);
    else {
      if (!this.#entries.has(key)) this.#isSorted = false;
      this.#entries.set(key, entry);
    }
  }

  /** In order of namespace and name. */
  all(): readonly Entry[] {
    if (!this.#isSorted) this.#entries = sorted(this.#entries);
    this.#isSorted = true;
    return (this.#list ??= [...this.#entries.values()]);
  }

  /** In order, as it was before `changes`: they are undone, the last one first. */
  before(changes: readonly ChangeRow[]): Entry[] {
    const entries = new Map(this.#entries);
    for (const { namespace, name, previous } of changes.toReversed()) {
      const key = keyOf({ namespace, name });
      if (previous === null) entries.delete(key);
      else entries.set(key, entryOf({ namespace, name, json: previous }));
    }
    return [...sorted(entries).values()];
  }
}

/** A part of objects that are in order. */
export function pageOf(entries: readonly Entry[], { namespace, after, limit }: Range): Page {
  const rest = after === undefined ? entries : entries.slice(firstAfter(entries, keyOf(after)));
  const wanted = namespace === undefined ? rest : rest.filter((entry) => entry.namespace === namespace);
  const shown = wanted.slice(0, limit ?? wanted.length);
  return { objects: shown.map(({ object }) => object), remaining: wanted.length - shown.length };
}

/** The index of the first entry whose key comes after `key`, by halving. */
function firstAfter(entries: readonly Entry[], key: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const entry = entries[middle];
    if (entry !== undefined && keyOf(entry) > key) high = middle;
    else low = middle + 1;
  }
  return low;
}
