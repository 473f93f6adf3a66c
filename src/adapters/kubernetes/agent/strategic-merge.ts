import { isFields, type Fields } from '../../../base/fields.ts';
/** Lists of objects that strategic merge joins by a key; the rest are replaced whole. */
const mergeKeys: Record<string, readonly string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  ports: ['containerPort', 'protocol'],
  imagePullSecrets: ['name'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  ownerReferences: ['uid'],
};

/** Lists of plain values that are joined instead of replaced. */
const joinedLists = new Set(['finalizers']);

/**
 * Merges `patch` over `base` as the API server does for pods (strategic merge): maps by key, the lists above by their
 * merge keys, everything else replaced. `null` removes a field; `$patch: delete` removes a list's item, `$patch: replace`
 * replaces a map or a list. Neither argument is changed.
 * https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
export function strategicMerge(base: Fields, patch: Fields): Fields {
  if (patch['$patch'] === 'replace') return without$patch(patch);
  const fields = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch') continue;
    if (value === null) fields.delete(key);
    else fields.set(key, mergeValue(key, fields.get(key), value));
  }
  return Object.fromEntries(fields);
}

function mergeValue(key: string, base: unknown, patch: unknown): unknown {
  if (Array.isArray(patch)) {
    const current: readonly unknown[] = Array.isArray(base) ? base : [];
    const keys = mergeKeys[key];
    if (keys !== undefined && patch.every(isFields)) return mergeList(current.filter(isFields), patch, keys);
    return joinedLists.has(key) ? [...new Set([...current, ...(patch as unknown[])])] : patch;
  }
  if (isFields(patch)) return strategicMerge(isFields(base) ? base : {}, patch);
  return patch;
}

function mergeList(base: readonly Fields[], patch: readonly Fields[], keys: readonly string[]): Fields[] {
  const items = patch.filter((item) => !(item['$patch'] === 'replace' && Object.keys(item).length === 1));
  const merged = items.length < patch.length ? [] : [...base];
  for (const item of items) {
    const index = merged.findIndex((candidate) =>
      keys.every((key) => sameKey(key, candidate[key], item[key])),
    );
    const current = merged[index];
    if (item['$patch'] === 'delete') {
      if (index >= 0) merged.splice(index, 1);
    } else if (current === undefined) merged.push(strategicMerge({}, item));
    else merged[index] = strategicMerge(current, item);
  }
  return merged;
}

/** A port's protocol is TCP where it is not said. */
function sameKey(key: string, left: unknown, right: unknown): boolean {
  const missing = key === 'protocol' ? 'TCP' : undefined;
  return (left ?? missing) === (right ?? missing);
}

function without$patch(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== '$patch'));
}
