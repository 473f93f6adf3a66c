import { isFields } from '../base/fields.ts';
import { readFieldsV1, separator, type FieldTree } from '../base/fields-v1.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';

/**
 * Fields of an object, each by its path in the notation of `fieldsV1` of metadata.managedFields: `f:name` is a field,
 * `k:{"name":"web"}` an item of a list by its keys, `v:"x"` a member of a set, `i:0` an item by its place. The elements
 * of a path are joined by {@link separator}.
 */
export type FieldSet = ReadonlySet<string>;

/** One entry of metadata.managedFields: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management */
export interface ManagedFields {
  manager?: string;
  operation?: 'Apply' | 'Update';
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: FieldTree;
  subresource?: string;
}

/** A path of these elements. */
export function pathOf(...elements: readonly string[]): string {
  return elements.join(separator);
}

/** Whether a path is another one, or below it. */
export function isWithin(path: string, top: string): boolean {
  return path === top || path.startsWith(`${top}${separator}`);
}

/** Whether a path is that of a list's item. */
export function isItem(path: string): boolean {
  return /^[kv]:/.test(path.slice(path.lastIndexOf(separator) + 1));
}

/** The paths above a path that are those of a list's item, and the path itself when it is one. */
export function itemsAbove(path: string): string[] {
  const elements = path.split(separator);
  return elements.map((_, index) => pathOf(...elements.slice(0, index + 1))).filter(isItem);
}

/** The managers of an object's fields. */
export function managersOf({ metadata }: KubernetesObject): ManagedFields[] {
  return (metadata['managedFields'] as ManagedFields[] | undefined) ?? [];
}

/** The fields of an entry. */
export function fieldsOf({ fieldsV1 = {} }: Pick<ManagedFields, 'fieldsV1'>): Set<string> {
  return readFieldsV1(fieldsV1);
}

/** The elements right below each path, the object itself included (''). */
export function elementsBelow(fields: FieldSet): Map<string, string[]> {
  const below = new Map<string, Set<string>>();
  for (const path of fields) {
    const elements = path.split(separator);
    for (const [index, element] of elements.entries()) {
      const above = pathOf(...elements.slice(0, index));
      below.set(above, (below.get(above) ?? new Set()).add(element));
    }
  }
  return new Map([...below].map(([path, elements]) => [path, [...elements]]));
}

/** The path above a path; '' is the object itself. */
export function aboveOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf(separator)));
}

/** What stands at a path in an object; undefined where there is nothing, or null. */
export function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const element of path === '' ? [] : path.split(separator)) {
    value = partOf(value, element);
    if (value === undefined || value === null) return undefined;
  }
  return value;
}

/** Takes away what stands at a path in an object. */
export function removeAt(object: unknown, path: string): void {
  const parent = valueAt(object, aboveOf(path));
  const element = path.slice(path.lastIndexOf(separator) + 1);
  if (isFields(parent)) Reflect.deleteProperty(parent, element.slice(2));
  if (!Array.isArray(parent)) return;
  const index = parent.findIndex((item) => isNamed(item, element));
  if (index !== -1) parent.splice(index, 1);
}

/** A value with these of its fields alone; items of lists keep the keys that name them. */
export function withFields(value: unknown, fields: FieldSet): unknown {
  const below = elementsBelow(fields);
  const select = (part: unknown, path: string): unknown => {
    const elements = below.get(path);
    if (elements === undefined) return part;
    const parts = elements.map((element) => {
      const inner = path === '' ? element : pathOf(path, element);
      return [element, select(partOf(part, element), inner)] as const;
    });
    const present = parts.filter(([, selected]) => selected !== undefined);
    if (Array.isArray(part)) {
      return present.map(([element, selected]) => {
        const keys = /^k:/.test(element) ? (JSON.parse(element.slice(2)) as Record<string, unknown>) : {};
        return isFields(selected) ? { ...keys, ...selected } : selected;
      });
    }
    return Object.fromEntries(present.map(([element, selected]) => [element.slice(2), selected]));
  };
  return select(value, '');
}

/** The part of a value that an element names. */
function partOf(value: unknown, element: string): unknown {
  if (element.startsWith('f:')) return isFields(value) ? value[element.slice(2)] : undefined;
  if (!Array.isArray(value)) return undefined;
  const list: readonly unknown[] = value;
  return element.startsWith('i:')
    ? list[Number(element.slice(2))]
    : list.find((item) => isNamed(item, element));
}

/** Whether an element (`k:` or `v:`) names an item. A key that the item leaves out has its default (a port's protocol). */
export function isNamed(item: unknown, element: string): boolean {
  const name = JSON.parse(element.slice(2)) as unknown;
  if (!isFields(name)) return item === name;
  if (!isFields(item)) return false;
  const present = Object.entries(name).filter(([key]) => item[key] !== undefined);
  return present.length > 0 && present.every(([key, value]) => item[key] === value);
}
