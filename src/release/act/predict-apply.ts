import { isFields } from '../../base/fields.ts';
import { sameJson } from '../../base/same-json.ts';
import {
  aboveOf,
  elementsBelow,
  fieldsOf,
  isItem,
  isNamed,
  itemsAbove,
  managersOf,
  pathOf,
  removeAt,
  valueAt,
  type FieldSet,
} from '../../kubernetes/field-set.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

/**
 * The merge patch that changes an object as applying a manifest would once the fields `dropped` are Slipway's own. For
 * dry runs only: what owns the fields cannot be written in one request with what is applied.
 * Lists and maps are merged as the managers of the live object have them, so that no schema is needed: a list whose
 * items no manager tells apart is replaced.
 */
export function predictedPatch(
  live: KubernetesObject,
  manifest: KubernetesObject,
  dropped: FieldSet,
): Record<string, unknown> {
  const known = new Set([...managersOf(live).flatMap((entry) => [...fieldsOf(entry)]), ...dropped]);
  const structure = elementsBelow(known);
  const pruned = structuredClone(live);
  const goesWithItem = (path: string) => itemsAbove(aboveOf(path)).some((item) => dropped.has(item));
  for (const path of [...dropped].filter((each) => !goesWithItem(each))) {
    const isParent = structure.has(path) && !isItem(path);
    if (!isParent) removeAt(pruned, path);
    // What gets empty goes with what was in it.
    for (let above = aboveOf(path); isEmpty(valueAt(pruned, above)); above = aboveOf(above))
      removeAt(pruned, above);
  }
  return mergePatch(live, lay(manifest, pruned, '', { known, structure })) as Record<string, unknown>;
}

/** What managers say of the parts of an object. */
interface Parts {
  known: FieldSet;
  /** The elements right below each path. */
  structure: ReadonlyMap<string, readonly string[]>;
}

/** A manifest's value over a live one, by what is known of the parts below `path`. */
function lay(applied: unknown, live: unknown, path: string, parts: Parts): unknown {
  const below = parts.structure.get(path);
  const at = (element: string): string => (path === '' ? element : pathOf(path, element));
  if (isFields(applied) && isFields(live)) {
    // A map that its managers own as one is replaced as one.
    if (parts.known.has(path) && below === undefined && !isEmpty(live)) return applied;
    const merged: Record<string, unknown> = { ...live };
    for (const [name, value] of Object.entries(applied))
      merged[name] = lay(value, live[name], at(`f:${name}`), parts);
    return merged;
  }
  if (!Array.isArray(applied) || !Array.isArray(live)) return applied;
  const items = (below ?? []).filter(isItem);
  if (items.length === 0) return applied;
  const present: readonly unknown[] = live;
  const elementOf = (item: unknown) => items.find((element) => isNamed(item, element));
  const laid = (applied as readonly unknown[]).map((item) => {
    const element = elementOf(item);
    if (element === undefined) return item;
    const there = present.find((each) => isNamed(each, element));
    return lay(item, there, at(element), parts);
  });
  const isApplied = (item: unknown) => {
    const element = elementOf(item);
    return element !== undefined && (applied as readonly unknown[]).some((each) => isNamed(each, element));
  };
  return [...laid, ...present.filter((item) => !isApplied(item))];
}

/** RFC 7396: what makes `after` of `before`. */
function mergePatch(before: unknown, after: unknown): unknown {
  if (!isFields(before) || !isFields(after)) return after;
  const patch: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (sameJson(before[name], after[name])) continue;
    patch[name] = after[name] === undefined ? null : mergePatch(before[name] ?? {}, after[name]);
  }
  return patch;
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isFields(value) && Object.keys(value).length === 0;
}
