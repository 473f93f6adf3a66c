import type { Duplex } from 'node:stream';
import { createEventRecorder } from '../controllers/events.ts';
import type { Objects, StoreEvent, StoredObject } from '../store/objects.ts';
import { dialBy } from './dial.ts';
import { listenAddresses } from './listen-addresses.ts';
import type { PodNetwork } from './pod-network.ts';
import { createServiceListener } from './service-listener.ts';
import type { Dial, ServiceListener } from './service-listener.ts';
import { readyEndpoints } from './service-types.ts';
import type { EndpointSlice, Service } from './service-types.ts';

/** Running Services. */
export interface Services {
  close(): void;
}

const serviceNameLabel = 'kubernetes.io/service-name';

/**
 * Serves every Service of the store on its clusterIP and node ports, over the ready endpoints of its EndpointSlices.
 * TCP only; an address that cannot be bound is reported by an event on the Service.
 */
export function startServices({ objects, network }: { objects: Objects; network: PodNetwork }): Services {
  return new ServiceProxy(objects, network);
}

class ServiceProxy implements Services {
  readonly #objects: Objects;
  readonly #events: ReturnType<typeof createEventRecorder>;
  readonly #dial: Dial;
  readonly #unsubscribe: () => void;
  /** By Service (namespace/name), then by address. */
  readonly #listeners = new Map<string, Map<string, ServiceListener>>();

  constructor(objects: Objects, network: PodNetwork) {
    this.#objects = objects;
    this.#events = createEventRecorder(objects, Date.now);
    this.#dial = dialBy(network);
    network.useServices((host, port, signal) => this.#route(host, port, signal));
    this.#unsubscribe = objects.subscribe(['Service', 'EndpointSlice'], (event) => this.#onEvent(event));
  }

  close(): void {
    this.#unsubscribe();
    for (const addresses of this.#listeners.values())
      for (const listener of addresses.values()) listener.close();
    this.#listeners.clear();
  }

  #onEvent({ object }: StoreEvent): void {
    const { namespace = 'default', name, labels } = object.metadata;
    const service = object.kind === 'Service' ? name : labels?.[serviceNameLabel];
    if (service !== undefined) this.#sync(namespace, service);
  }

  #sync(namespace: string, name: string): void {
    const service = this.#objects.get<Service>({ kind: 'Service', group: '', namespace, name });
    const key = `${namespace}/${name}`;
    const before = this.#listeners.get(key) ?? new Map<string, ServiceListener>();
    const now = new Map<string, ServiceListener>();
    const slices = this.#objects.list<EndpointSlice>('EndpointSlice', {
      namespace,
      labels: { [serviceNameLabel]: name },
    });
    for (const { host, port, portName } of service === undefined ? [] : listenAddresses(service)) {
      const address = `${host}:${port}`;
      const listener =
        before.get(address) ??
        createServiceListener({ host, port }, this.#dial, (error) =>
          this.#onListenError(service, address, error),
        );
      before.delete(address);
      now.set(address, listener);
      listener.update(readyEndpoints(slices, portName));
    }
    for (const gone of before.values()) gone.close();
    if (now.size === 0) this.#listeners.delete(key);
    else this.#listeners.set(key, now);
  }

  #onListenError(service: StoredObject | undefined, address: string, error: NodeJS.ErrnoException): void {
    if (service === undefined) return;
    const why =
      error.code === 'EACCES'
        ? 'this machine lets only root listen on ports below 1024; pods with a network of their own and port-forward reach it all the same'
        : error.message;
    this.#events.record(service, {
      type: 'Warning',
      reason: 'ListenFailed',
      message: `cannot listen on ${address}: ${why}`,
      component: 'service-proxy',
    });
  }

  /** For connections that pods make: a Service's address and port, or undefined when it is none. */
  #route(host: string, port: number, signal: AbortSignal): Promise<Duplex> | undefined {
    for (const addresses of this.#listeners.values()) {
      const listener = addresses.get(`${host}:${port}`);
      if (listener === undefined) continue;
      const endpoint = listener.next();
      if (endpoint !== undefined) return this.#dial(endpoint, signal);
      return Promise.reject(
        Object.assign(new Error('the service has no endpoints'), { code: 'ECONNREFUSED' }),
      );
    }
    return undefined;
  }
}
