import type { Clock } from '../ports/clock.ts';
import type {
  AccessQuestion,
  ApplyOptions,
  CallOptions,
  Cluster,
  DeleteOptions,
  Patch,
  Selection,
  WriteOptions,
} from '../ports/cluster.ts';
import { UnreachableError } from '../ports/cluster-errors.ts';
import type { KubernetesObject, ObjectKind, ObjectReference } from '../ports/kubernetes-object.ts';

/** Milliseconds that a release waits for an API that does not answer, beyond the retries of the client. */
export const unreachableBudgetMs = 600_000;

/** Milliseconds between two tries. */
const pauseMs = 2000;

/** What waiting for an answer needs. */
export interface Patience {
  clock: Clock;
  /** Called at the first failure of a call. */
  onWait: (error: UnreachableError) => Promise<void>;
}

/**
 * Repeats a call for as long as the API does not answer. Only for calls that may be repeated: a read, an apply, a
 * delete, and a write that is guarded by a version or a name.
 * @throws UnreachableError after {@link unreachableBudgetMs}; everything else that the call throws, at once
 */
export async function untilAnswered<T>(
  call: () => Promise<T>,
  { clock, onWait }: Patience,
  options: CallOptions,
): Promise<T> {
  const begunMs = clock.monotonicMs();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      options.signal.throwIfAborted();
      const spentMs = clock.monotonicMs() - begunMs;
      if (!(error instanceof UnreachableError) || spentMs >= unreachableBudgetMs) throw error;
      if (attempt === 1) await onWait(error);
      await clock.sleep(pauseMs, options);
    }
  }
}

/**
 * A cluster whose calls are repeated while the API does not answer: an outage makes a release wait, it does not decide
 * how the release ends. The repetition of a creation whose answer was lost throws ConflictError.
 */
export class PatientCluster implements Cluster {
  readonly identity: Cluster['identity'];
  readonly #cluster: Cluster;
  readonly #patience: Patience;

  constructor(cluster: Cluster, patience: Patience) {
    this.identity = cluster.identity;
    this.#cluster = cluster;
    this.#patience = patience;
  }

  version(options: CallOptions) {
    return this.#repeat(() => this.#cluster.version(options), options);
  }

  get<O extends KubernetesObject = KubernetesObject>(reference: ObjectReference, options: CallOptions) {
    return this.#repeat(() => this.#cluster.get<O>(reference, options), options);
  }

  list<O extends KubernetesObject = KubernetesObject>(
    kind: ObjectKind,
    selection: Selection,
    options: CallOptions,
  ) {
    return this.#repeat(() => this.#cluster.list<O>(kind, selection, options), options);
  }

  create<O extends KubernetesObject>(object: O, options: WriteOptions) {
    return this.#repeat(() => this.#cluster.create(object, options), options);
  }

  replace<O extends KubernetesObject>(object: O, options: WriteOptions) {
    return this.#repeat(() => this.#cluster.replace(object, options), options);
  }

  apply<O extends KubernetesObject>(object: O, options: ApplyOptions) {
    return this.#repeat(() => this.#cluster.apply(object, options), options);
  }

  patch<O extends KubernetesObject = KubernetesObject>(
    reference: ObjectReference,
    patch: Patch,
    options: WriteOptions,
  ) {
    return this.#repeat(() => this.#cluster.patch<O>(reference, patch, options), options);
  }

  delete(reference: ObjectReference, options: DeleteOptions) {
    return this.#repeat(() => this.#cluster.delete(reference, options), options);
  }

  watch<O extends KubernetesObject = KubernetesObject>(
    kind: ObjectKind,
    selection: Selection,
    options: CallOptions,
  ) {
    return this.#cluster.watch<O>(kind, selection, options);
  }

  served(kind: ObjectKind, options: CallOptions) {
    return this.#repeat(() => this.#cluster.served(kind, options), options);
  }

  firstServed(kinds: readonly ObjectKind[], options: CallOptions) {
    return this.#repeat(() => this.#cluster.firstServed(kinds, options), options);
  }

  mayI(questions: readonly AccessQuestion[], options: CallOptions) {
    return this.#repeat(() => this.#cluster.mayI(questions, options), options);
  }

  #repeat<T>(call: () => Promise<T>, options: CallOptions): Promise<T> {
    return untilAnswered(call, this.#patience, options);
  }
}
