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
import { registerNode } from './node-object.ts';
import { PodBinder, type RecordPodEvent } from './pod-binder.ts';
import { createConfiguration, type Configuration } from './pod-configuration.ts';
import { PodRunners } from './pod-runners.ts';
import { createPodStreams } from './pod-streams.ts';
import type { Pod } from './pod-types.ts';
import { nodeName } from './scheduler.ts';

/** The variable by which every process of a sandbox's pods is known; its value is the state folder. */
export const sandboxMark = 'SLIPWAY_SANDBOX';

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
  /** Gets what went wrong behind a pod that is gone already. */
  onError?: (error: unknown, what: string) => void;
}

/** A running kubelet. */
export interface Kubelet {
  streams: PodStreams;
  close(): Promise<void>;
}

/** Processes of an ended sandbox get this long after TERM. */
const closeGraceSeconds = 2;

/**
 * Starts the node: registers it, binds pods to it, runs them as processes and writes their status and events.
 * What an earlier sandbox left running with the same state folder is killed first; its pods start again by their
 * restart policy, as after a node's reboot. Closing ends all pods' processes and leaves their objects.
 */
export function startKubelet(options: KubeletOptions): Kubelet {
  const { objects, stateFolder, machine, network, onError = () => undefined } = options;
  const podsFolder = join(stateFolder, 'pods');
  killMarked(sandboxMark, stateFolder);
  mkdirSync(podsFolder, { recursive: true });
  registerNode(objects, timestamp(Date.now()));
  const events = createEventRecorder(objects, Date.now);
  const mark = { [sandboxMark]: stateFolder };
  let closed = false;
  const record: RecordPodEvent = (pod, event) => {
    if (!closed) events.record(pod, event);
  };
  const configuration = createConfiguration({ objects, stateFolder, mark, token: options.token ?? '' });
  const runners = new PodRunners({
    ...{ objects, podsFolder, network, configuration, record, onError },
    runtime: machine.namespaces
      ? createNamespaceRuntime(machine, { stateFolder, mark })
      : createHostRuntime(machine),
    pullImage: createImagePuller({
      images: options.images,
      strict: options.strictImages === true,
      registryAddress: options.registryAddress,
    }),
  });
  const binder = new PodBinder(objects, configuration, record);
  const unsubscribe = follow(objects, { runners, binder, configuration });
  const known = new Set(objects.list('Pod').map(({ metadata }) => metadata.uid));
  for (const uid of readdirSync(podsFolder)) if (!known.has(uid)) runners.forget(uid);

  async function close(): Promise<void> {
    closed = true;
    for (const end of unsubscribe) end();
    await runners.close(closeGraceSeconds);
    killMarked(sandboxMark, stateFolder);
  }

  return { streams: createPodStreams(objects, runners.all, { network, podsFolder }), close };
}

/** What acts on the changes of the store. */
interface Parts {
  runners: PodRunners;
  binder: PodBinder;
  configuration: Configuration;
}

/** Acts on each change from now on; returns what ends that. */
function follow(objects: Objects, parts: Parts): (() => void)[] {
  return [
    objects.subscribe(['Pod'], (event) => onPod(event, event.object as Pod, parts)),
    objects.subscribe(['ConfigMap', 'Secret', 'PersistentVolumeClaim'], (event) => onOther(event, parts)),
  ];
}

function onPod({ type }: StoreEvent, pod: Pod, { runners, binder }: Parts): void {
  const { uid, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (type === 'DELETED') {
    runners.forget(uid);
    binder.bindWaiting();
    return;
  }
  const runner = runners.all.get(uid);
  runner?.update(pod);
  if (deletionTimestamp !== undefined) {
    if (pod.spec.nodeName !== undefined) runners.stop(pod, deletionGracePeriodSeconds ?? 0);
    return;
  }
  if (pod.spec.nodeName === undefined) binder.bind(pod);
  else if (pod.spec.nodeName === nodeName && runner === undefined && !hasEnded(pod)) runners.run(pod);
}

function onOther({ type, object }: StoreEvent, { runners, binder, configuration }: Parts): void {
  if (object.kind === 'PersistentVolumeClaim') {
    if (type === 'DELETED') configuration.removeClaim(object);
    binder.bindWaiting();
  } else if (type !== 'DELETED') runners.refreshVolumes(object);
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
