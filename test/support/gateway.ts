import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Kubectl } from './kubectl.ts';

interface Gateway {
  metadata: { name: string; namespace: string };
  spec: { listeners: { port: number; protocol: string }[] };
  status?: {
    addresses?: { value: string }[];
    conditions?: { type: string; status: string }[];
  };
}

/** A Gateway of the cluster that the tests may attach routes to. */
export interface FoundGateway {
  parentRef: { name: string; namespace: string };
  /** Where it takes requests, from the pods that a load comes from: `http://10.0.0.1:8088`. */
  url: string;
}

/**
 * The first Gateway that is programmed, takes HTTP and has an address.
 * @throws Error when the cluster has none
 */
export async function findGateway(admin: Kubectl): Promise<FoundGateway> {
  const { items } = await admin.json<{ items: Gateway[] }>(['get', 'gateways', '--all-namespaces']);
  for (const { metadata, spec, status } of items) {
    const address = status?.addresses?.[0]?.value;
    const listener = spec.listeners.find(({ protocol }) => protocol === 'HTTP');
    const isProgrammed = status?.conditions?.some(
      (each) => each.type === 'Programmed' && each.status === 'True',
    );
    if (address === undefined || listener === undefined || isProgrammed !== true) continue;
    const { name, namespace } = metadata;
    return { parentRef: { name, namespace }, url: `http://${address}:${String(listener.port)}` };
  }
  throw new Error('the cluster has no Gateway that takes HTTP: the tests of HTTPRoutes need one');
}

/** Asks a Gateway as a host, over a new connection. */
export async function askGateway(
  { url }: FoundGateway,
  { path, host, headers = {} }: { path: string; host: string; headers?: Record<string, string> },
): Promise<{ status: number | undefined; body: string }> {
  const request = get(`${url}${path}`, { agent: false, timeout: 10_000, headers: { ...headers, host } });
  request.once('timeout', () => request.destroy(new Error('no answer in 10 s')));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}

/** An Ingress of a host to Service `web` of its namespace, as a manifest. */
export function webIngress(host: string): object {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  return {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web' } },
    spec: {
      ingressClassName: 'nginx',
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  };
}

/** A route of a host to Service `web` of its namespace, as a manifest. */
export function webRoute({ parentRef }: FoundGateway, host: string): object {
  return {
    ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name: 'web' } },
    spec: {
      parentRefs: [parentRef],
      hostnames: [host],
      rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
    },
  };
}
