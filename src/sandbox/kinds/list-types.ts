/**
 * How lists and maps are merged: https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 * - `map`: items are found by `keys` (server-side apply) or by `patchKey` (strategic merge patch).
 * - `set`: scalars, each at most once.
 * - `atomic`: replaced as a whole.
 */
export type ListType =
  { type: 'map'; keys: readonly string[]; patchKey: string } | { type: 'set' } | { type: 'atomic' };

/** Lists of items found by keys, by their last two names. Other lists are atomic. */
const keyed = `
spec.containers name
containers.env name
containers.ports containerPort protocol
containers.volumeMounts mountPath
containers.volumeDevices devicePath
spec.volumes name
spec.imagePullSecrets name
spec.hostAliases ip
spec.topologySpreadConstraints topologyKey whenUnsatisfiable
spec.resourceClaims name
spec.schedulingGates name
spec.ports port protocol
status.conditions type
status.addresses type
spec.listeners name
status.listeners name
listeners.conditions type
status.podIPs ip
.secrets name
`;
const keysOf = new Map(
  keyed
    .trim()
    .split('\n')
    .map((row) => row.split(' '))
    .map(([name = '', ...keys]): [string, ListType] => [
      name,
      { type: 'map', keys, patchKey: keys[0] ?? '' },
    ]),
);

/** Lists of every kind's metadata. */
const metadataLists: Record<string, ListType> = {
  'metadata.ownerReferences': { type: 'map', keys: ['uid'], patchKey: 'uid' },
  'metadata.finalizers': { type: 'set' },
};

/** Maps that are replaced as a whole, by their last name; `spec.selector` is one by its place. */
const atomicMaps = new Set(
  (
    'labelSelector nodeSelector namespaceSelector podSelector fieldRef resourceFieldRef secretKeyRef configMapKeyRef ' +
    'roleRef claimRef scaleTargetRef involvedObject requiredDuringSchedulingIgnoredDuringExecution'
  ).split(' '),
);

/** What a key's field counts as where it is left out; any other is an empty text. */
export const keyDefaults: Record<string, unknown> = { protocol: 'TCP', port: 0, containerPort: 0 };

/** The type of the list at `path` (field names only, e.g. `spec, template, spec, containers`). */
export function listTypeOf(path: readonly string[], isBuiltIn: boolean): ListType {
  const [parent = '', own = ''] = ['', ...path].slice(-2);
  const name = `${parent}.${own}`.replace(/\b(init|ephemeral)Containers\b/g, 'containers');
  const ofMetadata = path.length === 2 ? metadataLists[name] : undefined;
  return ofMetadata ?? (isBuiltIn ? keysOf.get(name) : undefined) ?? { type: 'atomic' };
}

/** Whether the map at `path` is replaced as a whole. */
export function isAtomicMap(path: readonly string[], isBuiltIn: boolean): boolean {
  const name = path.at(-1) ?? '';
  return (
    isBuiltIn && (atomicMaps.has(name) || (path.length === 2 && path[0] === 'spec' && name === 'selector'))
  );
}
