import { isFields } from '../../base/fields.ts';
import { writeFieldsV1 } from '../../base/fields-v1.ts';
import { sameJson } from '../../base/same-json.ts';
import {
  fieldsOf,
  isItem,
  isWithin,
  itemsAbove,
  managersOf,
  pathOf,
  valueAt,
  type FieldSet,
  type ManagedFields,
} from '../../kubernetes/field-set.ts';
import { lastAppliedAnnotation, lastAppliedOf } from '../../kubernetes/last-applied.ts';
import { isWorkload } from '../../kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { fieldManager, replicasPath } from './replicas.ts';

/** What decides who owns the fields of an object. */
export interface OwnershipRequest {
  manifest: KubernetesObject;
  live: KubernetesObject;
  /** The same object as manifests had it before. */
  earlier: readonly KubernetesObject[];
  /** Take fields also from others that apply. */
  force: boolean;
  /** Of the entry that is written. */
  nowMs: number;
}

/** Who shall own the fields of an object before it is applied. */
export interface Ownership {
  /** metadata.managedFields to write first; undefined: they are right as they are. */
  managedFields: ManagedFields[] | undefined;
  /** What goes when the manifest is applied then: manifests said it before, and this one does not. */
  dropped: FieldSet;
  /** What others apply too and keep, though the manifest has another value or has it no more. */
  contested: readonly { manager: string; fields: readonly string[] }[];
}

const annotation = (name: string): string => pathOf('f:metadata', 'f:annotations', `f:${name}`);
const status = 'f:status';
const rollouts = annotation('deployment.kubernetes.io/');

/** Managers whose fields are those of a manifest: a file that kubectl was given, or a chart. */
const manifestManagers = new Set([
  'kubectl',
  'kubectl-client-side-apply',
  'kubectl-create',
  'kubectl-expose',
  'kubectl-replace',
  'kubectl-run',
  'helm',
  'Helm',
]);

/**
 * Decides who owns which field before a manifest is applied, so that afterwards each field that manifests set, or have
 * ever set, is as the manifest says, no matter which client wrote it last. Server-side apply alone takes away only what no other manager owns,
 * and every client that has written an object without server-side apply owns what it wrote. What kubectl and Helm made
 * from manifests becomes Slipway's own, as kubectl migrates client-side apply
 * (https://kubernetes.io/docs/reference/using-api/server-side-apply/#upgrading-from-client-side-apply); of other
 * writers, what manifests say or said. All else, and `spec.replicas`, stays with whom it is. Those that apply
 * themselves (a GitOps controller) yield by `force` alone.
 */
export function decideOwnership(request: OwnershipRequest): Ownership {
  const { manifest, live, force } = request;
  const entries = managersOf(live).filter(({ fieldsType, subresource = '' }) => {
    return fieldsType === 'FieldsV1' && subresource === '';
  });
  const own = entries.find(isOwn);
  const others = entries.filter((entry) => entry !== own && entry.manager !== `${fieldManager}-replicas`);
  const ownFields = own === undefined ? new Set<string>() : fieldsOf(own);
  const claims = claimsOf(others, ownFields, request);

  const isYielding = (entry: ManagedFields): boolean =>
    force || entry.operation === 'Update' || manifestManagers.has(entry.manager ?? '');
  const after = new Set([...ownFields, ...hiddenDefaults(manifest, live)]);
  for (const [entry, claimed] of claims) if (isYielding(entry)) for (const path of claimed) after.add(path);
  const contested = [...claims]
    .filter(([entry]) => !isYielding(entry))
    .map(([{ manager = '' }, claimed]) => ({
      manager,
      fields: [...claimed].filter((path) => isDifferent(path, manifest, live)),
    }))
    .filter(({ fields }) => fields.length > 0);

  const dropped = new Set([...after].filter((path) => valueAt(manifest, path) === undefined));
  const isTaken = [...claims].some(([entry, { size }]) => isYielding(entry) && size > 0);
  if (!isTaken && after.size === ownFields.size) return { managedFields: undefined, dropped, contested };
  const kept = managersOf(live).flatMap((entry): ManagedFields[] => {
    const claimed = claims.get(entry);
    if (entry === own) return [];
    if (claimed === undefined || claimed.size === 0 || !isYielding(entry)) return [entry];
    const rest = [...fieldsOf(entry)].filter((path) => !claimed.has(path));
    return rest.length === 0 ? [] : [{ ...entry, fieldsV1: writeFieldsV1(new Set(rest)) }];
  });
  return { managedFields: [...kept, entryOf(after, own, request)], dropped, contested };
}

function entryOf(
  fields: FieldSet,
  own: ManagedFields | undefined,
  { manifest, nowMs }: OwnershipRequest,
): ManagedFields {
  const { apiVersion } = manifest;
  const time = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  const entry = { manager: fieldManager, operation: 'Apply' as const, apiVersion, time };
  return { ...entry, ...own, fieldsType: 'FieldsV1', fieldsV1: writeFieldsV1(fields) };
}

