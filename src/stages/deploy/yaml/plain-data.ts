import { isAlias, isMap, isScalar, isSeq, visit, type Alias, type Document, type Node } from 'yaml';
import { jsonValue, keyText, ScalarError, scalarValue, type ScalarValue } from './scalar.ts';

/** What of a document is wrong, and where in its text. */
export class YamlFault extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** A document as plain data. */
export interface PlainData {
  value: unknown;
  /** Keys that stand twice: the last one counts. */
  duplicates: readonly { key: string; offset: number }[];
  /** Offset of what stands at the path, or of its nearest parent that is there. */
  offsetOf(path: readonly PropertyKey[]): number;
}

/** What the aliases of a document may add to it, in characters and nodes. */
const largestGrowth = 4 * 1024 * 1024;
/** Objects and lists in each other. */
const greatestDepth = 500;

/**
 * A document as the JSON that kubectl makes of it: aliases followed, and merge keys (`<<`) in the order in which they
 * stand, so that what comes later wins.
 * @throws YamlFault
 */
export function plainData(document: Document.Parsed): PlainData {
  return new Reader(document).read();
}

class Reader {
  readonly #document: Document.Parsed;
  readonly #targets: ReadonlyMap<Alias, Node>;
  readonly #duplicates: { key: string; offset: number }[] = [];
  /** Anchored nodes that are being read: one that an alias in itself names has no end. */
  readonly #open = new Set<Node>();
  #growth = 0;

  constructor(document: Document.Parsed) {
    this.#document = document;
    this.#targets = aliasTargets(document);
  }

  read(): PlainData {
    const value = this.#value(this.#document.contents, { depth: 0, copied: false });
    return {
      value,
      duplicates: this.#duplicates,
      offsetOf: (path) => this.#offsetOf(path),
    };
  }

  #value(node: unknown, place: Place): unknown {
    if (isAlias(node)) return this.#ofAlias(node, place);
    if (place.copied) this.#grow(node);
    if (isScalar(node)) return at(node, () => jsonValue(scalarOf(node)));
    if (!isMap(node) && !isSeq(node)) return null;
    if (place.depth >= greatestDepth) throw new YamlFault('nested too deeply', startOf(node));
    const inner = { ...place, depth: place.depth + 1 };
    if (isSeq(node)) return node.items.map((item) => this.#value(item, inner));
    const fields = new Map<string, unknown>();
    this.#readMap(node, fields, inner);
    // Never by assignment: `__proto__` is a key like others.
    return Object.fromEntries(fields);
  }

  #readMap(map: Node & { items: unknown[] }, fields: Map<string, unknown>, place: Place): void {
    // Maps that hold nothing but each other must not be free.
    if (place.copied) this.#grow(map);
    const own = new Set<string>();
    for (const pair of map.items as { key: unknown; value: unknown }[]) {
      if (isMergeKey(pair.key)) {
        this.#merge(pair.value, fields, { place, offset: startOf(pair.key) });
        continue;
      }
      const key = this.#key(pair.key, startOf(map));
      if (own.has(key) && !place.copied) this.#duplicates.push({ key, offset: startOf(pair.key) });
      own.add(key);
      fields.set(key, this.#value(pair.value, place));
    }
  }

  #key(node: unknown, parent: number): string {
    const key = this.#resolved(node);
    if (!isScalar(key)) throw new YamlFault('a key must be plain text', startOf(node, parent));
    return at(key, () => keyText(scalarOf(key)), startOf(node, parent));
  }

  #merge(
    value: unknown,
    fields: Map<string, unknown>,
    { place, offset }: { place: Place; offset: number },
  ): void {
    const source = this.#resolved(value);
    // Of several maps the first one wins: they are read from the last to the first.
    const maps = isSeq(source) ? source.items.toReversed() : [value];
    for (const item of maps) {
      const map = this.#resolved(item);
      if (!isMap(map))
        throw new YamlFault('"<<" needs an object or a list of objects', startOf(item, offset));
      this.#within(map, startOf(item, offset), () =>
        this.#readMap(map, fields, { ...place, copied: place.copied || isAlias(item) }),
      );
    }
  }

  #ofAlias(alias: Alias, place: Place): unknown {
    const target = this.#resolved(alias);
    return this.#within(target as Node, startOf(alias), () =>
      this.#value(target, { ...place, copied: true }),
    );
  }

  /** The node that an alias stands for, or the node itself. @throws YamlFault */
  #resolved(node: unknown): unknown {
    if (!isAlias(node)) return node;
    const target = this.#targets.get(node);
    if (target === undefined)
      throw new YamlFault(`there is no anchor &${node.source} before it`, startOf(node));
    return target;
  }

  #within<T>(node: Node, offset: number, read: () => T): T {
    if (this.#open.has(node)) throw new YamlFault('an anchor holds itself', offset);
    this.#open.add(node);
    try {
      return read();
    } finally {
      this.#open.delete(node);
    }
  }

  #grow(node: unknown): void {
    this.#growth += 1 + (isScalar(node) ? (node.source?.length ?? 0) : 0);
    if (this.#growth > largestGrowth)
      throw new YamlFault('its aliases make it too large (an alias bomb?)', startOf(node));
  }

  #offsetOf(path: readonly PropertyKey[]): number {
    let offset = startOf(this.#document.contents);
    let node: unknown = this.#document.contents;
    for (const part of path) {
      node = this.#child(node, part);
      if (node === undefined) break;
      offset = startOf(node, offset);
    }
    return offset;
  }

  #child(parent: unknown, part: PropertyKey): unknown {
    const node = this.#resolved(parent);
    if (isSeq(node)) return node.items[Number(part)];
    if (!isMap(node)) return undefined;
    const own = node.items.findLast(({ key }) => !isMergeKey(key) && this.#key(key, 0) === String(part));
    if (own !== undefined) return own.value ?? own.key;
    const merged = node.items.filter(({ key }) => isMergeKey(key)).map(({ value }) => this.#resolved(value));
    const sources = merged.flatMap((source) => (isSeq(source) ? source.items : [source]));
    return sources.map((source) => this.#child(source, part)).find((found) => found !== undefined);
  }
}

interface Place {
  depth: number;
  /** It is read through an alias. */
  copied: boolean;
}

function isMergeKey(key: unknown): boolean {
  const merge = 'tag:yaml.org,2002:merge';
  return (
    isScalar(key) && key.value === '<<' && (key.tag === undefined ? key.type === 'PLAIN' : key.tag === merge)
  );
}

function scalarOf(node: { value: unknown; type?: string; tag?: string }): ScalarValue {
  const text = typeof node.value === 'string' ? node.value : '';
  return scalarValue(text, {
    plain: node.type === 'PLAIN' || node.type === undefined,
    ...(node.tag === undefined ? {} : { tag: node.tag }),
  });
}

/** Puts what is wrong with a scalar at its place. */
function at<T>(node: unknown, read: () => T, offset = startOf(node)): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ScalarError) throw new YamlFault(error.message, offset);
    throw error;
  }
}

function startOf(node: unknown, otherwise = 0): number {
  return (node as { range?: readonly number[] } | null | undefined)?.range?.[0] ?? otherwise;
}

/** What each alias stands for: the last node before it that has the anchor. */
function aliasTargets(document: Document): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Alias: (_key, alias) => {
      const target = anchors.get(alias.source);
      if (target !== undefined) targets.set(alias, target);
    },
    Value: (_key, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}
