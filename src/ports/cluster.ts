import type { KubernetesObject, ObjectKind, ObjectReference } from './kubernetes-object.ts';

/** Every call can be cancelled; a call without a deadline of its own has the adapter's. */
export interface CallOptions {
  signal: AbortSignal;
  /** `urgent` requests (cancel, cleanup, lease renewal) go before all others when the client is throttled. */
  priority?: 'urgent' | 'normal';
  /**
   * Awaited before each attempt of a write, repetitions among them; what it throws keeps the write back. Whoever holds a
   * lease confirms here that it is held still.
   */
  beforeWrite?: (options: CallOptions) => Promise<void>;
  /**
   * Told what the server warns of when it answers (a deprecated version, a field it does not know, Pod Security), a
   * refusal among it: plain text of bounded length. The same is told again by the next call, and by a repetition. It
   * must not throw. Watches tell nothing.
   */
  onWarning?: (warning: string) => void;
}

/** Options of the writing calls. */
export interface WriteOptions extends CallOptions {
  /** The server does everything but store the result. */
  dryRun?: boolean;
}

/** Server-side apply: https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
export interface ApplyOptions extends WriteOptions {
  /** Who owns the fields; default `slipway`. */
  fieldManager?: string;
  /** Take fields from other managers instead of failing with ConflictError; default false. */
  force?: boolean;
}

/** What a list or a watch is narrowed to; all that are given must match. */
export interface Selection {
  /** Missing: the whole cluster, or a kind without namespaces. */
  namespace?: string;
  /** `key=value,key2 in (a,b)` */
  labelSelector?: string;
  fieldSelector?: string;
}

/** An operation of a JSON patch: https://datatracker.ietf.org/doc/html/rfc6902 */
export interface PatchOperation {
  op: string;
  path: string;
  value?: unknown;
  from?: string;
}

/** A patch of one object. A `json` patch may start with a `test` operation as its guard. */
export type Patch =
  | { type: 'merge'; body: Record<string, unknown> }
  | { type: 'strategic'; body: Record<string, unknown> }
  | { type: 'json'; body: readonly PatchOperation[] };

/** Options of {@link Cluster.delete}. */
export interface DeleteOptions extends CallOptions {
  propagation?: 'Background' | 'Foreground' | 'Orphan';
  /** Seconds between TERM and KILL for pods; 0 removes the object at once. */
  gracePeriodSeconds?: number;
  /** Delete only this very object, never a newer one of the same name. */
  uid?: string;
  /** Delete it only as it was seen: ConflictError when it has been changed since. */
  resourceVersion?: string;
}

/**
 * An event of a watch. A watch starts with `reset` and whatever is there now; another `reset` follows whenever continuity
 * was lost (410, disconnect): the objects in it replace everything known before.
 */
export type WatchEvent<O extends KubernetesObject = KubernetesObject> =
  { type: 'reset'; objects: readonly O[] } | { type: 'upsert'; object: O } | { type: 'delete'; object: O };

/** What the API serves for a kind. */
export interface ServedKind extends ObjectKind {
  /** Plural name in URLs, e.g. `deployments`. */
  resource: string;
  namespaced: boolean;
}

/** One question of SelfSubjectAccessReview. */
export interface AccessQuestion {
  verb: string;
  /** `''` is the core group. */
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string;
}

/**
 * A Kubernetes API: a kubeconfig context, in-cluster, or the sandbox. All objects are plain data.
 * Transient failures (429 with Retry-After, 5xx, resets, DNS) are retried inside, within a budget; what is thrown is a
 * `ClusterError` of ./cluster-errors.ts, or `signal.reason` after an abort. Safe for concurrent use.
 */
export interface Cluster {
  /** How people name it (context name), where it answers, and the namespace of the context. */
  readonly identity: { name: string; server: string; namespace: string };
  version(options: CallOptions): Promise<{ major: number; minor: number; gitVersion: string }>;
  /** undefined when the object is not there. */
  get<O extends KubernetesObject = KubernetesObject>(
    reference: ObjectReference,
    options: CallOptions,
  ): Promise<O | undefined>;
  /** Reads in chunks. */
  list<O extends KubernetesObject = KubernetesObject>(
    kind: ObjectKind,
    selection: Selection,
    options: CallOptions,
  ): Promise<O[]>;
  /** ConflictError when it exists. */
  create<O extends KubernetesObject>(object: O, options: WriteOptions): Promise<O>;
  /** PUT; `metadata.resourceVersion` guards it: ConflictError when the stored one is newer. */
  replace<O extends KubernetesObject>(object: O, options: WriteOptions): Promise<O>;
  apply<O extends KubernetesObject>(object: O, options: ApplyOptions): Promise<O>;
  patch<O extends KubernetesObject = KubernetesObject>(
    reference: ObjectReference,
    patch: Patch,
    options: WriteOptions,
  ): Promise<O>;
  /** false when there was nothing to delete. Does not wait for the object to be gone. */
  delete(reference: ObjectReference, options: DeleteOptions): Promise<boolean>;
  /** Never ends by itself and survives 410, disconnects and silent ends; ends when the signal is aborted (without throwing). Throws only what retrying cannot mend (forbidden, kind not served). */
  watch<O extends KubernetesObject = KubernetesObject>(
    kind: ObjectKind,
    selection: Selection,
    options: CallOptions,
  ): AsyncIterable<WatchEvent<O>>;
  /** Finds by discovery how a kind is served in its apiVersion; undefined when it is not. */
  served(kind: ObjectKind, options: CallOptions): Promise<ServedKind | undefined>;
  /** The first of the given kinds that the API serves (EndpointSlice v1 or v1beta1 ...). */
  firstServed(kinds: readonly ObjectKind[], options: CallOptions): Promise<ServedKind | undefined>;
  /** Answers in the order of the questions (SelfSubjectAccessReview). */
  mayI(questions: readonly AccessQuestion[], options: CallOptions): Promise<boolean[]>;
}