/** Whether it matters what manifests had before: others own what this one does not say. */
export function asksEarlier(manifest: KubernetesObject, live: KubernetesObject): boolean {
  return managersOf(live)
    .filter((entry) => !isOwn(entry) && !manifestManagers.has(entry.manager ?? ''))
    .flatMap((entry) => fieldsIn(entry, live))
    .some((path) => !isForeign(path) && valueAt(manifest, path) === undefined);
}

/** What of others' fields manifests say or said. */
function claimsOf(
  others: readonly ManagedFields[],
  own: FieldSet,
  { manifest, live, earlier }: OwnershipRequest,
): Map<ManagedFields, Set<string>> {
  const before = [...earlier, lastAppliedOf(live) ?? []].flat();
  const isSaidBefore = (path: string): boolean => before.some((each) => valueAt(each, path) !== undefined);
  const claims = new Map<ManagedFields, Set<string>>();
  for (const entry of others) {
    const isOfManifest = manifestManagers.has(entry.manager ?? '') || isOldHelm(entry, live);
    const claimed = fieldsIn(entry, live).filter(
      (path) =>
        valueAt(manifest, path) !== undefined || (!isForeign(path) && (isOfManifest || isSaidBefore(path))),
    );
    claims.set(entry, new Set(claimed));
  }
  // An item that goes takes with it what others have written into it since.
  const known = [own, ...claims.values()].flatMap((fields) => [...fields]);
  const goes = new Set(known.filter((path) => isItem(path) && valueAt(manifest, path) === undefined));
  for (const [entry, claimed] of claims) {
    for (const path of fieldsIn(entry, live))
      if (itemsAbove(path).some((item) => goes.has(item))) claimed.add(path);
  }
  return claims;
}

/** The fields that clients have written: not the status, nor what the API and its controllers keep. */
export function writtenFields(live: KubernetesObject): Set<string> {
  const entries = managersOf(live).filter(({ subresource = '' }) => subresource === '');
  const fields = entries.flatMap((entry) => fieldsIn(entry, live));
  const foreign = fields.filter(isForeign);
  // What holds a foreign field is not taken as a whole.
  return new Set(fields.filter((path) => !foreign.some((each) => isWithin(each, path))));
}

/**
 * Who owned what before, after Slipway has applied what was there before.
 * @param before the managers then; those of now have their status, and what they wrote meanwhile
 */
export function restoredManagers(before: readonly ManagedFields[], now: KubernetesObject): ManagedFields[] {
  const keyOf = ({ manager, operation, apiVersion, subresource = '' }: ManagedFields) =>
    JSON.stringify([manager, operation, subresource, operation === 'Apply' ? '' : apiVersion]);
  const restored = new Map(before.map((entry) => [keyOf(entry), entry]));
  for (const entry of managersOf(now)) {
    if (isOwn(entry)) continue;
    const known = restored.get(keyOf(entry));
    const fields = new Set([...fieldsOf(known ?? {}), ...fieldsOf(entry)]);
    restored.set(keyOf(entry), { ...entry, fieldsV1: writeFieldsV1(fields) });
  }
  return [...restored.values()];
}

function isOwn({ manager, operation }: ManagedFields): boolean {
  return manager === fieldManager && operation === 'Apply';
}

/** The fields of a manager that are decided here: not the count of replicas, which has its own rules. */
function fieldsIn(entry: ManagedFields, live: KubernetesObject): string[] {
  const fields = [...fieldsOf(entry)].filter((path) => !isWithin(path, status));
  return isWorkload(live) ? fields.filter((path) => path !== replicasPath) : fields;
}

/** What no manifest can have said, though a manager of manifests has written it. */
function isForeign(path: string): boolean {
  return path === annotation(lastAppliedAnnotation) || path.startsWith(rollouts);
}

/** Helm before 3.7 had no name of its own as a field manager. */
function isOldHelm({ manager }: ManagedFields, { metadata }: KubernetesObject): boolean {
  return manager === 'Go-http-client' && metadata.annotations?.['meta.helm.sh/release-name'] !== undefined;
}

/**
 * Fields that the API filled in for a type of strategy that the manifest has no more, and that the new type forbids.
 * They may have no owner, and apply leaves what has none.
 */
function hiddenDefaults(manifest: KubernetesObject, live: KubernetesObject): string[] {
  return ['f:strategy', 'f:updateStrategy'].flatMap((field) => {
    const strategy = pathOf('f:spec', field);
    const type = valueAt(manifest, pathOf(strategy, 'f:type'));
    const rolling = pathOf(strategy, 'f:rollingUpdate');
    const settings = valueAt(live, rolling);
    if (!isWorkload(live) || type === undefined || type === 'RollingUpdate' || !isFields(settings)) return [];
    return [rolling, ...Object.keys(settings).map((name) => pathOf(rolling, `f:${name}`))];
  });
}

/** Whether applying the manifest would change a field, or take it away. */
function isDifferent(path: string, manifest: KubernetesObject, live: KubernetesObject): boolean {
  const wanted = valueAt(manifest, path);
  if (wanted === undefined) return true;
  return !isItem(path) && !sameJson(wanted, valueAt(live, path));
}
