/** A step of a path: a key of a map, or the name of an item in a list of named items. */
export type Segment = string | { name: string };

/** A leaf of an object: a scalar, an empty map, or a list whose items have no names. */
export interface Leaf {
  path: readonly Segment[];
  value: unknown;
}

/** All leaves of an object by their path, but for what identifies it and what the server keeps. */
export function leavesOf(object: Record<string, unknown>): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const walk = (value: unknown, path: readonly Segment[]): void => {
    if (isNamedList(value)) for (const item of value) walk(item, [...path, { name: item.name }]);
    else if (isMap(value) && Object.keys(value).length > 0)
      for (const [key, child] of Object.entries(value)) walk(child, [...path, key]);
    else leaves.set(JSON.stringify(path), { path, value });
  };
  const { apiVersion: _a, kind: _k, metadata, status: _s, ...content } = object;
  const { labels, annotations } = metadata as Record<string, unknown>;
  walk({ ...content, ...(labels || annotations ? { metadata: { labels, annotations } } : {}) }, []);
  for (const [key, leaf] of leaves) if (leaf.value === undefined) leaves.delete(key);
  return leaves;
}

/** Sets a leaf; maps and named items on the way are made. */
export function setLeaf(object: Record<string, unknown>, { path, value }: Leaf): void {
  let node: unknown = object;
  for (const [index, segment] of path.entries()) {
    const last = index === path.length - 1;
    const next = path[index + 1];
    if (typeof segment === 'string') {
      const map = node as Record<string, unknown>;
      if (last) map[segment] = value;
      else if (typeof next === 'object') map[segment] = isNamedList(map[segment]) ? map[segment] : [];
      else map[segment] = isMap(map[segment]) ? map[segment] : {};
      node = map[segment];
    } else {
      const list = node as { name: string }[];
      let item = list.find(({ name }) => name === segment.name);
      if (item === undefined) list.push((item = { name: segment.name }));
      node = item;
    }
  }
}

/** Removes a leaf, and the named item or map that it leaves empty. */
export function removeLeaf(object: Record<string, unknown>, { path }: Pick<Leaf, 'path'>): void {
  const nodes: unknown[] = [object];
  for (const segment of path.slice(0, -1)) {
    const node = nodes.at(-1);
    nodes.push(childOf(node, segment));
    if (nodes.at(-1) === undefined) return;
  }
  for (let index = path.length - 1; index >= 0; index--) {
    const segment = path[index]!;
    const parent = nodes[index];
    const child = childOf(parent, segment);
    const isEmpty =
      index === path.length - 1 ||
      (isMap(child) && Object.keys(child).filter((key) => key !== 'name').length === 0) ||
      (Array.isArray(child) && child.length === 0);
    if (!isEmpty) return;
    if (typeof segment === 'string') Reflect.deleteProperty(parent as object, segment);
    else {
      const list = parent as { name: string }[];
      const at = list.findIndex(({ name }) => name === segment.name);
      if (at >= 0) list.splice(at, 1);
    }
  }
}

function childOf(node: unknown, segment: Segment): unknown {
  if (typeof segment === 'string') return isMap(node) ? node[segment] : undefined;
  return Array.isArray(node)
    ? (node as { name: string }[]).find(({ name }) => name === segment.name)
    : undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamedList(value: unknown): value is { name: string }[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => isMap(item) && typeof item['name'] === 'string')
  );
}
