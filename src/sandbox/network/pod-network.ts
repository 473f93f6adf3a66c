import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Machine } from '../kubelet/machine.ts';
import type { Container, Pod } from '../kubelet/pod-types.ts';
import type { Mount } from '../kubelet/runtime.ts';
import type { Objects } from '../store/objects.ts';
import { connectTcp } from './connect-tcp.ts';
import { renderHosts } from './hosts-file.ts';
import { nodeHookEnvironment } from './node-hook.ts';
import type { Service } from './service-types.ts';
import {
  connectShared,
  createLoopbackAddresses,
  createSharedPorts,
  portEnvironment,
} from './shared-network.ts';
import { GATEWAY, startPodsNamespace } from './namespace-network.ts';
import type { PodsNamespace, Route } from './namespace-network.ts';

/** A pod's place in the network. */
export interface PodAttachment {
  ip: string;
  /** A process that holds the pod's own network; undefined when it shares the machine's. */
  processId: number | undefined;
  /** Variables that its containers get unless they set them themselves. */
  environment: Record<string, string>;
  /** Files that the pod's containers find under /etc. */
  mounts: Mount[];
}

/** The network of the pods. */
export interface PodNetwork {
  /** Gives a pod an address, and a network of its own where the machine allows it and the pod needs one. */
  attach(pod: Pod, folder: string): Promise<PodAttachment>;
  /** Takes the pod out; does nothing when it is not in. */
  detach(uid: string): void;
  /** Connects to a port of a pod; rejects with the system's error (`ECONNREFUSED`) when nothing listens there. */
  connect(uid: string, port: number, signal: AbortSignal): Promise<Duplex>;
  /** Who answers when a pod connects to a Service's address. */
  useServices(route: Route): void;
  close(): Promise<void>;
}

/** Options of {@link createPodNetwork}. */
export interface PodNetworkOptions {
  objects: Objects;
  machine: Machine;
  /** Folder for the sockets of the network. */
  folder: string;
  /** Port of the sandbox's API on 127.0.0.1; undefined where there is none. */
  apiPort?: number;
  /** Environment that marks the network's processes as the sandbox's. */
  environment: Record<string, string>;
}

const API_NAME = 'kubernetes.default.svc';
const MACHINE_ADDRESS = '127.0.0.1';
const REPLICATED = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet']);

interface Attached {
  pod: Pod;
  ip: string;
  hostsFile: string;
  own: { namespace: PodsNamespace; processId: number } | undefined;
  ports: ReadonlyMap<number, number>;
}

/**
 * The {@link PodNetwork} of a sandbox. A pod has a network of its own, if the machine lets it, when it seems to listen
 * or is one of several replicas; others share the machine's network, so that they reach whatever this machine reaches
 * in the simplest way.
 */
