import type { ObjectMetadata, Objects, OwnerReference, StoredObject } from '../store/objects.ts';
import type { ObjectName } from './controller.ts';
import { selectorMatches } from './selectors.ts';
import type { LabelSelector } from './workload-types.ts';

/** The owner that manages the object, if one does. */
export function controllerRefOf(object: StoredObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/** The reference that an owner puts on what it manages. */
export function controllerRefTo(owner: StoredObject): OwnerReference {
  const { apiVersion, kind } = owner;
  const { name, uid } = owner.metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/**
 * The objects of `kind` whose controller the owner is, after taking in orphans that its selector matches and letting
 * go of those that it no longer matches (both as the real controllers' ref manager does).
 */
export function claim<O extends StoredObject>(
  objects: Objects,
  owner: StoredObject,
  kind: string,
  selector: LabelSelector,
): O[] {
  const { namespace, uid, deletionTimestamp } = owner.metadata;
  return objects.list<O>(kind, namespace === undefined ? {} : { namespace }).flatMap((object) => {
    const controller = controllerRefOf(object)?.uid;
    const matches = selectorMatches(selector, object.metadata.labels);
    if (controller === uid) {
      if (!matches && deletionTimestamp === undefined) release(objects, owner, object);
      return matches ? [object] : [];
    }
    if (controller !== undefined || !matches || deletionTimestamp !== undefined) return [];
    if (object.metadata.deletionTimestamp !== undefined || !isRunning(object)) return [];
    return adopt<O>(objects, owner, object) ?? [];
  });
}

/** Pods that have ended are not adopted. */
function isRunning(object: StoredObject): boolean {
  const phase = (object.status as { phase?: string } | undefined)?.phase;
  return object.kind !== 'Pod' || (phase !== 'Succeeded' && phase !== 'Failed');
}

function adopt<O extends StoredObject>(objects: Objects, owner: StoredObject, object: O): O | undefined {
  return objects.modify<O>(keyOf(object), ({ metadata }) => {
    metadata.ownerReferences = [...(metadata.ownerReferences ?? []), controllerRefTo(owner)];
  });
}

function release(objects: Objects, owner: StoredObject, object: StoredObject): void {
  objects.modify(keyOf(object), ({ metadata }) => dropOwner(metadata, owner.metadata.uid));
}

/** Takes the owner's reference off; no reference left means no field. */
export function dropOwner(metadata: ObjectMetadata, uid: string): void {
  const others = (metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
  if (others.length > 0) metadata.ownerReferences = others;
  else delete metadata.ownerReferences;
}

/** The store's key of an object. */
export function keyOf(object: StoredObject): {
  kind: string;
  group: string;
  namespace?: string;
  name: string;
} {
  const slash = object.apiVersion.indexOf('/');
  const group = slash === -1 ? '' : object.apiVersion.slice(0, slash);
  const { namespace, name } = object.metadata;
  return { kind: object.kind, group, name, ...(namespace === undefined ? {} : { namespace }) };
}

/**
 * The objects of `ownerKind` that a change of `object` concerns: the one that manages it or, when none does, all in
 * the namespace whose selector matches its labels (they may adopt it).
 */
export function ownersConcerned(objects: Objects, ownerKind: string, object: StoredObject): ObjectName[] {
  const reference = controllerRefOf(object);
  const { namespace, labels } = object.metadata;
  const where = namespace === undefined ? {} : { namespace };
  if (reference !== undefined)
    return reference.kind === ownerKind ? [{ ...where, name: reference.name }] : [];
  return objects
    .list<StoredObject<{ selector?: LabelSelector }>>(ownerKind, where)
    .filter((owner) => selectorMatches(owner.spec?.selector, labels))
    .map((owner) => ({ ...where, name: owner.metadata.name }));
}
