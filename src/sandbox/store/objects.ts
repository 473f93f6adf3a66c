/**
 * The seam between the sandbox's API server and its controllers and kubelet: one way of storing any kind.
 * Everything is synchronous (the store is an embedded database in this process), so a controller's
 * read-modify-write cannot interleave with another's.
 */

/** Object metadata as far as the sandbox itself reads or writes it; everything else is kept as it is. */
export interface ObjectMetadata {
  name: string;
  generateName?: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
}

/** `metadata.ownerReferences[]`. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** A stored object of any kind. Callers narrow `spec` and `status` with their own types: `StoredObject<PodSpec, PodStatus>`. */
export interface StoredObject<Spec = unknown, Status = unknown> {
  apiVersion: string;
  kind: string;
  metadata: ObjectMetadata;
  spec?: Spec;
  status?: Status;
  [field: string]: unknown;
}

/** What a caller gives to create an object: name or generateName, the rest is filled in. */
export type NewObject<O extends StoredObject = StoredObject> = Omit<O, 'metadata'> & {
  metadata: Partial<ObjectMetadata>;
};

/** Which object: `kind` is the Kubernetes kind, e.g. `Pod`, `Deployment`; `group` only where the kind's name is not unique. */
export interface ObjectKey {
  kind: string;
  group?: string;
  namespace?: string;
  name: string;
}

/** Narrowing of a list: all that are given must match. `labels` are equality matches. */
export interface ListFilter {
  namespace?: string;
  labels?: Record<string, string>;
  /** Only objects with an ownerReference of this uid. */
  ownerUid?: string;
}

/** A change of the store, in resourceVersion order. `previous` is missing for ADDED. */
export interface StoreEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: StoredObject;
  previous?: StoredObject;
}

/** Options of {@link Objects.delete}. */
export interface DeleteOptions {
  /** Default Background, as in Kubernetes' apps/v1. */
  propagation?: 'Background' | 'Foreground' | 'Orphan';
  /** Pods: seconds between TERM and KILL; 0 removes the object at once. */
  gracePeriodSeconds?: number;
  /** Fails with Conflict when the stored object is another one. */
  preconditions?: { uid?: string; resourceVersion?: string };
}

/**
 * The object store with API semantics: defaulting, validation, uid, resourceVersion and generation, 409 on a stale
 * resourceVersion, finalizers, graceful deletion. Objects that are read are shared and frozen: who wants
 * another one makes it, or changes the copy that {@link Objects.modify} gives.
 * Errors are thrown as the `StatusError` of `../api/status-error.ts` (HTTP code and reason as Kubernetes has them).
 */
export interface Objects {
  // Callers say which type they expect at this key.
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  get<O extends StoredObject = StoredObject>(key: ObjectKey): O | undefined;
  list<O extends StoredObject = StoredObject>(kind: string, filter?: ListFilter): O[];
  create<O extends StoredObject = StoredObject>(object: NewObject<O>): O;
  /** Writes everything but status; a resourceVersion in the object guards the write. */
  update<O extends StoredObject>(object: O): O;
  /** Writes status only (the status subresource). */
  updateStatus<O extends StoredObject>(object: O): O;
  /**
   * Reads, applies `change` to a copy and writes it back with the subresource named; undefined when there is no such
   * object. Of a status the fields are replaced: what is deeper in it is frozen.
   */
  modify<O extends StoredObject>(
    key: ObjectKey,
    change: (object: O) => void,
    part?: 'status' | 'all',
  ): O | undefined;
  /** Marks deleted or removes, by finalizers and grace period; returns false when there is no such object. */
  delete(key: ObjectKey, options?: DeleteOptions): boolean;
  /**
   * Calls `listener` after each change of one of `kinds`, on a later tick, in order.
   * First come ADDED events for what is there. The objects are shared: they are read, never changed. Returns the function that ends it.
   */
  subscribe(kinds: readonly string[], listener: (event: StoreEvent) => void): () => void;
  /** As {@link subscribe} to all kinds, but the listener is called at once: it always knows what the store holds. It must not throw. */
  follow(listener: (event: StoreEvent) => void): () => void;
  /** Whether objects of a kind can be stored. */
  serves(apiVersion: string, kind: string): boolean;
}
