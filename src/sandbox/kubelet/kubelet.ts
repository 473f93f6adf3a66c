import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { timestamp } from '../store/timestamp.ts';
import { createEventRecorder } from '../controllers/events.ts';
import type { PodStreams } from '../api/pod-streams.ts';
import type { PodNetwork } from '../network/pod-network.ts';
import type { Images } from '../registry/images.ts';
import type { Objects, StoreEvent } from '../store/objects.ts';
import { createImagePuller } from './image-puller.ts';
import { killMarked } from './leftovers.ts';
import type { Machine } from './machine.ts';
import { createHostRuntime } from './host-runtime.ts';
import { createNamespaceRuntime } from './namespace-runtime.ts';
import { nodeLabels, registerNode } from './node-object.ts';
import { createConfiguration } from './pod-configuration.ts';
import { PodRunner } from './pod-runner.ts';
import { createPodStreams } from './pod-streams.ts';
import type { Pod, PodStatus } from './pod-types.ts';
import { removeTree } from './remove-tree.ts';
import { NODE_NAME, nodeCapacity, whyUnschedulable } from './scheduler.ts';

/** The variable by which every process of a sandbox's pods is known; its value is the state folder. */
export const SANDBOX_MARK = 'SLIPWAY_SANDBOX';

/** Options of {@link startKubelet}. */
export interface KubeletOptions {
  objects: Objects;
  /** Folder of the sandbox's state; pods live in `pods/`, claims in `volumes/`. */
  stateFolder: string;
  machine: Machine;
  network: PodNetwork;
  images: Images;
  /** An image that the registry does not have is an error, instead of this machine's tools. */
  strictImages?: boolean;
  /** `host:port` of the registry. */
  registryAddress: () => string;
  /** What a pod finds as its service account's token. */
  token?: string;
  /** Hears of what went wrong behind a pod that is gone already. */
  onError?: (error: unknown, what: string) => void;
}

/** A running kubelet. */
export interface Kubelet {
  streams: PodStreams;
  close(): Promise<void>;
}

/** Processes of an ended sandbox get this long after TERM. */
const CLOSE_GRACE_SECONDS = 2;

/**
 * Starts the node: registers it, binds pods to it, runs them as processes and writes their status and events.
 * What an earlier sandbox left running with the same state folder is killed first; its pods start again by their
 * restart policy, as after a node's reboot. Closing ends all pods' processes and leaves their objects.
 */
