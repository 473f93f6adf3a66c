import { ConflictError, RejectedError } from '../../ports/cluster-errors.ts';
import type { CallOptions, Cluster, PatchOperation } from '../../ports/cluster.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import { nameOf, referenceOf } from '../../kubernetes/workload-objects.ts';

/**
 * Changes an object as it was seen; nothing to change sends nothing.
 * @returns the object after that
 * @throws ConflictError when it has been changed since; see {@link isOvertaken}
 */
export async function patchSeen<O extends KubernetesObject>(
  seen: O,
  operations: readonly PatchOperation[],
  cluster: Cluster,
  options: CallOptions,
): Promise<O> {
  if (operations.length === 0) return seen;
  const value = seen.metadata.resourceVersion;
  const guard = { op: 'replace', path: '/metadata/resourceVersion', value };
  const reference = referenceOf(seen);
  try {
    return await cluster.patch<O>(reference, { type: 'json', body: [...operations, guard] }, options);
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    // A patch whose answer was lost is sent again, and may not fit what it has made of the object.
    await asSeen(reference, value ?? '', cluster, options);
    throw error;
  }
}

/** The live object of a version. @throws ConflictError when it has been changed since; see {@link isOvertaken} */
export async function asSeen<O extends KubernetesObject>(
  reference: ObjectReference,
  resourceVersion: string,
  cluster: Cluster,
  options: CallOptions,
): Promise<O> {
  const live = await cluster.get<O>(reference, options);
  if (live?.metadata.resourceVersion !== resourceVersion) throw changedSince(reference);
  return live;
}

/** That an object is not as it was seen, as the API server says it. */
export function changedSince(reference: ObjectReference): ConflictError {
  return new ConflictError(`${nameOf(reference)}: the object has been modified`);
}

/** A 409 that is no conflict of fields: "the object has been modified", or another writer has just created it. */
export function isOvertaken(error: unknown): boolean {
  if (!(error instanceof ConflictError)) return false;
  return (
    error.reason === 'AlreadyExists' || /the object has been modified|already exists/.test(error.message)
  );
}
