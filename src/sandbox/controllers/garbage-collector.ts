import type { ObjectKey, Objects, OwnerReference, StoredObject } from '../store/objects.ts';
import type { Inventory } from './inventory.ts';
import { dropOwner, keyOf } from './ownership.ts';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

/**
 * Collects by ownerReferences: what has lost its last owner goes; an owner deleted in the foreground waits for the
 * dependents that block it; one deleted with orphans lets go of them first.
 * (kubernetes.io/docs/concepts/architecture/garbage-collection)
 */
export interface GarbageCollector {
  /** Looks at one object that changed or was named by {@link concernedBy}. */
  collect(key: ObjectKey): void;
  /** The objects to look at after a change of this one: itself, and its dependents or owners. */
  concernedBy(object: StoredObject, deleted: boolean): ObjectKey[];
}

/** The collector on a store and the inventory that follows it. */
export function createGarbageCollector(objects: Objects, inventory: Inventory): GarbageCollector {
  function concernedBy(object: StoredObject, deleted: boolean): ObjectKey[] {
    const { uid, deletionTimestamp, finalizers, ownerReferences } = object.metadata;
    // A dependent that is gone or lets go may be what its owner waits for.
    const owners = (ownerReferences ?? []).map((reference) => ownerKeys(object, reference)).flat();
    if (deleted) return [...inventory.dependentsOf(uid), ...owners];
    const mine =
      ownerReferences !== undefined || (deletionTimestamp !== undefined && finalizers !== undefined);
    return mine ? [keyOf(object), ...owners] : [];
  }

  function collect(key: ObjectKey): void {
    const object = objects.get(key);
    if (object === undefined) return;
    const { deletionTimestamp, finalizers = [] } = object.metadata;
    if (deletionTimestamp !== undefined) {
      if (finalizers.includes(ORPHAN)) orphanDependents(object);
      else if (finalizers.includes(FOREGROUND)) deleteDependentsFirst(object);
      return;
    }
    deleteWithoutOwner(object);
  }

  function orphanDependents(owner: StoredObject): void {
    for (const key of inventory.dependentsOf(owner.metadata.uid)) {
      objects.modify(key, ({ metadata }) => dropOwner(metadata, owner.metadata.uid));
    }
    removeFinalizer(owner, ORPHAN);
  }

  function deleteDependentsFirst(owner: StoredObject): void {
    let blocked = false;
    for (const key of inventory.dependentsOf(owner.metadata.uid)) {
      const dependent = objects.get(key);
      const references = dependent?.metadata.ownerReferences ?? [];
      const reference = references.find(({ uid }) => uid === owner.metadata.uid);
      if (dependent === undefined || reference === undefined) continue;
      if (reference.blockOwnerDeletion === true) blocked = true;
      if (dependent.metadata.deletionTimestamp !== undefined) continue;
      if (references.some((other) => other !== reference && ownerOf(dependent, other) !== undefined)) {
        // Another owner keeps it: it only loses this one.
        objects.modify(key, ({ metadata }) => dropOwner(metadata, owner.metadata.uid));
      } else {
        const { uid } = dependent.metadata;
        const propagation = inventory.dependentsOf(uid).length > 0 ? 'Foreground' : 'Background';
        objects.delete(key, { propagation, preconditions: { uid } });
      }
    }
    if (!blocked) removeFinalizer(owner, FOREGROUND);
  }

  function removeFinalizer(object: StoredObject, finalizer: string): void {
    objects.modify(keyOf(object), ({ metadata }) => {
      metadata.finalizers = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
    });
  }

  function deleteWithoutOwner(object: StoredObject): void {
    const references = object.metadata.ownerReferences ?? [];
    if (references.length === 0) return;
    const owners = references.map((reference) => ownerOf(object, reference));
    if (owners.some((owner) => owner !== undefined && !waitsForDependents(owner))) {
      const gone = references.filter((_, index) => owners[index] === undefined);
      if (gone.length === 0) return;
      objects.modify(keyOf(object), ({ metadata }) => {
        for (const { uid } of gone) dropOwner(metadata, uid);
      });
      return;
    }
    // An owner that waits deletes its dependents itself.
    if (owners.some((owner) => owner !== undefined)) return;
    objects.delete(keyOf(object), { preconditions: { uid: object.metadata.uid } });
  }

  function waitsForDependents({ metadata }: StoredObject): boolean {
    return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(FOREGROUND);
  }

  /** The owner, if it exists; a reference to a kind that is not served counts as existing: nothing is deleted on a guess. */
  function ownerOf(dependent: StoredObject, reference: OwnerReference): StoredObject | undefined {
    for (const key of ownerKeys(dependent, reference)) {
      const owner = get(key);
      if (owner === 'unknown kind') return dependent;
      if (owner?.metadata.uid === reference.uid) return owner;
    }
    return undefined;
  }

  function get(key: ObjectKey): StoredObject | 'unknown kind' | undefined {
    try {
      return objects.get(key);
    } catch {
      // The store throws for a kind that it does not serve.
      return 'unknown kind';
    }
  }

  return { collect, concernedBy };
}

/** Where an owner may be: in the dependent's namespace, or cluster-scoped. */
function ownerKeys(dependent: StoredObject, reference: OwnerReference): ObjectKey[] {
  const { kind, apiVersion, name } = reference;
  const slash = apiVersion.indexOf('/');
  const key = { kind, group: slash === -1 ? '' : apiVersion.slice(0, slash), name };
  const { namespace } = dependent.metadata;
  return namespace === undefined ? [key] : [{ ...key, namespace }, key];
}
