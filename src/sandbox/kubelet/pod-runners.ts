import { join } from 'node:path';
import type { PodNetwork } from '../network/pod-network.ts';
import type { Objects, StoredObject } from '../store/objects.ts';
import type { PullImage } from './image-puller.ts';
import type { RecordPodEvent } from './pod-binder.ts';
import type { Configuration } from './pod-configuration.ts';
import type { PodContext } from './pod-context.ts';
import { PodRunner } from './pod-runner.ts';
import type { Pod, PodStatus } from './pod-types.ts';
import { removeTree } from './remove-tree.ts';
import type { Runtime } from './runtime.ts';

/** What the pods of the node need. */
export interface PodRunnersOptions {
  objects: Objects;
  /** A pod's files are in a folder of it by the pod's uid. */
  podsFolder: string;
  runtime: Runtime;
  network: PodNetwork;
  configuration: Configuration;
  pullImage: PullImage;
  record: RecordPodEvent;
  onError: (error: unknown, what: string) => void;
}

/** The pods that run on the node, from their binding until their objects are gone. */
export class PodRunners {
  /** By the pods' uids. */
  readonly all = new Map<string, PodRunner>();
  readonly #options: PodRunnersOptions;
  #closed = false;

  constructor(options: PodRunnersOptions) {
    this.#options = options;
  }

  /** Starts a pod; its end is written to its object. */
  run(pod: Pod): void {
    const runner = new PodRunner(pod, this.#contextOf(pod));
    this.all.set(pod.metadata.uid, runner);
    void runner.run();
  }

  #contextOf({ metadata }: Pod): PodContext {
    const { podsFolder, runtime, network, configuration, record } = this.#options;
    const folder = join(podsFolder, metadata.uid);
    return {
      folder,
      runtime,
      network,
      pull: async (owner, container, signal) => {
        const image = await this.#options.pullImage(container, signal);
        const message = image.standIn ?? `Container image "${container.image}" already present on machine`;
        const reason = image.standIn === undefined ? 'Pulled' : 'ImageStandIn';
        record(owner, { component: 'kubelet', type: 'Normal', reason, message });
        return image;
      },
      makeVolumes: (owner, podIP) => configuration.makeVolumes(owner, join(folder, 'volumes'), podIP),
      configure: (owner, container, made) => configuration.configure(owner, container, made),
      event: (owner, event) => record(owner, { ...event, component: 'kubelet' }),
      writeStatus: (owner, status) => this.#writeStatus(owner, status),
    };
  }

  #writeStatus({ metadata }: Pod, status: PodStatus): void {
    // What ends because the sandbox does has not ended by itself: its status stays as it was.
    if (this.#closed) return;
    const { namespace = 'default', name, uid } = metadata;
    this.#options.objects.modify<Pod>(
      { kind: 'Pod', namespace, name },
      (found) => {
        if (found.metadata.uid === uid) found.status = { ...status, conditions: merged(status, found) };
      },
      'status',
    );
  }

  /** Ends a pod that is being deleted, and removes its object then. */
  stop(pod: Pod, graceSeconds: number): void {
    const { objects, onError } = this.#options;
    const ended = this.all.get(pod.metadata.uid)?.terminate(graceSeconds) ?? Promise.resolve();
    const remove = (): void => {
      if (this.#closed) return;
      const { namespace = 'default', name, uid } = pod.metadata;
      const stored = objects.get({ kind: 'Pod', namespace, name });
      if (stored?.metadata.uid !== uid) return;
      objects.delete({ kind: 'Pod', namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
    };
    ended.then(remove).catch((error: unknown) => onError(error, `the end of pod ${pod.metadata.name}`));
  }

  /** Ends what is left of a pod whose object is gone, and removes its files. */
  forget(uid: string): void {
    const runner = this.all.get(uid);
    this.all.delete(uid);
    const removal =
      runner === undefined
        ? removeTree(join(this.#options.podsFolder, uid))
        : runner.terminate(0).then(() => runner.removeFiles());
    removal.catch((error: unknown) => this.#options.onError(error, `the files of pod ${uid}`));
  }

  /** Brings the files of volumes up to date with a ConfigMap or Secret. */
  refreshVolumes(source: StoredObject): void {
    for (const runner of this.all.values()) runner.refreshVolumes(source);
  }

  /** Ends all pods and leaves their objects as they are. */
  async close(graceSeconds: number): Promise<void> {
    this.#closed = true;
    const runners = [...this.all.values()];
    this.all.clear();
    this.#options.runtime.close();
    await Promise.all(runners.map((runner) => runner.terminate(graceSeconds)));
  }
}

/** The kubelet's conditions, and those that others wrote meanwhile (readiness gates). */
function merged(status: PodStatus, found: Pod): NonNullable<PodStatus['conditions']> {
  const own = new Set(['Initialized', 'Ready', 'ContainersReady', 'PodScheduled']);
  const kept = found.status?.conditions?.filter(({ type }) => !own.has(type)) ?? [];
  return [...(status.conditions ?? []).filter(({ type }) => own.has(type)), ...kept];
}
