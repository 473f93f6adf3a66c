import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Cluster, Selection } from '../ports/cluster.ts';
import type { KubernetesObject, ObjectKind, ObjectReference } from '../ports/kubernetes-object.ts';
import { keyOf, selectorText, type Workload } from './workload-objects.ts';
import type { Observed, WorkloadState } from './strategy.ts';
import { workloadState } from './workload-state.ts';

/** A watched list: what is there now, by uid. */
interface Watched {
  objects: Map<string, Workload>;
  loaded: boolean;
}

const replicaSets: ObjectKind = { apiVersion: 'apps/v1', kind: 'ReplicaSet' };
const podKind: ObjectKind = { apiVersion: 'v1', kind: 'Pod' };

/**
 * Follows the workloads of a revision through watches, so that looking costs no request. Remembers when it saw each
 * problem first, by the runner's own clock: those of the cluster's machines are never compared with it.
 */
export class ReleaseObserver {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #references: readonly ObjectReference[];
  readonly #stop = new AbortController();
  readonly #watches = new Map<string, Watched>();
  readonly #firstSeen = new Map<string, number>();
  readonly #running: Promise<void>[] = [];
  #wakers: (() => void)[] = [];
  #dirty = true;
  #failure: unknown;

  constructor(cluster: Cluster, clock: Clock, references: readonly ObjectReference[]) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#references = references;
  }

  /**
   * The state as Kubernetes told it last.
   * @param generations of the workloads after the last apply, by key
   * @throws ClusterError when a watch cannot go on (forbidden)
   */
  async observe(
    settings: { generations: Readonly<Record<string, number>>; restartLimit: number },
    options: CallOptions,
  ): Promise<Observed> {
    const workloads: WorkloadState[] = [];
    this.#dirty = false;
    const seen = new Set<string>();
    for (const reference of this.#references) {
      const selection = {
        namespace: reference.namespace ?? '',
        fieldSelector: `metadata.name=${reference.name}`,
      };
      const [workload] = await this.#objects(reference, selection, options);
      const generation = settings.generations[keyOf(reference)] ?? 0;
      const selected = workload === undefined ? undefined : await this.#selected(workload, options);
      const { symptoms, ...state } = workloadState(
        reference,
        {
          workload,
          generation,
          replicaSets: selected?.replicaSets ?? [],
          pods: selected?.pods ?? [],
        },
        settings.restartLimit,
      );
      const problems = symptoms.map((symptom) => ({
        ...symptom,
        sinceMs: this.#seenSince(symptom.key, seen),
      }));
      const settledSinceMs = state.settled ? this.#seenSince(`${keyOf(reference)}/settled`, seen) : undefined;
      workloads.push({ ...state, ...(settledSinceMs === undefined ? {} : { settledSinceMs }), problems });
    }
    for (const key of this.#firstSeen.keys()) if (!seen.has(key)) this.#firstSeen.delete(key);
    return { workloads };
  }

  #seenSince(key: string, seen: Set<string>): number {
    seen.add(key);
    const sinceMs = this.#firstSeen.get(key) ?? this.#clock.now();
    this.#firstSeen.set(key, sinceMs);
    return sinceMs;
  }

  /** Resolves when something may have changed since the last `observe`, or the time has come. */
  async changed(ms: number, { signal }: CallOptions): Promise<void> {
    if (this.#dirty || this.#failure !== undefined) return;
    const timer = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wakers.push(resolve);
    });
    try {
      const slept = this.#clock.sleep(ms, { signal: AbortSignal.any([signal, timer.signal]) });
      await Promise.race([woken, slept]);
    } finally {
      timer.abort();
    }
  }

  /** Ends all watches. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
  }

  async #selected(workload: Workload, options: CallOptions) {
    const namespace = workload.metadata.namespace ?? '';
    if (workload.kind === 'Pod' || workload.spec.selector === undefined) return undefined;
    const selection = { namespace, labelSelector: selectorText(workload.spec.selector) };
    const owned = (object: Workload) =>
      object.metadata.ownerReferences?.some((owner) => owner.uid === workload.metadata.uid) === true;
    const sets =
      workload.kind === 'Deployment'
        ? (await this.#objects(replicaSets, selection, options)).filter(owned)
        : [];
    const owners = new Set(sets.map((set) => set.metadata.uid));
    const pods = (await this.#objects(podKind, selection, options)).filter(
      (pod) => owned(pod) || pod.metadata.ownerReferences?.some((owner) => owners.has(owner.uid)) === true,
    );
    return { replicaSets: sets, pods };
  }

  /** What a watch holds; begins it when there is none. */
  async #objects(kind: ObjectKind, selection: Selection, { signal }: CallOptions): Promise<Workload[]> {
    const key = JSON.stringify([kind.apiVersion, kind.kind, selection]);
    let watched = this.#watches.get(key);
    if (watched === undefined) {
      watched = { objects: new Map(), loaded: false };
      this.#watches.set(key, watched);
      this.#running.push(this.#follow({ apiVersion: kind.apiVersion, kind: kind.kind }, selection, watched));
    }
    while (!watched.loaded) {
      if (this.#failure !== undefined) throw this.#failure as Error;
      signal.throwIfAborted();
      await this.#nextWake(signal);
    }
    if (this.#failure !== undefined) throw this.#failure as Error;
    return [...watched.objects.values()];
  }

  #nextWake(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#wakers.push(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  async #follow(kind: ObjectKind, selection: Selection, watched: Watched): Promise<void> {
    try {
      const events = this.#cluster.watch(kind, selection, { signal: this.#stop.signal });
      for await (const event of events) {
        if (event.type === 'reset') {
          watched.objects = new Map(event.objects.map((object) => [uidOf(object), typed(object, kind)]));
          watched.loaded = true;
        } else if (event.type === 'upsert') {
          watched.objects.set(uidOf(event.object), typed(event.object, kind));
        } else {
          watched.objects.delete(uidOf(event.object));
        }
        this.#wake();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#failure = error;
    }
    this.#wake();
  }

  #wake(): void {
    this.#dirty = true;
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }
}

function uidOf(object: KubernetesObject): string {
  return object.metadata.uid ?? object.metadata.name;
}

/** Items of lists come without kind. */
function typed(object: KubernetesObject, kind: ObjectKind): Workload {
  return { ...object, ...kind } as Workload;
}
