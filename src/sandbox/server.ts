import { defined } from '../base/defined.ts';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { Credentials } from './api/credentials.ts';
import { kubeconfigOf, loadCredentials, signToken } from './api/credentials.ts';
import { createApiServer } from './api/server.ts';
import type { PodStreams } from './api/pod-streams.ts';
import { startControllers } from './controllers/index.ts';
import { startGateway } from './gateway/gateway.ts';
import { sandboxMark, startKubelet } from './kubelet/kubelet.ts';
import type { Machine } from './kubelet/machine.ts';
import { probeMachine } from './kubelet/machine.ts';
import { createPodNetwork } from './network/pod-network.ts';
import { dialBy } from './network/dial.ts';
import { startServices } from './network/services.ts';
import { makeStatePrivate } from './private-state.ts';
import type { Registry } from './registry/registry.ts';
import { startRegistry } from './registry/registry.ts';
import { createObjects } from './store/create-objects.ts';
import type { Objects } from './store/objects.ts';

/** Options of {@link startSandbox}. */
export interface SandboxOptions {
  /** Where all state lives; made when it is not there. */
  folder: string;
  /** 0, the default, takes the port that the sandbox had before, or a free one. */
  port?: number;
  /** An image that the registry does not have is an error, instead of this machine's tools. */
  strictImages?: boolean;
  /** `none` runs pods without namespaces of their own even where the machine has them. */
  isolation?: 'auto' | 'none';
  /** Without pods: the API and the controllers alone. */
  withoutKubelet?: boolean;
  /** Gets failures of the controllers, which are retried. */
  onError?: (error: unknown, what: string) => void;
}

/** A running sandbox. */
export interface Sandbox {
  /** `https://127.0.0.1:PORT`. */
  address: string;
  /** The path of a kubeconfig for it. */
  kubeconfig: string;
  /** Where HTTPRoutes and Ingresses are served: `http://127.0.0.1:PORT`; undefined without pods. */
  gateway: string | undefined;
  /** The OCI registry: `127.0.0.1:PORT`, plain HTTP, and who may use it. */
  registry: { address: string; credentials: { username: string; password: string } };
  objects: Objects;
  /** Ends all processes of pods; their objects stay. Can be called again. */
  close(): Promise<void>;
}

const tokenLifetimeMs = 10 * 365 * 24 * 3600 * 1000;

/** The port that an earlier sandbox in this folder had: kubeconfigs that were copied keep working. */
function earlierPort(kubeconfig: string): number {
  if (!existsSync(kubeconfig)) return 0;
  return Number(/server: https:\/\/[^:]+:(\d+)/.exec(readFileSync(kubeconfig, 'utf8'))?.[1] ?? 0);
}

async function listen(server: Server, port: number): Promise<number> {
  const attempt = (wanted: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(wanted, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  await attempt(port);
  return (server.address() as AddressInfo).port;
}

/** All open connections, those too that left HTTP for exec or port-forward, of which the server keeps no account. */
function trackConnections(server: Server): ReadonlySet<TLSSocket> {
  const connections = new Set<TLSSocket>();
  server.on('secureConnection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return connections;
}

async function closeServer(server: Server, connections: ReadonlySet<TLSSocket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of connections) socket.destroy();
  await closed;
}

/** Ends what was started, the last first; continues when one fails, and throws its error at the end. */
async function closeAll(closers: (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    try {
      await close();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'the sandbox did not end cleanly');
}

/**
 * Starts the whole sandbox in this process: store, API, controllers, kubelet, network and registry.
 * @throws InputError when the state is damaged or another process uses it.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { folder } = options;
  const closers: (() => unknown)[] = [];
  const databasePath = makeStatePrivate(folder);
  try {
    return await start(options, databasePath, closers);
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

async function start(
  options: SandboxOptions,
  databasePath: string,
  closers: (() => unknown)[],
): Promise<Sandbox> {
  const { folder } = options;
  const [credentials, machine] = await Promise.all([
    loadCredentials(folder),
    probeMachine(folder, options.isolation ?? 'auto'),
  ]);
  const { onError } = options;
  const objects = createObjects(databasePath, {
    onError: (error) => onError?.(error, 'the database'),
  });
  closers.push(() => {
    objects.close();
  });
  const registry = await startRegistry({ folder: join(folder, 'registry') });
  closers.push(() => registry.close());

  let streams: PodStreams | undefined;
  let ready = false;
  const server = createApiServer({ objects, credentials, streams: () => streams, isReady: () => ready });
  const connections = trackConnections(server);
  const kubeconfig = join(folder, 'kubeconfig');
  const port = await listenAgain(server, options.port ?? 0, kubeconfig);
  closers.push(() => closeServer(server, connections));
  const address = `https://127.0.0.1:${String(port)}`;
  writeFileSync(kubeconfig, kubeconfigOf(credentials, address), { mode: 0o600 });

  const controllers = startControllers(objects, {
    caCertificate: credentials.caCertificate,
    ...defined({ onError }),
  });
  closers.push(() => {
    controllers.close();
  });
  let gateway: string | undefined;
  if (options.withoutKubelet !== true) {
    const node = await startNode(
      { options, objects, credentials, machine, registry, apiPort: port },
      closers,
    );
    ({ streams, gateway } = node);
  }
  ready = true;
  return {
    address,
    kubeconfig,
    gateway,
    registry: { address: registry.address, credentials: registry.credentials },
    objects,
    close: () => closeAll(closers),
  };
}

/** Listens on `wanted`, or, when that is 0, on the port of before, or on a free one where that is taken. */
async function listenAgain(server: Server, wanted: number, kubeconfig: string): Promise<number> {
  return listen(server, wanted || earlierPort(kubeconfig)).catch((error: unknown) => {
    if (wanted !== 0) throw error;
    return listen(server, 0);
  });
}

/** What the node needs of the rest. */
interface NodeOptions {
  options: SandboxOptions;
  objects: Objects;
  credentials: Credentials;
  machine: Machine;
  registry: Registry;
  apiPort: number;
}

/** Starts the network, the kubelet, the Services and the gateway; gives the streams of pods and the gateway's URL. */
async function startNode(
  { options, objects, credentials, machine, registry, apiPort }: NodeOptions,
  closers: (() => unknown)[],
): Promise<{ streams: PodStreams; gateway: string }> {
  const { folder, onError } = options;
  const network = createPodNetwork({
    objects,
    machine,
    apiPort,
    folder: join(folder, 'network'),
    environment: { [sandboxMark]: folder },
  });
  closers.push(() => network.close());
  const expires = new Date(Date.now() + tokenLifetimeMs);
  const token = signToken(credentials.tokenSecret, 'system:serviceaccount:default:default', expires, []);
  const kubelet = startKubelet({
    objects,
    stateFolder: folder,
    machine,
    network,
    images: registry.images,
    strictImages: options.strictImages ?? false,
    registryAddress: () => registry.address,
    token,
    ...defined({ onError }),
  });
  closers.push(() => kubelet.close());
  const services = startServices({ objects, network });
  closers.push(() => services.close());
  const gateway = await startGateway({ objects, dial: dialBy(network), ...defined({ onError }) });
  closers.push(() => gateway.close());
  return { streams: kubelet.streams, gateway: gateway.url };
}
