import { joined, separator } from '../../base/fields-v1.ts';
import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { isAtomicMap, keyDefaults, listTypeOf } from '../kinds/list-types.ts';

/**
 * Fields of an object, each by its path in the notation of `fieldsV1` (`f:name`, `k:{"name":"c"}`, `v:"x"`); the
 * elements are joined by {@link separator}.
 */
export type FieldSet = Set<string>;

/** Values by path: JSON of a leaf, or of nothing for an object or list that has fields of its own. */
export type FieldValues = Map<string, string | undefined>;

/** The `k:` element that names an item of an associative list. */
export function itemKey(item: Fields, keys: readonly string[]): string {
  const sorted = [...keys].sort().map((key): [string, unknown] => [key, item[key] ?? keyDefaults[key] ?? '']);
  return `k:${JSON.stringify(Object.fromEntries(sorted))}`;
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
// eslint-disable-next-line no-restricted-syntax -- made of constants
const unowned = new RegExp(
  `^(f:(apiVersion|kind|metadata)|f:metadata${separator}f:(name|namespace|uid|resourceVersion|generation|` +
    'creationTimestamp|managedFields|generateName|selfLink|deletionTimestamp|deletionGracePeriodSeconds))$',
);

/** Every field of an object with its value. */
export function fieldValues(object: Fields, isBuiltIn: boolean): FieldValues {
  const values: FieldValues = new Map();
  const walk = (value: unknown, path: string, names: readonly string[]): void => {
    const parts = partsOf(value, names, isBuiltIn) ?? [];
    if (path !== '' && !unowned.test(path)) {
      values.set(path, parts.length === 0 ? JSON.stringify(value) : undefined);
    }
    for (const part of parts) walk(part.value, joined(path, part.element), part.names);
  };
  walk(object, '', []);
  return values;
}

/** The fields that an applied configuration lays claim to: its leaves and the items of its associative lists. */
export function appliedFields(object: Fields, isBuiltIn: boolean): FieldSet {
  const values = [...fieldValues(object, isBuiltIn)];
  const isItem = (path: string): boolean => path.startsWith('k:', path.lastIndexOf(separator) + 1);
  return new Set(values.filter(([path, leaf]) => leaf !== undefined || isItem(path)).map(([path]) => path));
}

/** What differs between two states of an object, field by field: added, modified, removed. */
export function compareFields(
  before: FieldValues,
  after: FieldValues,
): Record<'added' | 'modified' | 'removed', FieldSet> {
  const changes = { added: new Set<string>(), modified: new Set<string>(), removed: new Set<string>() };
  for (const [path, value] of after) {
    if (!before.has(path)) changes.added.add(path);
    else if (before.get(path) !== value) changes.modified.add(path);
  }
  for (const path of before.keys()) if (!after.has(path)) changes.removed.add(path);
  return changes;
}

/** The fields of a set that are in none of the others. */
export const without = (fields: FieldSet, ...others: ReadonlySet<string>[]): FieldSet =>
  new Set([...fields].filter((path) => !others.some((other) => other.has(path))));
