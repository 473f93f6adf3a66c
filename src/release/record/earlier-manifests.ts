import { sameJson } from '../../base/same-json.ts';
import { keyOf, referenceOf } from '../../kubernetes/workload-objects.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import type { EarlierManifests } from '../act/take-ownership.ts';
import { ReleaseRecordError, type ReleaseRecord } from './release-record.ts';
import type { ReleaseStore } from './release-store.ts';

/**
 * Finds the objects of a release in the manifests of the revisions that are kept. They are read when the first object
 * is asked for, one revision after the other, and only what differs of the asked ones is held.
 */
export function earlierManifests(
  objects: readonly KubernetesObject[],
  { store, record }: { store: ReleaseStore; record: ReleaseRecord | undefined },
  options: CallOptions,
): EarlierManifests {
  let reading: Promise<Map<string, KubernetesObject[]>> | undefined;
  const read = async () => {
    const found = new Map(objects.map((object) => [keyOf(referenceOf(object)), [] as KubernetesObject[]]));
    // What was adopted is no manifest.
    for (const { number, outcome } of record?.history ?? []) {
      if (outcome === 'adopted') continue;
      for (const object of await objectsOf(number, store, options)) {
        if (object.metadata['managedFields'] !== undefined) continue; // Adopted, and rolled back to.
        const known = found.get(keyOf(referenceOf(object)));
        if (known?.some((each) => sameJson(each, object)) === false) known.push(object);
      }
    }
    return found;
  };
  return async (object) => (await (reading ??= read())).get(keyOf(referenceOf(object))) ?? [];
}

/** The objects of a revision; none where it has been forgotten: it never served, or its objects were removed by hand. */
export async function objectsOf(
  number: number,
  store: ReleaseStore,
  options: CallOptions,
): Promise<KubernetesObject[]> {
  try {
    return await store.loadRevision(number, options);
  } catch (error) {
    if (error instanceof ReleaseRecordError) return [];
    throw error;
  }
}
