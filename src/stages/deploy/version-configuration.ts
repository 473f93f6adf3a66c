import { createHash } from 'node:crypto';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { configurationLabel } from '../../release/record/release-record.ts';
import { podTemplateOf } from '../../kubernetes/workload-objects.ts';

/** Annotation `"false"` on a ConfigMap or Secret: it is applied under its own name, and pods see it change. */
export const versionedAnnotation = 'slipway.dev/versioned';

/** Length of the hash in names; 10 hex digits, as many as kustomize's. */
const hashLength = 10;

interface Configuration extends KubernetesObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  stringData?: Record<string, string>;
  immutable?: boolean;
  type?: string;
}

/** Fields of a pod spec that name a ConfigMap or a Secret: the key that holds the reference, the name's key, the kind. */
const references: readonly { holder: string; name: string; kind: string }[] = [
  { holder: 'configMapRef', name: 'name', kind: 'ConfigMap' },
  { holder: 'configMapKeyRef', name: 'name', kind: 'ConfigMap' },
  { holder: 'configMap', name: 'name', kind: 'ConfigMap' },
  { holder: 'secretRef', name: 'name', kind: 'Secret' },
  { holder: 'secretKeyRef', name: 'name', kind: 'Secret' },
  { holder: 'secret', name: 'secretName', kind: 'Secret' },
  { holder: 'secret', name: 'name', kind: 'Secret' },
];

/**
 * Gives the ConfigMaps and Secrets that pod templates use a name per content, makes them immutable, and lets the
 * templates use those names: a change of configuration is then a new revision of the workload, and a rollback brings
 * the old content back. One that something else than a pod template names (an Ingress, a custom object) is kept under
 * its own name too. docs/decisions has the reasons.
 */
export function versionConfiguration(objects: readonly KubernetesObject[]): KubernetesObject[] {
  const copies = structuredClone(objects) as KubernetesObject[];
  const versioned = new Map<string, { original: Configuration; copy: Configuration }>();
  for (const object of copies) {
    if (!isConfiguration(object) || object.metadata.annotations?.[versionedAnnotation] === 'false') continue;
    const copy = versionOf(object);
    versioned.set(keyOf(object.kind, object.metadata.namespace, object.metadata.name), {
      original: object,
      copy,
    });
  }
  const used = new Set<string>();
  for (const object of copies) {
    const template = podTemplateOf(object);
    if (template === undefined) continue;
    const { namespace } = object.metadata;
    renameReferences(template.spec, (kind, name) => {
      const key = keyOf(kind, namespace, name);
      const found = versioned.get(key);
      if (found !== undefined) used.add(key);
      return found?.copy.metadata.name;
    });
  }
  const elsewhere = namesElsewhere(copies);
  return copies.flatMap((object) => {
    const key = keyOf(object.kind, object.metadata.namespace, object.metadata.name);
    const found = versioned.get(key);
    if (found === undefined || !used.has(key)) return [object];
    return elsewhere.has(object.metadata.name) ? [found.copy, object] : [found.copy];
  });
}

/** Whether an object is a ConfigMap or a Secret. */
export function isConfiguration(object: KubernetesObject): object is Configuration {
  return object.apiVersion === 'v1' && (object.kind === 'ConfigMap' || object.kind === 'Secret');
}

function versionOf(object: Configuration): Configuration {
  const content = [object.data, object.binaryData, object.stringData, object.type].map(sorted);
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, hashLength);
  const { name } = object.metadata;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      name: `${name.slice(0, 252 - hashLength)}-${hash}`,
      labels: {
        ...object.metadata.labels,
        [configurationLabel]: name.slice(0, 63).replace(/[^A-Za-z0-9]+$/, ''),
      },
    },
    immutable: true,
  };
}

function sorted(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data ?? null;
  return Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Walks a pod spec and renames the ConfigMaps and Secrets that its references name; undefined leaves a name. */
export function renameReferences(
  node: unknown,
  newName: (kind: string, name: string) => string | undefined,
): void {
  if (typeof node !== 'object' || node === null) return;
  for (const { holder, name, kind } of references) {
    const reference = (node as Record<string, unknown>)[holder];
    if (typeof reference !== 'object' || reference === null) continue;
    const current = (reference as Record<string, unknown>)[name];
    if (typeof current !== 'string') continue;
    const changed = newName(kind, current);
    if (changed !== undefined) (reference as Record<string, unknown>)[name] = changed;
  }
  for (const child of Object.values(node)) renameReferences(child, newName);
}

/** Kinds that refer to no ConfigMap or Secret, whatever strings they hold: the name of the application stands in most. */
const withoutReferences = new Set([
  'Namespace',
  'Service',
  'HorizontalPodAutoscaler',
  'PodDisruptionBudget',
  'NetworkPolicy',
  'PersistentVolumeClaim',
  'RoleBinding',
  'ClusterRoleBinding',
]);

/** Every string that stands in an object without pod template (but for metadata), and the names of pull secrets. */
function namesElsewhere(objects: readonly KubernetesObject[]): Set<string> {
  const names = new Set<string>();
  const collect = (node: unknown): void => {
    if (typeof node === 'string') names.add(node);
    else if (typeof node === 'object' && node !== null) Object.values(node).forEach(collect);
  };
  for (const object of objects) {
    if (isConfiguration(object) || withoutReferences.has(object.kind)) continue;
    const template = podTemplateOf(object);
    if (template !== undefined) {
      // The kubelet reads pull secrets again for every pod; they are no part of what a revision is.
      collect(template.spec['imagePullSecrets']);
      continue;
    }
    const { metadata: _, ...content } = object;
    collect(content);
  }
  return names;
}

function keyOf(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${namespace ?? ''}/${name}`;
}
