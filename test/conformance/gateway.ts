/** The gateway of the cluster that the cases run on, and requests to it. */
import { Agent, request } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Lab } from './lab.ts';
import type { Json } from './wire.ts';

/** Where routes attach to, and where it answers. */
export interface GatewayAddress {
  namespace: string;
  name: string;
  host: string;
  port: number;
}

/** What a client got. */
export interface HttpAnswer {
  code: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/**
 * The Gateway that SLIPWAY_TEST_GATEWAY names (`NAMESPACE/NAME`), or the first one of kube-system, at the first address of its status
 * and the port of its first listener.
 */
export async function findGateway({ wire }: Lab): Promise<GatewayAddress> {
  const [namespace = 'kube-system', named] = (process.env['SLIPWAY_TEST_GATEWAY'] ?? 'kube-system').split(
    '/',
  );
  const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/gateways`;
  const { body } = await wire.request('GET', path);
  const gateway = body.items.find((item: Json) => named === undefined || item.metadata.name === named);
  if (gateway === undefined) throw new Error(`no Gateway in ${namespace}`);
  const [address] = gateway.status.addresses;
  const [listener] = gateway.spec.listeners;
  return { namespace, name: gateway.metadata.name, host: address.value, port: listener.port };
}

/** A client that keeps its one connection, so that all its requests go over it. */
export interface GatewayClient {
  ask(
    host: string,
    path?: string,
    options?: { method?: string; headers?: OutgoingHttpHeaders; body?: string },
  ): Promise<HttpAnswer>;
  /** How many connections it has made so far. */
  connections(): number;
  close(): void;
}

/** A {@link GatewayClient}. */
export function gatewayClient({ host: address, port }: GatewayAddress): GatewayClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<unknown>();
  return {
    ask: (host, path = '/', { method = 'GET', headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const outgoing = request(
          { agent, host: address, port, path, method, headers: { ...headers, host }, timeout: 20_000 },
          (answer) => {
            const parts: Buffer[] = [];
            answer.on('data', (part: Buffer) => parts.push(part));
            answer.once('error', reject);
            answer.once('end', () =>
              resolve({
                code: answer.statusCode ?? 0,
                headers: answer.headers,
                text: Buffer.concat(parts).toString().trim(),
              }),
            );
          },
        );
        outgoing.once('socket', (socket) => sockets.add(socket));
        outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in 20 s')));
        outgoing.once('error', reject);
        outgoing.end(body);
      }),
    connections: () => sockets.size,
    close: () => agent.destroy(),
  };
}