export function startKubelet(options: KubeletOptions): Kubelet {
  const { objects, stateFolder, machine, network, onError = () => undefined } = options;
  const podsFolder = join(stateFolder, 'pods');
  killMarked(SANDBOX_MARK, stateFolder);
  mkdirSync(podsFolder, { recursive: true });
  registerNode(objects, timestamp(Date.now()));
  const events = createEventRecorder(objects, Date.now);
  const mark = { [SANDBOX_MARK]: stateFolder };
  const runtime = machine.namespaces
    ? createNamespaceRuntime(machine, { stateFolder, mark })
    : createHostRuntime(machine);
  const pullImage = createImagePuller({
    images: options.images,
    strict: options.strictImages === true,
    registryAddress: options.registryAddress,
  });
  const configuration = createConfiguration({
    objects,
    stateFolder,
    mark,
    token: options.token ?? '',
  });
  const runners = new Map<string, PodRunner>();
  const node = { labels: nodeLabels(), capacity: nodeCapacity(), unschedulable: false };

  let closed = false;

  const record = (
    pod: Pod,
    component: string,
    event: { type: 'Normal' | 'Warning'; reason: string; message: string },
  ): void => {
    if (!closed) events.record(pod, { ...event, component });
  };

  function schedule(pod: Pod): void {
    const { namespace = 'default', name, uid } = pod.metadata;
    if ((pod.spec.schedulerName ?? 'default-scheduler') !== 'default-scheduler') return;
    if ((pod.spec.schedulingGates ?? []).length > 0) return;
    const refused = whyUnschedulable(pod, node) ?? configuration.missingClaim(pod);
    const key = { kind: 'Pod', namespace, name };
    if (refused !== undefined) {
      const before = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
      if (before?.message === refused) return;
      record(pod, 'default-scheduler', { type: 'Warning', reason: 'FailedScheduling', message: refused });
      const condition = {
        type: 'PodScheduled',
        status: 'False' as const,
        reason: 'Unschedulable',
        message: refused,
        lastProbeTime: null,
        lastTransitionTime: timestamp(Date.now()),
      };
      objects.modify<Pod>(
        key,
        (found) => void (found.status = { ...found.status, phase: 'Pending', conditions: [condition] }),
        'status',
      );
      return;
    }
    objects.modify<Pod>(key, (found) => {
      if (found.metadata.uid === uid) found.spec.nodeName = NODE_NAME;
    });
    record(pod, 'default-scheduler', {
      type: 'Normal',
      reason: 'Scheduled',
      message: `Successfully assigned ${namespace}/${name} to ${NODE_NAME}`,
    });
  }

  function writeStatus({ metadata }: Pod, status: PodStatus): void {
    // What ends because the sandbox does has not ended by itself: its status stays as it was.
    if (closed) return;
    const { namespace = 'default', name, uid } = metadata;
    objects.modify<Pod>(
      { kind: 'Pod', namespace, name },
      (found) => {
        if (found.metadata.uid === uid) found.status = { ...status, conditions: merged(status, found) };
      },
      'status',
    );
  }

  function run(pod: Pod): void {
    const runner = new PodRunner(pod, {
      folder: join(podsFolder, pod.metadata.uid),
      runtime,
      network,
      pull: async (owner, container, signal) => {
        const image = await pullImage(container, signal);
        const message = image.standIn ?? `Container image "${container.image}" already present on machine`;
        record(owner, 'kubelet', {
          type: 'Normal',
          reason: image.standIn === undefined ? 'Pulled' : 'ImageStandIn',
          message,
        });
        return image;
      },
      makeVolumes: (owner, podIP) =>
        configuration.makeVolumes(owner, join(podsFolder, owner.metadata.uid, 'volumes'), podIP),
      configure: (owner, container, made) => configuration.configure(owner, container, made),
      event: (owner, event) => record(owner, 'kubelet', event),
      writeStatus,
    });
    runners.set(pod.metadata.uid, runner);
    void runner.run();
  }

  function stop(pod: Pod, runner: PodRunner | undefined, graceSeconds: number): void {
    const ended = runner?.terminate(graceSeconds) ?? Promise.resolve();
    const remove = (): void => {
      if (closed) return;
      const { namespace = 'default', name, uid } = pod.metadata;
      const stored = objects.get({ kind: 'Pod', namespace, name });
      if (stored?.metadata.uid !== uid) return;
      objects.delete({ kind: 'Pod', namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
    };
    ended.then(remove).catch((error: unknown) => onError(error, `the end of pod ${pod.metadata.name}`));
  }

  function forget(runner: PodRunner, uid: string): void {
    runners.delete(uid);
    removeFiles(
      uid,
      runner.terminate(0).then(() => runner.removeFiles()),
    );
  }

  function removeFiles(uid: string, removal: Promise<void> = removeTree(join(podsFolder, uid))): void {
    removal.catch((error: unknown) => onError(error, `the files of pod ${uid}`));
  }

  function onPod(event: StoreEvent, pod: Pod): void {
    const runner = runners.get(pod.metadata.uid);
    if (event.type === 'DELETED') {
      if (runner !== undefined) forget(runner, pod.metadata.uid);
      else removeFiles(pod.metadata.uid);
      for (const waiting of objects.list<Pod>('Pod'))
        if (waiting.spec.nodeName === undefined) schedule(waiting);
      return;
    }
    runner?.update(pod);
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (pod.spec.nodeName !== undefined) stop(pod, runner, pod.metadata.deletionGracePeriodSeconds ?? 0);
      return;
    }
    if (pod.spec.nodeName === undefined) schedule(pod);
    else if (pod.spec.nodeName === NODE_NAME && runner === undefined && !hasEnded(pod)) run(pod);
  }

  function onOther(event: StoreEvent): void {
    const { kind } = event.object;
    if (kind === 'PersistentVolumeClaim') {
      if (event.type === 'DELETED') configuration.removeClaim(event.object);
      for (const pod of objects.list<Pod>('Pod')) if (pod.spec.nodeName === undefined) schedule(pod);
    } else if (event.type !== 'DELETED') {
      for (const runner of runners.values()) runner.refreshVolumes(event.object);
    }
  }

  const unsubscribe = [
    objects.subscribe(['Pod'], (event) => onPod(event, event.object as Pod)),
    objects.subscribe(['ConfigMap', 'Secret', 'PersistentVolumeClaim'], onOther),
  ];
  const known = new Set(objects.list('Pod').map(({ metadata }) => metadata.uid));
  for (const uid of readdirSync(podsFolder)) if (!known.has(uid)) removeFiles(uid);

  async function close(): Promise<void> {
    closed = true;
    for (const end of unsubscribe) end();
    const all = [...runners.values()];
    runners.clear();
    runtime.close();
    await Promise.all(all.map((runner) => runner.terminate(CLOSE_GRACE_SECONDS)));
    killMarked(SANDBOX_MARK, stateFolder);
  }

  return { streams: createPodStreams(objects, runners, { network, podsFolder }), close };
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** The kubelet's conditions, and those that others wrote meanwhile (readiness gates). */
function merged(status: PodStatus, found: Pod): NonNullable<PodStatus['conditions']> {
  const own = new Set(['Initialized', 'Ready', 'ContainersReady', 'PodScheduled']);
  const kept = found.status?.conditions?.filter(({ type }) => !own.has(type)) ?? [];
  return [...(status.conditions ?? []).filter(({ type }) => own.has(type)), ...kept];
}
