import { InputError } from '../../base/errors.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject, ObjectKind } from '../../ports/kubernetes-object.ts';
import type { Manifest } from './parse-manifests.ts';

interface Definition extends KubernetesObject {
  spec: {
    group: string;
    scope: string;
    names: { kind: string };
    versions?: { name: string }[];
    version?: string;
  };
}

/** How the kinds of the manifests are served. */
export interface ManifestKinds {
  isNamespaced(kind: ObjectKind): boolean;
  /** false: a definition among the manifests brings it. */
  isServed(kind: ObjectKind): boolean;
}

/** Versions that a kind may be found under, when it is not served under the one of the manifest. */
const versions = ['v1', 'v2', 'v1beta1', 'v1beta2', 'v2beta2', 'v2beta1', 'v1alpha1', 'v2alpha1'];

/** Groups that kinds have moved to since. */
const movedTo: Record<string, string> = {
  'extensions/Ingress': 'networking.k8s.io',
  'extensions/Deployment': 'apps',
  'extensions/DaemonSet': 'apps',
  'extensions/ReplicaSet': 'apps',
  'extensions/NetworkPolicy': 'networking.k8s.io',
};

/**
 * Finds by discovery how each kind is served. Manifests are applied in the version that they are written in.
 * @throws InputError with file and line for each kind that the cluster does not serve, and the version that it does
 */
export async function resolveKinds(
  manifests: readonly Manifest[],
  cluster: Cluster,
  options: CallOptions,
): Promise<ManifestKinds> {
  const namespaced = new Map<string, boolean>();
  const brought = new Map<string, boolean>();
  for (const { object } of manifests) {
    if (object.kind !== 'CustomResourceDefinition') continue;
    const { group, scope, names, versions: served = [], version } = (object as Definition).spec;
    for (const each of [...served.map(({ name }) => name), version ?? []].flat()) {
      brought.set(`${group}/${each}/${names.kind}`, scope === 'Namespaced');
    }
  }
  const errors: string[] = [];
  const asked = new Map<string, Manifest>();
  for (const manifest of manifests)
    asked.set(keyOf(manifest.object), asked.get(keyOf(manifest.object)) ?? manifest);
  for (const [key, { object, location }] of asked) {
    const served = await cluster.served(object, options);
    if (served !== undefined) {
      namespaced.set(key, served.namespaced);
      continue;
    }
    if (brought.has(key)) continue;
    const other = await servedElsewhere(object, cluster, options);
    errors.push(
      `${location}: ${object.kind} ${object.metadata.name}: the cluster does not serve ${object.apiVersion} ${object.kind}` +
        (other === undefined ? '' : `; it serves ${other}: change apiVersion (and the fields that differ)`),
    );
  }
  if (errors.length > 0) {
    throw new InputError(
      `the cluster does not support the manifests:\n${errors.map((error) => `  ${error}`).join('\n')}`,
    );
  }
  return {
    isNamespaced: (kind) => namespaced.get(keyOf(kind)) ?? brought.get(keyOf(kind)) ?? true,
    isServed: (kind) => namespaced.has(keyOf(kind)),
  };
}

async function servedElsewhere(
  { apiVersion, kind }: ObjectKind,
  cluster: Cluster,
  options: CallOptions,
): Promise<string | undefined> {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  const groups = [group, movedTo[`${group}/${kind}`] ?? []].flat();
  const candidates = groups.flatMap((each) =>
    versions.map((version) => ({ apiVersion: each === '' ? version : `${each}/${version}`, kind })),
  );
  return (await cluster.firstServed(candidates, options))?.apiVersion;
}

function keyOf({ apiVersion, kind }: ObjectKind): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}/${kind}`;
}