export function createPodNetwork({
  objects,
  machine,
  folder,
  environment,
  apiPort,
}: PodNetworkOptions): PodNetwork {
  const pods = new Map<string, Attached>();
  const addresses = createLoopbackAddresses();
  const sharedPorts = createSharedPorts();
  let starting: Promise<PodsNamespace> | undefined;
  let route: Route = () => undefined;

  function namespace(): Promise<PodsNamespace> {
    starting ??= startNamespace().catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
    return starting;
  }

  async function startNamespace(): Promise<PodsNamespace> {
    const started = await startPodsNamespace(machine, folder, {
      // The gateway stands for the machine's own address: a pod's 127.0.0.1 is its own.
      route: (host, port, signal) =>
        host === GATEWAY ? connectTcp(MACHINE_ADDRESS, port, signal) : route(host, port, signal),
      environment,
      // Pods that come after it are given another one.
      onEnd: () => (starting = undefined),
    });
    openServicePorts(started);
    if (apiPort !== undefined) started.openPort(apiPort);
    return started;
  }

  function openServicePorts(started: PodsNamespace): void {
    for (const { spec } of objects.list<Service>('Service'))
      for (const { port } of spec.ports ?? []) started.openPort(port);
  }

  async function attach(pod: Pod, podFolder: string): Promise<PodAttachment> {
    const wantsOwn = needsOwnNetwork(pod);
    const namespaceOfPods = wantsOwn && machine.podNetworks ? await namespace() : undefined;
    const made = await namespaceOfPods?.attach();
    const ip = made?.ip ?? (isSharedAddress(pod) ? MACHINE_ADDRESS : addresses.take());
    const hostsFile = join(podFolder, 'hosts');
    const own =
      namespaceOfPods === undefined || made === undefined
        ? undefined
        : { namespace: namespaceOfPods, processId: made.processId };
    const ports = wantsOwn && own === undefined ? sharedPorts(pod) : new Map<number, number>();
    pods.set(pod.metadata.uid, { pod, ip, hostsFile, own, ports });
    writeFileSync(hostsFile, hostsOf(pod, ip, own !== undefined));
    return {
      ip,
      processId: own?.processId,
      environment: {
        ...apiEnvironment(own !== undefined),
        ...portEnvironment(ports),
        ...(machine.namespaces && own !== undefined ? {} : hookFor(pod, { ip, hostsFile, wantsOwn })),
      },
      mounts: machine.namespaces ? etcMounts(podFolder, hostsFile, own !== undefined) : [],
    };
  }

  /** Only where something is not as the program expects it: it should listen elsewhere, or has no hosts file. */
  function hookFor(
    pod: Pod,
    { ip, hostsFile, wantsOwn }: { ip: string; hostsFile: string; wantsOwn: boolean },
  ): Record<string, string> {
    const listensElsewhere = wantsOwn && !isSharedAddress(pod);
    if (!listensElsewhere && machine.namespaces) return {};
    return nodeHookEnvironment(listensElsewhere ? ip : '', machine.namespaces ? undefined : hostsFile);
  }

  /** Its certificate holds for 127.0.0.1, which is the pod itself in a network of its own, and for this name. */
  function apiEnvironment(isOwn: boolean): Record<string, string> {
    if (apiPort === undefined) return {};
    const host = isOwn ? API_NAME : MACHINE_ADDRESS;
    return { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: String(apiPort) };
  }

  function hostsOf(pod: Pod, ip: string, isOwn: boolean): string {
    const api = apiPort === undefined ? '' : `${isOwn ? GATEWAY : MACHINE_ADDRESS} ${API_NAME}\n`;
    return renderHosts(objects, pod, ip) + api;
  }

  function detach(uid: string): void {
    const pod = pods.get(uid);
    pods.delete(uid);
    if (pod?.own !== undefined) pod.own.namespace.detach(pod.own.processId);
    else if (pod !== undefined) addresses.give(pod.ip);
  }

  function connect(uid: string, port: number, signal: AbortSignal): Promise<Duplex> {
    const pod = pods.get(uid);
    if (pod === undefined)
      return Promise.reject(Object.assign(new Error('the pod has no network'), { code: 'EHOSTUNREACH' }));
    return pod.own === undefined
      ? connectShared(pod, port, signal)
      : pod.own.namespace.connect({ ip: pod.ip, processId: pod.own.processId }, port, signal);
  }

  let refreshing = false;
  function refreshSoon(): void {
    if (refreshing) return;
    refreshing = true;
    setImmediate(() => {
      refreshing = false;
      for (const { pod, ip, hostsFile, own } of pods.values())
        writeHosts(hostsFile, hostsOf(pod, ip, own !== undefined));
      void starting?.then(openServicePorts);
    });
  }

  const unsubscribe = objects.subscribe(['Service', 'EndpointSlice'], refreshSoon);

  async function close(): Promise<void> {
    unsubscribe();
    await (await starting)?.close();
  }

  return { attach, detach, connect, close, useServices: (given) => void (route = given) };
}

/** Whether the pod's address is the machine's: it wants it so, or the system knows but one loopback address. */
function isSharedAddress({ spec }: Pod): boolean {
  return spec.hostNetwork === true || process.platform !== 'linux';
}

/** The files of /etc that tell of the network; a pod with a network of its own asks the relay for names. */
function etcMounts(folder: string, hostsFile: string, isOwn: boolean): Mount[] {
  const mounts = [{ source: hostsFile, target: '/etc/hosts', readOnly: false }];
  const machines = '/etc/resolv.conf';
  if (!isOwn)
    return existsSync(machines)
      ? [...mounts, { source: machines, target: machines, readOnly: true }]
      : mounts;
  const resolver = join(folder, 'resolv.conf');
  writeFileSync(resolver, `nameserver ${GATEWAY}\noptions timeout:5 attempts:1\n`);
  return [...mounts, { source: resolver, target: '/etc/resolv.conf', readOnly: false }];
}

/** Whether a pod listens, as far as one can tell beforehand, or may have replicas that listen on the same port. */
function needsOwnNetwork({ spec, metadata }: Pod): boolean {
  if (spec.hostNetwork === true) return false;
  const listens = ({ ports = [], readinessProbe, livenessProbe, startupProbe }: Container): boolean =>
    ports.length > 0 ||
    [readinessProbe, livenessProbe, startupProbe].some(
      (probe) => (probe?.httpGet ?? probe?.tcpSocket) !== undefined,
    );
  const isReplica = metadata.ownerReferences?.some(
    ({ controller, kind }) => controller === true && REPLICATED.has(kind),
  );
  return isReplica === true || [...spec.containers, ...(spec.initContainers ?? [])].some(listens);
}

/** In place: the containers have this very file mounted. */
function writeHosts(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
}
