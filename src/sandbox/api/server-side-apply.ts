import type { Fields } from '../kinds/fields.ts';
import { isFields } from '../kinds/fields.ts';
import type { StoredObject } from '../store/objects.ts';
import type { FieldSet, Part } from './field-set.ts';
import { appliedFields, compareFields, fieldValues, partsOf, separator, showPath } from './field-set.ts';
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

interface PruneContext {
  removed: FieldSet;
  isBuiltIn: boolean;
}

/** Takes the fields of `removed` out of `value`; objects and lists that it empties go too. */
function prune(value: unknown, path: readonly string[], names: readonly string[], by: PruneContext): unknown {
  const parts = partsOf(value, names, by.isBuiltIn);
  if (parts === undefined) return value;
  const kept = parts.flatMap((part) => {
    const below = [...path, part.element];
    if (by.removed.has(below.join(separator))) return [];
    const rest = prune(part.value, below, part.names, by);
    return rest === undefined ? [] : [{ ...part, value: rest }];
  });
  if (kept.length === 0 && parts.length > 0) return undefined;
  return Array.isArray(value)
    ? kept.map((part) => part.value)
    : Object.fromEntries(kept.map((part) => [part.element.slice(2), part.value]));
}

function showManager(entry: FieldManager): string {
  const name = JSON.stringify(entry.manager);
  const told =
    entry.subresource === '' ? name : `${name} with subresource ${JSON.stringify(entry.subresource)}`;
  if (entry.operation === 'Apply') return told;
  return `${told} using ${entry.apiVersion}${entry.time === '' ? '' : ` at ${entry.time}`}`;
}

/** 409 with the message and the causes of the real API server. */
function applyConflict(conflicts: readonly { entry: FieldManager; paths: string[] }[]): StatusError {
  const all = conflicts.flatMap(({ entry, paths }) =>
    paths.map((path) => ({ manager: showManager(entry), field: showPath(path) })),
  );
  const [first] = all;
  const message =
    all.length === 1 && first !== undefined
      ? `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.field}`
      : `Apply failed with ${all.length} conflicts: ${conflicts
          .map(({ entry, paths }) =>
            [`conflicts with ${showManager(entry)}:`, ...paths.map((path) => `- ${showPath(path)}`)].join(
              '\n',
            ),
          )
          .join('\n')}`;
  return new StatusError('Conflict', message, {
    causes: all.map(({ manager, field }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${manager}`,
      field,
    })),
  });
}

/** Fields that an object without managers had before somebody applied to it. */
function managersBefore(live: StoredObject, isBuiltIn: boolean): FieldManager[] {
  const managers = managersOf(live);
  if (managers.length > 0) return managers;
  return [
    {
      manager: 'before-first-apply',
      operation: 'Update',
      apiVersion: live.apiVersion,
      subresource: '',
      time: '',
      fields: new Set(fieldValues(live, isBuiltIn).keys()),
    },
  ];
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
  const conflicts = others
    .map((entry) => ({
      entry,
      paths: [...entry.fields].filter(
        (path) => changes.modified.has(path) || (changes.added.has(path) && !isEmpty(path)),
      ),
    }))
    .filter(({ paths }) => paths.length > 0);
  if (conflicts.length > 0 && !force) throw applyConflict(conflicts);

  const held = withParents([claimed, ...others.map((entry) => entry.fields)]);
  const removed: FieldSet = new Set([...(own?.fields ?? [])].filter((path) => !held.has(path)));
  const merged = (removed.size === 0 ? laid : prune(laid, [], [], { removed, isBuiltIn })) as StoredObject;
  const result: StoredObject = { ...merged, metadata: { ...laid.metadata, ...merged.metadata } };
  if (merged.metadata !== laid.metadata) {
    for (const part of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const) {
      if (merged.metadata[part] === undefined) Reflect.deleteProperty(result.metadata, part);
    }
  }
  const lost = new Set(conflicts.flatMap(({ paths }) => paths));
  setManagers(result, [
    ...others.map((entry) => ({
      ...entry,
      fields: new Set([...entry.fields].filter((path) => !lost.has(path))),
    })),
    {
      ...writer,
      operation: 'Apply',
      time: sameFields(own, claimed) ? (own?.time ?? writer.time) : writer.time,
      fields: claimed,
    },
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

function sameFields(own: FieldManager | undefined, claimed: FieldSet): boolean {
  return own?.fields.size === claimed.size && [...claimed].every((path) => own.fields.has(path));
}
