import { referenceOf } from '../../kubernetes/workload-objects.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import { RejectedError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { applyOne, isUnchangeable } from './apply-objects.ts';
import { BeingDeletedError, isBeingDeleted } from './being-deleted.ts';
import { predictedPatch } from './predict-apply.ts';
import { assertUncontested, ownershipOf, type OwnershipPorts } from './take-ownership.ts';

/**
 * Applies an object without storing anything, as if its fields were owned as they will be then.
 * @returns what it would be
 * @throws FieldConflictError, BeingDeletedError, ClusterError
 */
export async function rehearseApply(
  object: KubernetesObject,
  live: KubernetesObject | undefined,
  ports: OwnershipPorts & { clock: Clock },
  options: CallOptions,
): Promise<KubernetesObject> {
  const dryRun = { ...options, dryRun: true };
  if (live === undefined) return applyOne(object, ports, dryRun);
  if (isBeingDeleted(live)) throw new BeingDeletedError(live);
  const ownership = await ownershipOf(object, live, ports, options);
  if (ownership.managedFields === undefined) return applyOne(object, ports, dryRun);
  assertUncontested(object, ownership);
  const forced = applyOne(object, { ...ports, force: true }, dryRun);
  if (ownership.dropped.size === 0) return forced;
  // It finds what the schema does not know; it may also be refused for what will have been dropped.
  await forced.catch((error: unknown) => {
    if (!(error instanceof RejectedError) || error.reason !== 'Invalid') throw error;
  });
  const body = predictedPatch(live, object, ownership.dropped);
  try {
    return await ports.cluster.patch(referenceOf(object), { type: 'merge', body }, dryRun);
  } catch (error) {
    if (isUnchangeable(object, error)) return object;
    throw error;
  }
}
