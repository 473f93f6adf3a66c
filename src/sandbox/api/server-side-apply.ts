import type { Fields } from '../../base/fields.ts';
import { isFields } from '../../base/fields.ts';
import { joined, separator, showPath } from '../../base/fields-v1.ts';
import type { StoredObject } from '../store/objects.ts';
import type { FieldSet, Part } from './field-set.ts';
import { appliedFields, compareFields, fieldValues, partsOf, without } from './field-set.ts';
import type { FieldManager, Writer } from './managed-fields.ts';
import { isEntryOf, managersOf, setManagers } from './managed-fields.ts';
import { StatusError } from './status-error.ts';

/** Merges two lists by the keys of their items: applied ones in their order, others where they stand. */
function mergeLists(live: readonly Part[], applied: readonly Part[], isBuiltIn: boolean): unknown[] {
  const isApplied = (part: Part): boolean => applied.some(({ element }) => element === part.element);
  const result: unknown[] = [];
  let rest = [...live];
  for (const part of applied) {
    const next = rest.findIndex(isApplied);
    result.push(...rest.splice(0, next < 0 ? rest.length : next).map(({ value }) => value));
    const there = live.find(({ element }) => element === part.element);
    result.push(there === undefined ? part.value : merge(there.value, part.value, part.names, isBuiltIn));
    rest = rest.filter(({ element }) => element !== part.element);
  }
  return [...result, ...rest.map(({ value }) => value)];
}

/** `live` with the values of `applied` laid over it, by the types of lists and maps. */
function merge(live: unknown, applied: unknown, names: readonly string[], isBuiltIn: boolean): unknown {
  const [there, laid] = [partsOf(live, names, isBuiltIn), partsOf(applied, names, isBuiltIn)];
  if (there === undefined || laid === undefined) return applied;
  if (Array.isArray(live) && Array.isArray(applied)) return mergeLists(there, laid, isBuiltIn);
  if (!isFields(live) || !isFields(applied)) return applied;
  const result: Fields = { ...live };
  for (const [name, value] of Object.entries(applied)) {
    result[name] = merge(live[name], value, [...names, name], isBuiltIn);
  }
  return result;
}

/** Takes the fields of `removed` out of `value`; objects and lists that it empties go too. */
function prune(
  value: unknown,
  removed: FieldSet,
  isBuiltIn: boolean,
  at: Pick<Part, 'element' | 'names'>,
): unknown {
  const parts = partsOf(value, at.names, isBuiltIn);
  if (parts === undefined) return value;
  const kept = parts.flatMap((part) => {
    const element = joined(at.element, part.element);
    const rest = removed.has(element)
      ? undefined
      : prune(part.value, removed, isBuiltIn, { ...part, element });
    return rest === undefined ? [] : [{ ...part, value: rest }];
  });
  if (kept.length === 0 && parts.length > 0) return undefined;
  if (Array.isArray(value)) return kept.map((part) => part.value);
  return Object.fromEntries(kept.map((part) => [part.element.slice(2), part.value]));
}

function showManager(entry: FieldManager): string {
  const name = JSON.stringify(entry.manager);
  const manager =
    entry.subresource === '' ? name : `${name} with subresource ${JSON.stringify(entry.subresource)}`;
  if (entry.operation === 'Apply') return manager;
  return `${manager} using ${entry.apiVersion}${entry.time === '' ? '' : ` at ${entry.time}`}`;
}

/** 409 with the message and the causes of the real API server. */
function applyConflict(conflicts: readonly FieldManager[]): StatusError {
  const described = conflicts.map((entry) => ({
    by: showManager(entry),
    fields: [...entry.fields].map(showPath),
  }));
  const causes = described.flatMap(({ by, fields }) =>
    fields.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${by}`, field })),
  );
  const [first] = causes;
  const lines = described.flatMap(({ by, fields }) => [
    `conflicts with ${by}:`,
    ...fields.map((field) => `- ${field}`),
  ]);
  const message =
    causes.length === 1 && first !== undefined
      ? `1 conflict: ${first.message}: ${first.field}`
      : `${causes.length} conflicts: ${lines.join('\n')}`;
  return new StatusError('Conflict', `Apply failed with ${message}`, { causes });
}

/** Who owns what: fields that an object had before somebody applied to it are owned, too. */
function managersBefore(live: StoredObject, isBuiltIn: boolean): FieldManager[] {
  const managers = managersOf(live);
  if (managers.length > 0) return managers;
  const fields = new Set(fieldValues(live, isBuiltIn).keys());
  const { apiVersion } = live;
  const manager = 'before-first-apply';
  return [{ manager, operation: 'Update', apiVersion, subresource: '', time: '', fields }];
}

/**
 * Server-side apply: lays `applied` over `live`, takes away what `writer` applied before and no longer does, and
 * records who owns what. https://kubernetes.io/docs/reference/using-api/server-side-apply/
 * @throws StatusError Conflict when another manager owns a field that changes, unless `force`.
 */
export function applyConfiguration(
  live: StoredObject | undefined,
  applied: Fields,
  options: { writer: Writer; force: boolean; isBuiltIn: boolean },
): StoredObject {
  const { writer, force, isBuiltIn } = options;
  const claimed = appliedFields(applied, isBuiltIn);
  const managers = live === undefined ? [] : managersBefore(live, isBuiltIn);
  const own = managers.find((entry) => isEntryOf(entry, writer, 'Apply'));
  const others = managers.filter((entry) => entry !== own);
  const before = fieldValues(live ?? {}, isBuiltIn);
  const laid = merge(live ?? {}, applied, [], isBuiltIn) as StoredObject;

  const values = fieldValues(laid, isBuiltIn);
  // An empty map or list is not stored, so it is no change where there is none.
  const isEmpty = (path: string): boolean => ['{}', '[]'].includes(values.get(path) ?? '');
  const changes = compareFields(before, values);
  const isChanged = (path: string): boolean =>
    changes.modified.has(path) || (changes.added.has(path) && !isEmpty(path));
  const conflicts = others
    .map((entry) => ({ ...entry, fields: new Set([...entry.fields].filter(isChanged)) }))
    .filter(({ fields }) => fields.size > 0);
  if (conflicts.length > 0 && !force) throw applyConflict(conflicts);

  const removed = without(
    own?.fields ?? new Set(),
    withParents([claimed, ...others.map(({ fields }) => fields)]),
  );
  const root = { element: '', names: [] };
  const result = (removed.size === 0 ? laid : prune(laid, removed, isBuiltIn, root)) as StoredObject;
  const lost = conflicts.map(({ fields }) => fields);
  const isSame =
    own !== undefined && own.fields.size === claimed.size && without(claimed, own.fields).size === 0;
  const time = isSame ? own.time : writer.time;
  setManagers(result, [
    ...others.map((entry) => ({ ...entry, fields: without(entry.fields, ...lost) })),
    { ...writer, operation: 'Apply', time, fields: claimed },
  ]);
  return result;
}

/** The fields of all sets, and what they stand in. */
function withParents(sets: readonly FieldSet[]): FieldSet {
  const all: FieldSet = new Set();
  for (const path of sets.flatMap((set) => [...set])) {
    for (let end = path.length; end > 0; end = path.lastIndexOf(separator, end - 1))
      all.add(path.slice(0, end));
  }
  return all;
}
