import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as requestOf, type RequestOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { redirectKubeconfig } from './cut-proxy.ts';

/** What becomes of one request. */
export type Fate =
  | 'pass'
  /** Answered with 500 before it reaches the server. */
  | 'fail'
  /** Reaches the server, but its answer never comes. */
  | 'stall'
  /** Answered by a reset after the server has done it. */
  | 'lose';

/** An HTTP proxy before an API server that lets requests fail. */
export interface FaultyApi {
  kubeconfig: string;
  /** Requests that came, by `METHOD path`, without WebSockets. */
  seen: string[];
  /** Decides what becomes of a request; passes all at first. WebSockets always pass. */
  fate: (request: { method: string; url: string }) => Fate;
  /** Milliseconds after which watches are ended; undefined: when the server ends them. */
  watchMs: number | undefined;
  close(): Promise<void>;
}

interface Credentials {
  clusters: { cluster: { 'certificate-authority-data'?: string } }[];
  users: { user: { 'client-certificate-data'?: string; 'client-key-data'?: string; token?: string } }[];
}

/** Starts the proxy; the credentials of the kubeconfig are added by it. */
export async function startFaultyApi(kubeconfig: string): Promise<FaultyApi> {
  const { clusters, users } = parse(await readFile(kubeconfig, 'utf8')) as Credentials;
  const { user } = users[0]!;
  const decode = (text: string | undefined) => (text === undefined ? undefined : Buffer.from(text, 'base64'));
  const tls = {
    ca: decode(clusters[0]!.cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  };
  let target = new URL('https://unset');
  const agent = new Agent({ keepAlive: true });
  const onward = (incoming: IncomingMessage): RequestOptions => ({
    ...tls,
    agent,
    host: target.hostname,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    headers: {
      ...incoming.headers,
      ...(user.token === undefined ? {} : { authorization: `Bearer ${user.token}` }),
    },
  });

  const pass = (incoming: IncomingMessage, response: ServerResponse, fate: Fate) => {
    const upstream = requestOf(onward(incoming), (answer) => {
      if (fate === 'lose') return void answer.resume().on('end', () => response.destroy());
      if (fate === 'stall') return void answer.resume();
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      const { watchMs } = api;
      if (watchMs !== undefined && incoming.url?.includes('watch=true') === true) {
        setTimeout(() => {
          upstream.destroy();
          response.end();
        }, watchMs).unref();
      }
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  };

  const server = createServer((incoming, response) => {
    const described = { method: incoming.method ?? '', url: incoming.url ?? '' };
    api.seen.push(`${described.method} ${described.url}`);
    const fate = api.fate(described);
    if (fate !== 'fail') {
      pass(incoming, response, fate);
      return;
    }
    incoming.resume();
    response.writeHead(500, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ kind: 'Status', status: 'Failure', message: 'made to fail', code: 500 }));
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    const upstream = requestOf(onward(incoming));
    upstream.on('upgrade', (answer, socket, first) => {
      const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('')}\r\n`);
      client.write(first);
      socket.write(head);
      socket.pipe(client).pipe(socket);
      for (const end of [client, socket]) end.on('error', () => end.destroy());
      client.on('close', () => socket.destroy());
      socket.on('close', () => client.destroy());
    });
    upstream.on('response', (answer) => {
      client.end(`HTTP/1.1 ${String(answer.statusCode)} Refused\r\nconnection: close\r\n\r\n`);
    });
    upstream.on('error', () => client.destroy());
    upstream.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = await redirectKubeconfig(kubeconfig, () => ({ server: `http://127.0.0.1:${String(port)}` }));
  target = config.server;
  const api: FaultyApi = {
    kubeconfig: config.file,
    seen: [],
    fate: () => 'pass',
    watchMs: undefined,
    async close() {
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
      await config.remove();
    },
  };
  return api;
}
