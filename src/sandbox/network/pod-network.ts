import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Machine } from '../kubelet/machine.ts';
import type { Pod } from '../kubelet/pod-types.ts';
import type { Mount } from '../kubelet/runtime.ts';
import type { Objects } from '../store/objects.ts';
import { connectTcp } from './connect-tcp.ts';
import { etcMounts, writeHosts } from './etc-files.ts';
import { renderHosts } from './hosts-file.ts';
import { nodeHookEnvironment } from './node-hook.ts';
import { isSharedAddress, needsOwnNetwork } from './network-needs.ts';
import type { Route } from './outbound.ts';
import { gatewayAddress } from './pod-addresses.ts';
import type { PodsNamespace } from './pods-namespace.ts';
import type { Service } from './service-types.ts';
import {
  connectShared,
  createLoopbackAddresses,
  createSharedPorts,
  portEnvironment,
} from './shared-network.ts';
import { startPodsNamespace } from './start-pods-namespace.ts';

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

const apiName = 'kubernetes.default.svc';
const machineAddress = '127.0.0.1';

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
export function createPodNetwork(options: PodNetworkOptions): PodNetwork {
  return new SandboxPodNetwork(options);
}

class SandboxPodNetwork implements PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #pods = new Map<string, Attached>();
  readonly #addresses = createLoopbackAddresses();
  readonly #sharedPorts = createSharedPorts();
  readonly #unsubscribe: () => void;
  #starting: Promise<PodsNamespace> | undefined;
  #route: Route = () => undefined;
  #isRefreshing = false;

  constructor(options: PodNetworkOptions) {
    this.#options = options;
    this.#unsubscribe = options.objects.subscribe(['Service', 'EndpointSlice'], () => this.#refreshSoon());
  }

  async attach(pod: Pod, podFolder: string): Promise<PodAttachment> {
    const { machine } = this.#options;
    const wantsOwn = needsOwnNetwork(pod);
    const namespace = wantsOwn && machine.podNetworks ? await this.#namespace() : undefined;
    const made = await namespace?.attach();
    const ip = made?.ip ?? (isSharedAddress(pod) ? machineAddress : this.#addresses.take());
    const hostsFile = join(podFolder, 'hosts');
    const own =
      namespace === undefined || made === undefined ? undefined : { namespace, processId: made.processId };
    const ports = wantsOwn && own === undefined ? this.#sharedPorts(pod) : new Map<number, number>();
    this.#pods.set(pod.metadata.uid, { pod, ip, hostsFile, own, ports });
    writeFileSync(hostsFile, this.#hostsOf(pod, ip, own !== undefined));
    return {
      ip,
      processId: own?.processId,
      environment: {
        ...this.#apiEnvironment(own !== undefined),
        ...portEnvironment(ports),
        ...(machine.namespaces && own !== undefined ? {} : this.#hookFor(pod, { ip, hostsFile, wantsOwn })),
      },
      mounts: machine.namespaces ? etcMounts(podFolder, hostsFile, own !== undefined) : [],
    };
  }

  detach(uid: string): void {
    const pod = this.#pods.get(uid);
    this.#pods.delete(uid);
    if (pod?.own !== undefined) pod.own.namespace.detach(pod.own.processId);
    else if (pod !== undefined) this.#addresses.give(pod.ip);
  }

  connect(uid: string, port: number, signal: AbortSignal): Promise<Duplex> {
    const pod = this.#pods.get(uid);
    if (pod === undefined)
      return Promise.reject(Object.assign(new Error('the pod has no network'), { code: 'EHOSTUNREACH' }));
    return pod.own === undefined
      ? connectShared(pod, port, signal)
      : pod.own.namespace.connect({ ip: pod.ip, processId: pod.own.processId }, port, signal);
  }

  useServices(route: Route): void {
    this.#route = route;
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await (await this.#starting)?.close();
  }

  #namespace(): Promise<PodsNamespace> {
    this.#starting ??= this.#startNamespace().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #startNamespace(): Promise<PodsNamespace> {
    const { machine, folder, environment, apiPort } = this.#options;
    const started = await startPodsNamespace(machine, folder, {
      // The gateway stands for the machine's own address: a pod's 127.0.0.1 is its own.
      route: (host, port, signal) =>
        host === gatewayAddress ? connectTcp(machineAddress, port, signal) : this.#route(host, port, signal),
      environment,
      // Pods that come after it are given another one.
      onEnd: () => (this.#starting = undefined),
    });
    this.#openServicePorts(started);
    if (apiPort !== undefined) started.openPort(apiPort);
    return started;
  }

  #openServicePorts(started: PodsNamespace): void {
    for (const { spec } of this.#options.objects.list<Service>('Service'))
      for (const { port } of spec.ports ?? []) started.openPort(port);
  }

  /** Only where something is not as the program expects it: it should listen elsewhere, or has no hosts file. */
  #hookFor(
    pod: Pod,
    { ip, hostsFile, wantsOwn }: { ip: string; hostsFile: string; wantsOwn: boolean },
  ): Record<string, string> {
    const { namespaces } = this.#options.machine;
    const listensElsewhere = wantsOwn && !isSharedAddress(pod);
    if (!listensElsewhere && namespaces) return {};
    return nodeHookEnvironment(listensElsewhere ? ip : '', namespaces ? undefined : hostsFile);
  }

  /** Its certificate holds for 127.0.0.1, which is the pod itself in a network of its own, and for this name. */
  #apiEnvironment(isOwn: boolean): Record<string, string> {
    const { apiPort } = this.#options;
    if (apiPort === undefined) return {};
    const host = isOwn ? apiName : machineAddress;
    return { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: String(apiPort) };
  }

  #hostsOf(pod: Pod, ip: string, isOwn: boolean): string {
    const { objects, apiPort } = this.#options;
    const api = apiPort === undefined ? '' : `${isOwn ? gatewayAddress : machineAddress} ${apiName}\n`;
    return renderHosts(objects, pod, ip) + api;
  }

  #refreshSoon(): void {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    setImmediate(() => {
      this.#isRefreshing = false;
      for (const { pod, ip, hostsFile, own } of this.#pods.values())
        writeHosts(hostsFile, this.#hostsOf(pod, ip, own !== undefined));
      void this.#starting?.then((started) => this.#openServicePorts(started));
    });
  }
}
