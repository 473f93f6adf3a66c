import type { OwnerReference, StoredObject } from '../store/objects.ts';
import { dropOwners } from './ownership.ts';
import { isTerminating, remove, removeAfterDependents, type Action, type World } from './plan.ts';

const foregroundFinalizer = 'foregroundDeletion';
const orphanFinalizer = 'orphan';

/**
 * Collects by ownerReferences: what has lost its last owner goes; an owner deleted in the foreground waits for the
 * dependents that block it; one deleted with orphans lets go of them first.
 * (kubernetes.io/docs/concepts/architecture/garbage-collection)
 */
export function planCollection(object: StoredObject, world: World): Action[] {
  if (!isTerminating(object)) return planAbandoned(object, world);
  const { uid, finalizers = [] } = object.metadata;
  if (finalizers.includes(orphanFinalizer)) {
    const dependents = world.cluster.dependentsOf(uid);
    return [
      ...dependents.map((dependent) => dropOwners(dependent, [uid])),
      dropFinalizer(object, orphanFinalizer),
    ];
  }
  return finalizers.includes(foregroundFinalizer) ? planForeground(object, world) : [];
}

function planForeground(owner: StoredObject, world: World): Action[] {
  const { uid } = owner.metadata;
  const dependents = world.cluster.dependentsOf(uid);
  const isBlocking = ({ metadata }: StoredObject): boolean =>
    metadata.ownerReferences?.some((own) => own.uid === uid && own.blockOwnerDeletion === true) === true;
  return [
    ...dependents.filter((dependent) => !isTerminating(dependent)).map((dependent) => give(dependent)),
    ...(dependents.some(isBlocking) ? [] : [dropFinalizer(owner, foregroundFinalizer)]),
  ];

  /** Another owner keeps the dependent: then it only loses this one. */
  function give(dependent: StoredObject): Action {
    const others = (dependent.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
    if (others.some((other) => ownerOf(dependent, other, world) !== undefined))
      return dropOwners(dependent, [uid]);
    const isOwner = world.cluster.dependentsOf(dependent.metadata.uid).length > 0;
    return isOwner ? removeAfterDependents(dependent) : remove(dependent);
  }
}

function planAbandoned(object: StoredObject, world: World): Action[] {
  const references = object.metadata.ownerReferences ?? [];
  const owners = references.map((reference) => ownerOf(object, reference, world));
  const gone = references.filter((_, index) => owners[index] === undefined);
  if (gone.length === 0) return [];
  if (gone.length === references.length) return [remove(object)];
  // An owner that waits for its dependents deletes them itself.
  const isKept = owners.some((owner) => owner !== undefined && !waitsForDependents(owner));
  const uids = gone.map(({ uid }) => uid);
  return isKept ? [dropOwners(object, uids)] : [];
}

function waitsForDependents(owner: StoredObject): boolean {
  return isTerminating(owner) && owner.metadata.finalizers?.includes(foregroundFinalizer) === true;
}

function dropFinalizer(object: StoredObject, finalizer: string): Action {
  const change = ({ metadata }: StoredObject): void => {
    metadata.finalizers = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
  };
  return { act: 'change', object, change };
}

/** The owner, if it exists; a reference to a kind that is not served counts as existing: nothing is deleted on a guess. */
function ownerOf(
  dependent: StoredObject,
  { kind, apiVersion, name, uid }: OwnerReference,
  { cluster, isServed }: World,
): StoredObject | undefined {
  const owner = cluster.byUid(uid);
  const { namespace } = dependent.metadata;
  const { namespace: place = namespace } = owner?.metadata ?? {};
  if (owner?.kind === kind && owner.metadata.name === name && place === namespace) return owner;
  return isServed(apiVersion, kind) ? undefined : dependent;
}
