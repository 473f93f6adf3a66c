/** The gateway of the cluster that the cases run on, and requests to it. */
import { Agent, request } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Lab } from './lab.ts';
import { patience } from './lab.ts';
import { condition, container, pod, service } from './objects.ts';
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

/** Pages of the servers behind the routes; each says which of them was asked. */
const pages = 'index.html cart/index.html cart/items cartoon v12 blue'.split(' ');

/** A server whose pages say `name`, and whose `/cgi-bin/echo` says what came: the header lines and the path. */
function server(name: string, port: number): string {
  return [
    `mkdir -p /tmp/www-$HOSTNAME-${port}/cgi-bin /tmp/www-$HOSTNAME-${port}/cart && cd /tmp/www-$HOSTNAME-${port}`,
    `for page in ${pages.join(' ')}; do echo ${name} > $page; done`,
    `printf '#!/bin/sh\\necho "Content-Type: text/plain"; echo; env | grep ^HTTP_; echo "URI=$REQUEST_URI"\\n' > cgi-bin/echo`,
    'chmod +x cgi-bin/echo',
    `exec busybox httpd -f -p \${PORT:-${port}} -h .`,
  ].join('\n');
}

/** Makes a ready pod with a Service of port 80 for each name; the values are the pods' ports. */
export async function makeBackends(lab: Lab, ports: Record<string, number>): Promise<void> {
  for (const [name, port] of Object.entries(ports)) {
    const main = container(server(name, port), {
      ports: [{ containerPort: port }],
      readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    });
    await lab.create('pods', pod(name, '', { containers: [main] }, { labels: { app: name } }));
    await lab.create('services', service(name, { ports: [{ port: 80, targetPort: port }] }));
  }
  const isReady = (object: Json): boolean => condition(object, 'Ready')?.status === 'True';
  for (const name of Object.keys(ports)) await lab.until('pods', name, isReady, 25 * patience);
}

/** Answers by their text, of `count` requests one after the other on one connection. */
export async function countAnswers(
  client: GatewayClient,
  host: string,
  count: number,
): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let index = 0; index < count; index += 1) {
    const { text } = await client.ask(host);
    seen[text] = (seen[text] ?? 0) + 1;
  }
  return seen;
}

/**
 * How far a share of 100 in 500 requests may be off: the sandbox gives turns by weight (1 % of 500 here), the gateway of the lab
 * draws lots, whose standard deviation is 9 requests; five of them are passed once in a million runs.
 */
export function shareTolerance({ onSandbox }: Lab): number {
  return onSandbox ? 5 : 45;
}
