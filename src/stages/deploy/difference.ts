import { isFields } from '../../base/fields.ts';
import { sameJson } from '../../base/same-json.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

/** One field that a release would change; `undefined` stands for "not there". */
export interface FieldChange {
  /** `spec.template.spec.containers[web].image` */
  path: string;
  before: unknown;
  after: unknown;
}

/** What stands in the place of a Secret's value. */
const hidden = '(hidden)';

/** Fields that change with every write and say nothing. */
const noise = new Set([
  'metadata.managedFields',
  'metadata.resourceVersion',
  'metadata.generation',
  'metadata.uid',
  'metadata.creationTimestamp',
  'metadata.selfLink',
  'metadata.annotations.deprecated.daemonset.template.generation',
  'status',
]);

/** The fields that differ, in the order of their paths; the values of Secrets are hidden, their keys are not. */
export function difference(before: KubernetesObject, after: KubernetesObject): FieldChange[] {
  const changes = compare('', before, after);
  if (after.kind !== 'Secret') return changes;
  return changes.map((change) =>
    /^(data|stringData)\b/.test(change.path)
      ? { path: change.path, before: hide(change.before), after: hide(change.after, ' new value') }
      : change,
  );
}

function hide(value: unknown, note = ''): unknown {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) return `${hidden}${note}`;
  return Object.fromEntries(Object.keys(value).map((key) => [key, hidden]));
}

function compare(path: string, before: unknown, after: unknown): FieldChange[] {
  if (noise.has(path) || sameJson(before, after)) return [];
  if (isFields(before) && isFields(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => compare(path === '' ? key : `${path}.${key}`, before[key], after[key]));
  }
  if (isNamed(before) && isNamed(after)) {
    const names = [...new Set([...before, ...after].map(({ name }) => name))];
    const find = (list: Named[], name: string) => list.find((item) => item.name === name);
    const changes = names.flatMap((name) =>
      compare(`${path}[${name}]`, find(before, name), find(after, name)),
    );
    return changes.length > 0 ? changes : [{ path, before, after }];
  }
  return [{ path, before, after }];
}

interface Named {
  name: string;
}

/** Lists whose items have names that tell them apart: containers, env, volumes, ports. */
function isNamed(value: unknown): value is Named[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  const names = value.map((item: unknown) => (isFields(item) ? item['name'] : undefined));
  return names.every((name) => typeof name === 'string') && new Set(names).size === names.length;
}
