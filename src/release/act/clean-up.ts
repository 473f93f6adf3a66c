import { defined } from '../../base/defined.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { ObjectReference } from '../../ports/kubernetes-object.ts';
import {
  applicationLabel,
  configurationLabel,
  type ReleaseRecord,
  type RevisionRecord,
} from '../record/release-record.ts';
import { ownedBy } from '../record/release-store.ts';
import { keyOf, nameOf, referenceOf } from '../../kubernetes/workload-objects.ts';

/** Never deleted by a release: they hold data, or everything else. */
const kept = new Set(['Namespace', 'CustomResourceDefinition', 'PersistentVolumeClaim', 'PersistentVolume']);

/**
 * The objects that earlier revisions had and this one has not. Configuration of a revision is not among them: it
 * stays as long as a kept revision needs it.
 */
export function prunable(record: ReleaseRecord, wanted: Pick<RevisionRecord, 'objects'>): ObjectReference[] {
  const keep = new Set(wanted.objects.map(keyOf));
  const versioned = new Set(record.history.flatMap((entry) => entry.configuration));
  const found = new Map<string, ObjectReference>();
  for (const reference of record.history.flatMap((entry) => entry.objects)) {
    const key = keyOf(reference);
    if (keep.has(key) || kept.has(reference.kind)) continue;
    const configuration = reference.kind === 'ConfigMap' || reference.kind === 'Secret';
    if (configuration && versioned.has(reference.name)) continue;
    found.set(key, reference);
  }
  return [...found.values()];
}

/**
 * Deletes objects that carry the application's ownership label; others are left alone: somebody took them over.
 * @returns what was deleted, for people
 */
export async function prune(
  references: readonly ObjectReference[],
  application: string,
  cluster: Cluster,
  options: CallOptions,
): Promise<string[]> {
  const deleted: string[] = [];
  for (const reference of references) {
    const live = await cluster.get(reference, options);
    if (live?.metadata.labels?.[applicationLabel] !== application) continue;
    const { uid } = live.metadata;
    if (await cluster.delete(reference, { ...options, ...defined({ uid }), propagation: 'Background' })) {
      deleted.push(nameOf(reference));
    }
  }
  return deleted;
}

/** Deletes the ConfigMaps and Secrets of revisions that are no longer kept. */
export async function removeOldConfiguration(
  record: ReleaseRecord,
  namespaces: readonly string[],
  cluster: Cluster,
  options: CallOptions,
): Promise<void> {
  const needed = new Set(record.history.flatMap((entry) => entry.configuration));
  const withSecrets = record.history.some((entry) => entry.objects.some((o) => o.kind === 'Secret'));
  for (const kind of withSecrets ? ['ConfigMap', 'Secret'] : ['ConfigMap']) {
    for (const namespace of namespaces) {
      const labelSelector = `${ownedBy(record.application)},${configurationLabel}`;
      const found = await cluster.list({ apiVersion: 'v1', kind }, { namespace, labelSelector }, options);
      for (const object of found) {
        const { name, uid } = object.metadata;
        if (needed.has(name)) continue;
        const reference = referenceOf({ ...object, apiVersion: 'v1', kind });
        await cluster.delete(reference, { ...options, ...defined({ uid }) });
      }
    }
  }
}
