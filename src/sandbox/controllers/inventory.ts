import { parseApiVersion } from '../kinds/kind.ts';
import type { ListFilter, ObjectKey, StoredObject, StoreEvent } from '../store/objects.ts';
import { mapMatches } from './selectors.ts';

/**
 * Where every object of the store is found: by uid, by name, by owner, by namespace, without going through all of its
 * kind. It follows the store's changes. The objects are the store's own, shared and frozen.
 */
export interface Inventory {
  byUid(uid: string): StoredObject | undefined;
  // Callers say which type they expect at this key.
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  get<O extends StoredObject = StoredObject>(key: ObjectKey): O | undefined;
  list<O extends StoredObject = StoredObject>(kind: string, filter?: ListFilter): O[];
  /** The objects with an ownerReference of this uid. */
  dependentsOf(uid: string): StoredObject[];
  /** The objects in a namespace. */
  contentOf(namespace: string): StoredObject[];
  follow(event: StoreEvent): void;
}

/** An empty {@link Inventory}. */
export function createInventory(): Inventory {
  const objects = new Map<string, StoredObject>();
  const indexes = new Map<string, Set<string>>();

  function follow({ type, object }: StoreEvent): void {
    const { uid } = object.metadata;
    const before = objects.get(uid);
    for (const index of before === undefined ? [] : indexesOf(before)) {
      const members = indexes.get(index);
      members?.delete(uid);
      if (members?.size === 0) indexes.delete(index);
    }
    objects.delete(uid);
    if (type === 'DELETED') return;
    objects.set(uid, object);
    for (const index of indexesOf(object)) indexes.set(index, (indexes.get(index) ?? new Set()).add(uid));
  }

  function members(index: string): StoredObject[] {
    return [...(indexes.get(index) ?? [])].flatMap((uid) => objects.get(uid) ?? []);
  }

  return {
    follow,
    byUid: (uid) => objects.get(uid),
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as the interface has it
    get: <O extends StoredObject>({ kind, group = '', namespace = '', name }: ObjectKey) =>
      members(`name ${kindName(kind, group)}/${namespace}/${name}`)[0] as O | undefined,
    list: <O extends StoredObject>(kind: string, { namespace, labels, ownerUid }: ListFilter = {}) =>
      members(namespace === undefined ? `kind ${kind}` : `kind ${kind}/${namespace}`).filter(
        ({ metadata }) =>
          mapMatches(labels, metadata.labels) &&
          (ownerUid === undefined || metadata.ownerReferences?.some(({ uid }) => uid === ownerUid) === true),
      ) as O[],
    dependentsOf: (uid) => members(`owner ${uid}`),
    contentOf: (namespace) => members(`namespace ${namespace}`),
  };
}

function indexesOf(object: StoredObject): string[] {
  const { name, namespace, ownerReferences } = object.metadata;
  const kind = kindNameOf(object);
  return [
    `kind ${kind}`,
    `name ${kind}/${namespace ?? ''}/${name}`,
    ...(namespace === undefined ? [] : [`kind ${kind}/${namespace}`, `namespace ${namespace}`]),
    // Of a custom object it may be null.
    ...(ownerReferences ?? []).map(({ uid }) => `owner ${uid}`),
  ];
}

/** What an object's kind is called here: Kubernetes' own by their names, custom ones, which may have the same, with their group. */
export function kindNameOf({ apiVersion, kind }: StoredObject): string {
  return kindName(kind, parseApiVersion(apiVersion).group);
}

function kindName(kind: string, group: string): string {
  return group.includes('.') && !group.endsWith('.k8s.io') ? `${kind}.${group}` : kind;
}
