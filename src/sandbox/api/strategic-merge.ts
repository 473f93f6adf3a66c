import { sameJson } from '../../base/same-json.ts';
import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
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

const directives = /^\$(setElementOrder|deleteFromPrimitiveList)\//;

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
  // A directive may stand without a patch of the list that it names.
  for (const name of new Set(Object.keys(fields).map((field) => field.replace(directives, '')))) {
    const path = [...names, name];
    const dropped = fields[`$deleteFromPrimitiveList/${name}`];
    let value = result[name];
    if (Array.isArray(value) && Array.isArray(dropped))
      value = value.filter((item) => !dropped.includes(item));
    if (fields[name] !== undefined) value = mergeValue(value, fields[name], path);
    if (Array.isArray(value)) value = inOrder(value, fields[`$setElementOrder/${name}`], path);
    if (value === null || value === undefined) Reflect.deleteProperty(result, name);
    else result[name] = value;
  }
  return result;
}

function mergeValue(original: unknown, value: unknown, names: readonly string[]): unknown {
  if (isFields(value)) return mergeMap(isFields(original) ? original : {}, value, names);
  return Array.isArray(value) ? mergeList(Array.isArray(original) ? original : [], value, names) : value;
}

const isReplacing = (item: unknown): boolean => isFields(item) && item['$patch'] === 'replace';

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  names: readonly string[],
): unknown[] {
  const list = listTypeOf(names, true);
  if (list.type === 'set') return [...original, ...patch.filter((item) => !original.includes(item))];
  if (list.type === 'atomic' || patch.some(isReplacing)) return patch.filter((item) => !isReplacing(item));
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
  let last = -1;
  const ranked = list.map((item) => {
    const rank = order.findIndex((named) => sameJson(keyOf(named), keyOf(item)));
    if (rank >= 0) last = rank;
    return { item, rank: rank >= 0 ? rank : last + 0.5 };
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ item }) => item);
}
