import { sameJson } from '../../base/same-json.ts';
import type { Fields } from '../kinds/fields.ts';
import { isFields } from '../kinds/fields.ts';
import { listTypeOf } from '../kinds/list-types.ts';
import { badRequest } from './status-error.ts';

/**
 * Strategic merge patch of built-in kinds, with its directives:
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 * @throws StatusError BadRequest for a list item without its merge key or an unknown directive.
 */
export function strategicMerge(original: Fields, patch: Fields): Fields {
  return mergeMap(original, patch, []);
}

const orderDirective = '$setElementOrder/';
const deletePrimitives = '$deleteFromPrimitiveList/';

function mergeMap(original: Fields, patch: Fields, names: readonly string[]): Fields {
  const { $patch: directive, $retainKeys: retain, ...fields } = patch;
  if (directive === 'replace') return fields;
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') {
    throw badRequest(`unknown patch directive: ${JSON.stringify(directive)}`);
  }
  const result = Object.fromEntries(
    Object.entries(original).filter(([name]) => !Array.isArray(retain) || retain.includes(name)),
  );
  dropPrimitives(result, fields);
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith('$')) continue;
    if (value === null) Reflect.deleteProperty(result, name);
    else result[name] = mergeValue(result[name], value, [...names, name], fields[`${orderDirective}${name}`]);
  }
  orderUntouched(result, fields, names);
  return result;
}

/** `$deleteFromPrimitiveList/NAME` */
function dropPrimitives(result: Fields, fields: Fields): void {
  for (const [directive, value] of Object.entries(fields)) {
    if (!directive.startsWith(deletePrimitives) || !Array.isArray(value)) continue;
    const name = directive.slice(deletePrimitives.length);
    const list = result[name];
    if (Array.isArray(list)) result[name] = list.filter((item) => !value.includes(item));
  }
}

/** `$setElementOrder/NAME` alone, without a patch of the list itself, still orders it. */
function orderUntouched(result: Fields, fields: Fields, names: readonly string[]): void {
  for (const [directive, order] of Object.entries(fields)) {
    const name = directive.slice(orderDirective.length);
    if (!directive.startsWith(orderDirective) || name in fields) continue;
    const list = result[name];
    if (Array.isArray(list)) result[name] = inOrder(list, order, [...names, name]);
  }
}

function mergeValue(original: unknown, value: unknown, names: readonly string[], order: unknown): unknown {
  if (isFields(value)) return mergeMap(isFields(original) ? original : {}, value, names);
  if (!Array.isArray(value)) return value;
  const merged = mergeList(Array.isArray(original) ? original : [], value, names);
  return inOrder(merged, order, names);
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  names: readonly string[],
): unknown[] {
  const list = listTypeOf(names, true);
  if (list.type === 'set') return [...original, ...patch.filter((item) => !original.includes(item))];
  if (list.type === 'atomic')
    return patch.filter((item) => !(isFields(item) && item['$patch'] === 'replace'));
  if (patch.some((item) => isFields(item) && item['$patch'] === 'replace')) {
    return patch.filter((item) => !(isFields(item) && item['$patch'] === 'replace'));
  }
  const key = list.patchKey;
  let result = [...original];
  for (const item of patch) {
    if (!isFields(item) || item[key] === undefined) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    }
    const index = result.findIndex((there) => isFields(there) && sameJson(there[key], item[key]));
    const there = result[index];
    if (item['$patch'] === 'delete') result = result.filter((_, position) => position !== index);
    else if (isFields(there)) result[index] = mergeMap(there, item, names);
    else result.push(mergeMap({}, item, names));
  }
  return result;
}

/** Orders a list as `$setElementOrder` says; items that it does not name keep their place after those before them. */
function inOrder(list: readonly unknown[], order: unknown, names: readonly string[]): unknown[] {
  if (!Array.isArray(order)) return [...list];
  const type = listTypeOf(names, true);
  const keyOf = (item: unknown): unknown =>
    type.type === 'map' && isFields(item) ? item[type.patchKey] : item;
  const wanted = order.map(keyOf);
  const rankOf = (item: unknown): number => wanted.findIndex((key) => sameJson(key, keyOf(item)));
  let last = -1;
  return list
    .map((item) => {
      const rank = rankOf(item);
      if (rank >= 0) last = rank;
      return { item, rank: rank >= 0 ? rank : last + 0.5 };
    })
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
