import type { CallOptions, Cluster, Selection } from '../../../ports/cluster.ts';
import type { KubernetesObject, ObjectKind } from '../../../ports/kubernetes-object.ts';

/** Gets the objects of a shared watch. */
export interface WatchListener {
  /** Called with each change; `objects` is what is known now, by `namespace/name`. */
  changed(objects: ReadonlyMap<string, KubernetesObject>): void;
  /** The watch cannot continue: forbidden, kind not served. */
  failed(error: unknown): void;
}

/** Watches of one process, shared: however many runs look at the pods of a namespace, the API serves one watch. */
export class SharedWatches {
  readonly #cluster: Pick<Cluster, 'watch'>;
  readonly #open = new Map<string, SharedWatch>();

  constructor(cluster: Pick<Cluster, 'watch'>) {
    this.#cluster = cluster;
  }

  /** Listens until the returned function is called; the last listener to leave ends the watch. */
  listen(kind: ObjectKind, selection: Selection, listener: WatchListener): () => void {
    const key = JSON.stringify([kind.apiVersion, kind.kind, selection]);
    let watch = this.#open.get(key);
    if (watch === undefined) {
      watch = new SharedWatch(
        (options) => this.#cluster.watch(kind, selection, options),
        () => this.#open.delete(key),
      );
      this.#open.set(key, watch);
    }
    return watch.add(listener);
  }

  /** Ends all watches. */
  stop(): void {
    for (const watch of this.#open.values()) watch.stop();
    this.#open.clear();
  }
}

class SharedWatch {
  readonly #listeners = new Set<WatchListener>();
  readonly #ended = new AbortController();
  readonly #forget: () => void;
  #objects = new Map<string, KubernetesObject>();
  #known = false;

  constructor(open: (options: CallOptions) => ReturnType<Cluster['watch']>, forget: () => void) {
    this.#forget = forget;
    void this.#run(open({ signal: this.#ended.signal }));
  }

  add(listener: WatchListener): () => void {
    this.#listeners.add(listener);
    if (this.#known) listener.changed(this.#objects);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  stop(): void {
    this.#forget();
    this.#ended.abort();
  }

  async #run(events: ReturnType<Cluster['watch']>): Promise<void> {
    try {
      for await (const event of events) {
        switch (event.type) {
          case 'reset':
            this.#objects = new Map(event.objects.map((object) => [keyOf(object), object]));
            break;
          case 'upsert':
            this.#objects.set(keyOf(event.object), event.object);
            break;
          case 'delete':
            this.#objects.delete(keyOf(event.object));
            break;
        }
        this.#known = true;
        for (const listener of [...this.#listeners]) listener.changed(this.#objects);
      }
    } catch (error) {
      this.#forget();
      for (const listener of [...this.#listeners]) listener.failed(error);
    }
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
