import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster, Selection, WatchEvent } from '../../ports/cluster.ts';
import { UnreachableError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject, ObjectKind } from '../../ports/kubernetes-object.ts';
import type { Workload } from '../../kubernetes/workload-objects.ts';

/** A watched list: what is there now, by uid. */
export interface Watched {
  objects: Map<string, Workload>;
  loaded: boolean;
  /** What was there last, as it was then: a Job may be removed as soon as it has ended. */
  last?: Workload;
}

/** Milliseconds that the first list of a watch may take before nothing is known. */
const firstListMs = 10_000;
/** Milliseconds before a watch that could not be opened is opened again. */
const reopenMs = 2000;

/** The watches that an observer follows: one for each selection, opened when it is first asked for. */
export class WorkloadWatches {
  readonly #cluster: Pick<Cluster, 'watch'>;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #watches = new Map<string, Watched>();
  readonly #running: Promise<void>[] = [];
  #wakers: (() => void)[] = [];
  #isChanged = true;
  #answeredMs: number;
  #failure: unknown;

  constructor(cluster: Pick<Cluster, 'watch'>, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#answeredMs = clock.monotonicMs();
  }

  /** Milliseconds since the API answered last, as far as is known here. */
  get silentMs(): number {
    return this.#clock.monotonicMs() - this.#answeredMs;
  }

  /** The API has answered somebody else's question. */
  answered(): void {
    this.#answeredMs = this.#clock.monotonicMs();
  }

  /** What happens from now on counts as a change. */
  look(): void {
    this.#isChanged = false;
  }

  /** Resolves when something may have changed since the last `look`, or the time has come. */
  async changed(ms: number, options: CallOptions): Promise<void> {
    if (this.#isChanged || this.#failure !== undefined) return;
    await this.#woken(ms, options);
  }

  /** The watch of a selection; begins it when there is none. */
  of({ apiVersion, kind }: ObjectKind, selection: Selection): Watched {
    const key = JSON.stringify([apiVersion, kind, selection]);
    let watched = this.#watches.get(key);
    if (watched === undefined) {
      watched = { objects: new Map(), loaded: false };
      this.#watches.set(key, watched);
      this.#running.push(this.#follow({ apiVersion, kind }, selection, watched));
    }
    return watched;
  }

  /**
   * What a watch holds; undefined: it has not listed anything in time.
   * @throws ClusterError when a watch cannot continue (forbidden)
   */
  async listed(watched: Watched, options: CallOptions): Promise<Workload[] | undefined> {
    const untilMs = this.#clock.monotonicMs() + firstListMs;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure as Error;
      if (watched.loaded) return [...watched.objects.values()];
      const leftMs = untilMs - this.#clock.monotonicMs();
      if (leftMs <= 0) return undefined;
      await this.#woken(leftMs, options);
    }
  }

  /** Ends all watches. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
  }

  /** Waits for the next word of a watch, at most `ms`. */
  async #woken(ms: number, { signal }: CallOptions): Promise<void> {
    const timer = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wakers.push(resolve);
    });
    const slept = this.#clock.sleep(ms, { signal: AbortSignal.any([signal, timer.signal]) });
    try {
      await Promise.race([woken, slept]);
    } finally {
      timer.abort();
    }
  }

  async #follow(kind: ObjectKind, selection: Selection, watched: Watched): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const event of this.#cluster.watch(kind, selection, { signal })) {
          this.#answeredMs = this.#clock.monotonicMs();
          keep(watched, event, kind);
          this.#wake();
        }
      } catch (error) {
        if (!(error instanceof UnreachableError)) {
          this.#failure = error;
          this.#wake();
          return;
        }
      }
      await this.#clock.sleep(reopenMs, { signal }).catch(() => undefined);
    }
  }

  #wake(): void {
    this.#isChanged = true;
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }
}

function keep(watched: Watched, event: WatchEvent, kind: ObjectKind): void {
  switch (event.type) {
    case 'reset':
      watched.objects = new Map(event.objects.map((object) => [uidOf(object), typed(object, kind)]));
      watched.loaded = true;
      break;
    case 'upsert':
      watched.objects.set(uidOf(event.object), typed(event.object, kind));
      break;
    case 'delete':
      watched.last = typed(event.object, kind);
      watched.objects.delete(uidOf(event.object));
      return;
  }
  const [object] = watched.objects.values();
  if (kind.kind === 'Job' && object !== undefined) watched.last = object;
}

function uidOf(object: KubernetesObject): string {
  return object.metadata.uid ?? object.metadata.name;
}

/** Items of lists come without kind. */
function typed(object: KubernetesObject, kind: ObjectKind): Workload {
  return { ...object, ...kind } as Workload;
}
