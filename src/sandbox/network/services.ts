import type { Duplex } from 'node:stream';
import { createEventRecorder } from '../controllers/events.ts';
import type { Objects, StoreEvent, StoredObject } from '../store/objects.ts';
import { connectTcp } from './connect-tcp.ts';
import type { PodNetwork } from './pod-network.ts';
import { createServiceListener } from './service-listener.ts';
import type { Dial, ServiceListener } from './service-listener.ts';
import { readyEndpoints } from './service-types.ts';
import type { EndpointSlice, Service } from './service-types.ts';

/** Running Services. */
export interface Services {
  close(): void;
}

const NODE_PORT_HOST = '127.0.0.1';
const SERVICE_NAME = 'kubernetes.io/service-name';

/**
 * Serves every Service of the store on its clusterIP and node ports, over the ready endpoints of its EndpointSlices.
 * TCP only; an address that cannot be bound is told by an event on the Service.
 */
export function startServices({ objects, network }: { objects: Objects; network: PodNetwork }): Services {
  const events = createEventRecorder(objects, Date.now);
  /** By Service (namespace/name), then by address. */
  const listeners = new Map<string, Map<string, ServiceListener>>();

  const dial: Dial = ({ address, port, podUid }, signal) =>
    podUid === undefined ? connectTcp(address, port, signal) : network.connect(podUid, port, signal);

  function sync(namespace: string, name: string): void {
    const service = objects.get<Service>({ kind: 'Service', group: '', namespace, name });
    const key = `${namespace}/${name}`;
    const before = listeners.get(key) ?? new Map<string, ServiceListener>();
    const now = new Map<string, ServiceListener>();
    const slices = objects.list<EndpointSlice>('EndpointSlice', {
      namespace,
      labels: { [SERVICE_NAME]: name },
    });
    for (const { host, port, portName } of service === undefined ? [] : addressesOf(service)) {
      const address = `${host}:${port}`;
      const listener =
        before.get(address) ??
        createServiceListener({ host, port }, dial, (error) => refused(service, address, error));
      before.delete(address);
      now.set(address, listener);
      listener.update(readyEndpoints(slices, portName));
    }
    for (const gone of before.values()) gone.close();
    if (now.size === 0) listeners.delete(key);
    else listeners.set(key, now);
  }

  function refused(service: StoredObject | undefined, address: string, error: NodeJS.ErrnoException): void {
    if (service === undefined) return;
    const why =
      error.code === 'EACCES'
        ? 'this machine lets only root listen on ports below 1024; pods with a network of their own and port-forward reach it all the same'
        : error.message;
    events.record(service, {
      type: 'Warning',
      reason: 'ListenFailed',
      message: `cannot listen on ${address}: ${why}`,
      component: 'service-proxy',
    });
  }

  function onEvent({ object }: StoreEvent): void {
    const { namespace = 'default', name, labels } = object.metadata;
    const service = object.kind === 'Service' ? name : labels?.[SERVICE_NAME];
    if (service !== undefined) sync(namespace, service);
  }

  /** For connections that pods make: a Service's address and port, or undefined when it is none. */
  function route(host: string, port: number, signal: AbortSignal): Promise<Duplex> | undefined {
    for (const addresses of listeners.values()) {
      const listener = addresses.get(`${host}:${port}`);
      if (listener === undefined) continue;
      const endpoint = listener.next();
      if (endpoint !== undefined) return dial(endpoint, signal);
      return Promise.reject(
        Object.assign(new Error('the service has no endpoints'), { code: 'ECONNREFUSED' }),
      );
    }
    return undefined;
  }

  network.useServices(route);
  const unsubscribe = objects.subscribe(['Service', 'EndpointSlice'], onEvent);

  function close(): void {
    unsubscribe();
    for (const addresses of listeners.values()) for (const listener of addresses.values()) listener.close();
    listeners.clear();
  }

  return { close };
}

/** The addresses that a Service listens on. */
function addressesOf({ spec }: Service): { host: string; port: number; portName: string }[] {
  const tcp = (spec.ports ?? []).filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  const { clusterIP = '', type } = spec;
  const hasAddress = clusterIP !== '' && clusterIP !== 'None' && type !== 'ExternalName';
  return tcp.flatMap(({ name = '', port, nodePort }) => [
    ...(hasAddress ? [{ host: clusterIP, port, portName: name }] : []),
    ...(nodePort === undefined ? [] : [{ host: NODE_PORT_HOST, port: nodePort, portName: name }]),
  ]);
}
