import type { OwnerReference, StoredObject } from '../store/objects.ts';
import { controllerRefTo, isTerminating, type Action } from './plan.ts';
import type { Inventory } from './inventory.ts';
import { hasEnded } from './pod-facts.ts';
import { selectorMatches } from './selectors.ts';
import type { LabelSelector, Pod } from './workload-types.ts';

/** The owner that manages the object, if one does. */
export function controllerRefOf(object: StoredObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/**
 * The objects of `kind` whose controller the owner is, after taking in orphans that its selector matches and letting
 * go of those that it no longer matches (both as the real controllers' ref manager does).
 */
export function claim(
  cluster: Inventory,
  owner: StoredObject,
  kind: string,
): { owned: StoredObject[]; actions: Action[] } {
  const { namespace = 'default', uid } = owner.metadata;
  const { selector } = owner.spec as { selector?: LabelSelector };
  const owned: StoredObject[] = [];
  const actions: Action[] = [];
  for (const object of cluster.list(kind, { namespace })) {
    const controller = controllerRefOf(object)?.uid;
    const matches = selectorMatches(selector, object.metadata.labels);
    if (controller === uid && matches) owned.push(object);
    else if (controller === uid && !isTerminating(owner)) actions.push(dropOwners(object, [uid]));
    else if (controller === undefined && matches && !isTerminating(owner) && mayBeAdopted(object)) {
      owned.push(object);
      actions.push(adopt(object, owner));
    }
  }
  return { owned, actions };
}

function mayBeAdopted(object: StoredObject): boolean {
  return !isTerminating(object) && !(object.kind === 'Pod' && hasEnded(object as Pod));
}

function adopt(object: StoredObject, owner: StoredObject): Action {
  const change = ({ metadata }: StoredObject): void => {
    metadata.ownerReferences = [...(metadata.ownerReferences ?? []), controllerRefTo(owner)];
  };
  return { act: 'change', object, change };
}

/** Takes the owners' references off; no reference left means no field. */
export function dropOwners(object: StoredObject, uids: readonly string[]): Action {
  const change = ({ metadata }: StoredObject): void => {
    const others = (metadata.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid));
    if (others.length > 0) metadata.ownerReferences = others;
    else delete metadata.ownerReferences;
  };
  return { act: 'change', object, change };
}
