/**
 * How lists and maps are merged: https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 * - `map`: items are found by `keys` (server-side apply) or by `patchKey` (strategic merge patch).
 * - `set`: scalars, each at most once.
 * - `atomic`: replaced as a whole.
 */
export type ListType =
  { type: 'map'; keys: readonly string[]; patchKey: string } | { type: 'set' } | { type: 'atomic' };

const byKey = (...keys: [string, ...string[]]): ListType => ({ type: 'map', keys, patchKey: keys[0] });
const atomic: ListType = { type: 'atomic' };
const set: ListType = { type: 'set' };

/** Lists of every kind's metadata. */
const metadataLists: Record<string, ListType> = {
  'metadata.ownerReferences': byKey('uid'),
  'metadata.finalizers': set,
};

/** Lists of the built-in kinds by their last two names; a list that is not here is atomic. */
const builtInLists: Record<string, ListType> = {
  'spec.containers': byKey('name'),
  'containers.env': byKey('name'),
  'containers.ports': byKey('containerPort', 'protocol'),
  'containers.volumeMounts': byKey('mountPath'),
  'containers.volumeDevices': byKey('devicePath'),
  'spec.volumes': byKey('name'),
  'spec.imagePullSecrets': byKey('name'),
  'spec.hostAliases': byKey('ip'),
  'spec.topologySpreadConstraints': byKey('topologyKey', 'whenUnsatisfiable'),
  'spec.ports': byKey('port', 'protocol'),
  'status.conditions': byKey('type'),
  'status.addresses': byKey('type'),
  '.secrets': byKey('name'),
  '.imagePullSecrets': byKey('name'),
};

/** Maps that are replaced as a whole, by their last name; `spec.selector` is one by its place. */
const atomicMaps = new Set([
  'labelSelector',
  'nodeSelector',
  'namespaceSelector',
  'podSelector',
  'fieldRef',
  'resourceFieldRef',
  'secretKeyRef',
  'configMapKeyRef',
  'roleRef',
  'claimRef',
  'scaleTargetRef',
  'involvedObject',
  'requiredDuringSchedulingIgnoredDuringExecution',
]);

/** A key's field that may be left out, and what it then counts as. */
export const keyDefaults: Record<string, unknown> = { protocol: 'TCP' };

/** The type of the list at `path` (field names only, e.g. `spec, template, spec, containers`). */
export function listTypeOf(path: readonly string[], isBuiltIn: boolean): ListType {
  const own = path.at(-1) ?? '';
  const parent = (path.at(-2) ?? '').replace(/^(init|ephemeral)Containers$/, 'containers');
  const name = `${parent}.${own.replace(/^(init|ephemeral)Containers$/, 'containers')}`;
  const ofMetadata = path.length === 2 ? metadataLists[name] : undefined;
  return ofMetadata ?? (isBuiltIn ? builtInLists[name] : undefined) ?? atomic;
}

/** Whether the map at `path` is replaced as a whole. */
export function isAtomicMap(path: readonly string[], isBuiltIn: boolean): boolean {
  if (!isBuiltIn) return false;
  return (
    atomicMaps.has(path.at(-1) ?? '') || (path.length === 2 && path[0] === 'spec' && path[1] === 'selector')
  );
}
