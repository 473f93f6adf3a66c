import { showPath } from '../../base/fields-v1.ts';
import { defined } from '../../base/defined.ts';
import { SlipwayError } from '../../base/errors.ts';
import { managersOf, valueAt, type ManagedFields } from '../../kubernetes/field-set.ts';
import { nameOf, referenceOf } from '../../kubernetes/workload-objects.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { patchSeen } from './as-seen.ts';
import { asksEarlier, decideOwnership, restoredManagers, type Ownership } from './ownership.ts';
import { fieldManager } from './replicas.ts';

/** What deciding and writing who owns fields needs. */
export interface OwnershipPorts {
  cluster: Cluster;
  clock: Pick<Clock, 'now'>;
  /** Take fields also from others that apply. */
  force: boolean;
  /** An object as manifests had it before; missing: it is not known. */
  earlier?: EarlierManifests;
}

/** Finds an object in the manifests of earlier revisions. */
export type EarlierManifests = (object: KubernetesObject) => Promise<readonly KubernetesObject[]>;

/** A field of the object is owned by another manager. */
export class FieldConflictError extends SlipwayError {
  readonly code = 'field-conflict';
  readonly fault = 'failure';
}

/** What can be done about a field that is owned by another manager. */
export const conflictHint =
  'remove the field from the manifest, or take it over with "force: true" under deploy';

/**
 * Writes who owns what of a live object, so that applying the manifest makes it what the manifest says; see
 * {@link decideOwnership}. Nothing else of the object changes. Doing it again is harmless.
 * @returns the live object after that
 * @throws FieldConflictError; ConflictError when the object has been changed since it was read
 */
export async function takeOwnership(
  manifest: KubernetesObject,
  live: KubernetesObject,
  ports: OwnershipPorts,
  options: CallOptions,
): Promise<KubernetesObject> {
  const ownership = await ownershipOf(manifest, live, ports, options);
  // A value that differs is found by the API itself.
  assertUncontested(manifest, ownership, (path) => valueAt(manifest, path) === undefined);
  if (ownership.managedFields === undefined) return live;
  return writeManagers(live, ownership.managedFields, ports.cluster, options);
}

/** Gives the fields of an object back to those that owned them before Slipway did. */
export async function returnOwnership(
  applied: KubernetesObject,
  before: readonly ManagedFields[],
  cluster: Cluster,
  options: CallOptions,
): Promise<void> {
  await writeManagers(applied, restoredManagers(before, applied), cluster, options);
}

function writeManagers(
  live: KubernetesObject,
  value: readonly ManagedFields[],
  cluster: Cluster,
  options: CallOptions,
): Promise<KubernetesObject> {
  return patchSeen(live, [{ op: 'add', path: '/metadata/managedFields', value }], cluster, options);
}

/** Who shall own what of a live object. */
export async function ownershipOf(
  manifest: KubernetesObject,
  live: KubernetesObject,
  { cluster, clock, force, earlier }: OwnershipPorts,
  options: CallOptions,
): Promise<Ownership> {
  const managed = managersOf(live).length > 0 ? live : await managedBefore(live, manifest, cluster, options);
  const before = earlier !== undefined && asksEarlier(manifest, managed) ? await earlier(manifest) : [];
  return decideOwnership({ manifest, live: managed, earlier: before, force, nowMs: clock.now() });
}

/**
 * @param counts which of the contested fields matter
 * @throws FieldConflictError when another manager that applies does not yield
 */
export function assertUncontested(
  manifest: KubernetesObject,
  { contested }: Ownership,
  counts: (path: string) => boolean = () => true,
): void {
  for (const { manager, fields } of contested) {
    const paths = fields.filter(counts).map(showPath);
    if (paths.length === 0) continue;
    throw new FieldConflictError(
      `${nameOf(referenceOf(manifest))}: conflict with "${manager}", which applies it too: ${paths.join(', ')}`,
      { hint: conflictHint },
    );
  }
}

/** An object from before managers were recorded: the API counts what it has for one manager at the first apply. */
async function managedBefore(
  live: KubernetesObject,
  { apiVersion, kind }: KubernetesObject,
  cluster: Cluster,
  options: CallOptions,
): Promise<KubernetesObject> {
  const { name, namespace } = live.metadata;
  const nothing: KubernetesObject = { apiVersion, kind, metadata: { name, ...defined({ namespace }) } };
  const applied = await cluster.apply(nothing, { ...options, dryRun: true, fieldManager, force: true });
  const { managedFields } = applied.metadata;
  return { ...live, metadata: { ...live.metadata, managedFields } };
}
