import type { Fields } from '../kinds/fields.ts';
import { isFields } from '../kinds/fields.ts';
import { isAtomicMap, keyDefaults, listTypeOf } from '../kinds/list-types.ts';

/**
 * Fields of an object, each by its path in the notation of `fieldsV1` (`f:name`, `k:{"name":"c"}`, `v:"x"`); the
 * elements are joined by {@link separator}.
 */
export type FieldSet = Set<string>;

/** Stands between the elements of a path; occurs in no name. */
export const separator = '\u0000';

/** Values by path: JSON of a leaf, or of nothing for an object or list that has fields of its own. */
export type FieldValues = Map<string, string | undefined>;

/** The `k:` element that names an item of an associative list. */
function itemKey(item: Fields, keys: readonly string[]): string {
  const sorted = [...keys].sort().map((key): [string, unknown] => [key, item[key] ?? keyDefaults[key]]);
  return `k:${JSON.stringify(Object.fromEntries(sorted.filter(([, value]) => value !== undefined)))}`;
}

/** A part of an object or of a list: its element in the notation, and the field names that lead to it. */
export interface Part {
  element: string;
  value: unknown;
  names: readonly string[];
}

/**
 * The parts of what stands at `names`: the fields of an object, the items of an associative list or of a set.
 * Undefined for what is set and replaced as a whole. Server-side apply walks by this alone.
 */
export function partsOf(value: unknown, names: readonly string[], isBuiltIn: boolean): Part[] | undefined {
  if (Array.isArray(value)) {
    const list = listTypeOf(names, isBuiltIn);
    if (list.type === 'atomic') return undefined;
    const elementOf = (item: unknown): string =>
      list.type === 'map' && isFields(item) ? itemKey(item, list.keys) : `v:${JSON.stringify(item)}`;
    return value.map((item: unknown) => ({ element: elementOf(item), value: item, names }));
  }
  if (!isFields(value) || isAtomicMap(names, isBuiltIn)) return undefined;
  return Object.entries(value).map(([name, field]) => ({
    element: `f:${name}`,
    value: field,
    names: [...names, name],
  }));
}

/** What no manager owns: type, identity, and what the server writes. */
const unowned = new Set(['f:apiVersion', 'f:kind']);
const unownedMetadata = new Set(
  (
    'name namespace uid resourceVersion generation creationTimestamp managedFields generateName selfLink ' +
    'deletionTimestamp deletionGracePeriodSeconds'
  )
    .split(' ')
    .map((name) => `f:${name}`),
);

function isOwnable([root, field]: readonly string[]): boolean {
  if (root === undefined || unowned.has(root)) return false;
  return root !== 'f:metadata' || (field !== undefined && !unownedMetadata.has(field));
}

/** Every field of an object with its value. */
export function fieldValues(object: Fields, isBuiltIn: boolean): FieldValues {
  const values: FieldValues = new Map();
  const walk = (value: unknown, path: readonly string[], names: readonly string[]): void => {
    const parts = partsOf(value, names, isBuiltIn) ?? [];
    if (isOwnable(path))
      values.set(path.join(separator), parts.length === 0 ? JSON.stringify(value) : undefined);
    for (const part of parts) walk(part.value, [...path, part.element], part.names);
  };
  walk(object, [], []);
  return values;
}

/** The fields that an applied configuration lays claim to: its leaves and the items of its associative lists. */
export function appliedFields(object: Fields, isBuiltIn: boolean): FieldSet {
  const fields: FieldSet = new Set();
  for (const [path, leaf] of fieldValues(object, isBuiltIn)) {
    const last = path.slice(path.lastIndexOf(separator) + 1);
    if (leaf !== undefined || last.startsWith('k:')) fields.add(path);
  }
  return fields;
}

/** What differs between two states of an object. */
export interface FieldChanges {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

/** Compares two states of an object, field by field. */
export function compareFields(before: FieldValues, after: FieldValues): FieldChanges {
  const changes: FieldChanges = { added: new Set(), modified: new Set(), removed: new Set() };
  for (const [path, value] of after) {
    if (!before.has(path)) changes.added.add(path);
    else if (before.get(path) !== value) changes.modified.add(path);
  }
  for (const path of before.keys()) if (!after.has(path)) changes.removed.add(path);
  return changes;
}

/** Reads `fieldsV1` of a managedFields entry. */
export function parseFieldsV1(
  tree: unknown,
  path: readonly string[] = [],
  into: FieldSet = new Set(),
): FieldSet {
  if (!isFields(tree)) return into;
  const entries = Object.entries(tree);
  if (path.length > 0 && (entries.length === 0 || '.' in tree)) into.add(path.join(separator));
  for (const [element, below] of entries) {
    if (element !== '.') parseFieldsV1(below, [...path, element], into);
  }
  return into;
}

/** Writes `fieldsV1` of a managedFields entry. */
export function toFieldsV1(fields: FieldSet): Fields {
  const root: Fields = {};
  for (const path of [...fields].sort()) {
    let node = root;
    const elements = path.split(separator);
    for (const element of elements) {
      const next = node[element];
      node = isFields(next) ? next : (node[element] = {} as Fields);
    }
    node['.'] = {};
  }
  return withoutLeafDots(root);
}

/** A leaf is `{}`; only a node that has fields below it says with `.` that it is a member itself. */
function withoutLeafDots(node: Fields): Fields {
  const entries = Object.entries(node);
  if (entries.length === 1 && '.' in node) return {};
  return Object.fromEntries(
    entries.map(([element, below]) => [element, element === '.' ? {} : withoutLeafDots(below as Fields)]),
  );
}

/** A path as messages show it: `.spec.template.spec.containers[name="c"].image`. */
export function showPath(path: string): string {
  return path
    .split(separator)
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      const keys = Object.entries(JSON.parse(rest) as Fields);
      return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}
