import type { ObjectKey, StoredObject } from '../store/objects.ts';
import { keyOf } from './ownership.ts';

/** Who owns whom and what is in which namespace, over all kinds; kept up to date from the store's events. */
export interface Inventory {
  add(object: StoredObject): void;
  remove(object: StoredObject): void;
  /** Keys of the objects with an ownerReference of this uid. */
  dependentsOf(uid: string): ObjectKey[];
  /** Keys of the objects in a namespace. */
  contentOf(namespace: string): ObjectKey[];
}

/** An empty {@link Inventory}. */
export function createInventory(): Inventory {
  const keys = new Map<string, ObjectKey>();
  const owners = new Map<string, readonly string[]>();
  const byOwner = new Map<string, Set<string>>();
  const byNamespace = new Map<string, Set<string>>();

  function remove({ metadata }: StoredObject): void {
    const { uid, namespace } = metadata;
    for (const owner of owners.get(uid) ?? []) drop(byOwner, owner, uid);
    if (namespace !== undefined) drop(byNamespace, namespace, uid);
    owners.delete(uid);
    keys.delete(uid);
  }

  function add(object: StoredObject): void {
    const { uid, namespace, ownerReferences = [] } = object.metadata;
    remove(object);
    keys.set(uid, keyOf(object));
    const ownerUids = ownerReferences.map((reference) => reference.uid);
    if (ownerUids.length > 0) owners.set(uid, ownerUids);
    for (const owner of ownerUids) put(byOwner, owner, uid);
    if (namespace !== undefined) put(byNamespace, namespace, uid);
  }

  function keysOf(uids: ReadonlySet<string> | undefined): ObjectKey[] {
    return [...(uids ?? [])].map((uid) => keys.get(uid)).filter((key) => key !== undefined);
  }

  return {
    add,
    remove,
    dependentsOf: (uid) => keysOf(byOwner.get(uid)),
    contentOf: (namespace) => keysOf(byNamespace.get(namespace)),
  };
}

function put(index: Map<string, Set<string>>, key: string, uid: string): void {
  const members = index.get(key) ?? new Set();
  index.set(key, members.add(uid));
}

function drop(index: Map<string, Set<string>>, key: string, uid: string): void {
  const members = index.get(key);
  members?.delete(uid);
  if (members?.size === 0) index.delete(key);
}
