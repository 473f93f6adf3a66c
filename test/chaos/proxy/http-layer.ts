import {
  createServer,
  request as plainRequest,
  type ClientRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Agent, request as tlsRequest, type RequestOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { changeLines, refusalOf, type Fate } from './fates.ts';
import type { ApiAddress } from './kubeconfig.ts';

/** What becomes of the handshake of a WebSocket: a status refuses it, `stall` never answers it, after `silent` nothing comes through it. */
export type UpgradeFate = 'pass' | 'reset' | 'stall' | 'silent' | number;

/** Speaks HTTP with a client and TLS with an API server, and lets requests fail. It adds the kubeconfig's credentials. */
export class HttpLayer {
  /** Requests that came, by `METHOD path`, without WebSockets. */
  readonly seen: string[] = [];
  /** Decides what becomes of a request; passes all at first. */
  fate: (request: { method: string; url: string }) => Fate = () => 'pass';
  /** Decides what becomes of the handshake of a WebSocket; passes all at first. */
  upgrade: (url: string) => UpgradeFate = () => 'pass';
  /** Looks at what comes from the server through a WebSocket; `reset` resets the client in its place. Passes all at first. */
  answer: (chunk: Buffer) => 'pass' | 'reset' = () => 'pass';
  /** Whether a watch that begins stays open and says nothing, as on a connection that is frozen. None does at first. */
  isMute: (url: string) => boolean = () => false;
  /** Milliseconds after which watches are ended; undefined: when the server ends them. */
  watchMs: number | undefined;
  readonly #address: ApiAddress;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The last answer to each read that was different before: what a server that lags behind says. */
  readonly #answers = new Map<string, { last: Buffer; before: Buffer }>();

  private constructor(address: ApiAddress) {
    this.#address = address;
    this.#server = createServer((incoming, response) => this.#handle(incoming, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (incoming: IncomingMessage, client: Socket, head: Buffer) =>
      this.#handleUpgrade(incoming, client, head),
    );
  }

  /** Starts it on a free port of this machine. */
  static async start(address: ApiAddress): Promise<HttpLayer> {
    const layer = new HttpLayer(address);
    await new Promise<void>((resolve) => layer.#server.listen(0, '127.0.0.1', resolve));
    return layer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #handle(incoming: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = incoming;
    this.seen.push(`${method} ${url}`);
    const fate = this.fate({ method, url });
    const refusal = refusalOf(fate);
    if (refusal !== undefined) {
      incoming.resume();
      response.writeHead(refusal.status, refusal.headers).end(refusal.body);
      return;
    }
    const upstream = this.#onward(incoming);
    upstream.on('response', (answer) => {
      this.#reply(incoming, answer, response, fate).catch(() => response.destroy());
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  }

  async #reply(
    { method, url = '' }: IncomingMessage,
    answer: IncomingMessage,
    response: ServerResponse,
    fate: Fate,
  ): Promise<void> {
    if (url.includes('watch=true')) {
      this.#replyWatch(url, answer, response, fate);
      return;
    }
    if (fate === 'lose') {
      await buffer(answer);
      response.socket?.resetAndDestroy();
    } else if (fate === 'stall') {
      answer.resume();
    } else if (url.includes('follow=true')) {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    } else {
      const fresh = await buffer(answer);
      const stale = method === 'GET' && answer.statusCode === 200 ? this.#remember(url, fresh) : fresh;
      const body = fate === 'stale' ? stale : fresh;
      const { 'transfer-encoding': _, ...headers } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, { ...headers, 'content-length': String(body.length) });
      if (fate !== 'truncate') response.end(body);
      else
        response.write(body.subarray(0, Math.ceil(body.length / 2)), () =>
          response.socket?.resetAndDestroy(),
        );
    }
  }

  /** @returns what the same read was answered before; the answer itself when it has never been another one */
  #remember(url: string, answer: Buffer): Buffer {
    const { last = answer, before = answer } = this.#answers.get(url) ?? {};
    const isNew = !last.equals(answer);
    this.#answers.set(url, { last: answer, before: isNew ? last : before });
    return isNew ? last : before;
  }

  #replyWatch(url: string, answer: IncomingMessage, response: ServerResponse, fate: Fate): void {
    if (fate === 'lose' || fate === 'truncate') {
      response.socket?.resetAndDestroy();
      return;
    }
    if (fate === 'stall') return void answer.resume();
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders(); // a watch has no body before its first event
    if (this.isMute(url)) return void answer.resume();
    const changed = changeLines((line) => {
      if (fate === 'double') return line + line;
      return fate === 'break' ? line.slice(0, line.length / 2) : line;
    });
    if (fate === 'break') changed.once('data', () => setImmediate(() => response.destroy()));
    answer.pipe(changed).pipe(response);
    if (this.watchMs !== undefined)
      setTimeout(() => {
        answer.destroy();
        response.end();
      }, this.watchMs).unref();
  }

  #handleUpgrade(incoming: IncomingMessage, client: Socket, head: Buffer): void {
    const fate = this.upgrade(incoming.url ?? '');
    const refuse = (status: number) =>
      client.end(`HTTP/1.1 ${String(status)} Refused\r\nconnection: close\r\n\r\n`);
    if (fate === 'reset') return void client.resetAndDestroy();
    if (fate === 'stall') return;
    if (typeof fate === 'number') return void refuse(fate);
    const upstream = this.#onward(incoming);
    upstream.on('upgrade', (answer, socket, first) => {
      const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('')}\r\n`);
      client.write(first);
      socket.write(head);
      this.#join(client, socket, fate);
    });
    upstream.on('response', (answer) => refuse(answer.statusCode ?? 502));
    upstream.on('error', () => client.destroy());
    upstream.end();
  }

  #join(client: Socket, socket: Socket, fate: 'pass' | 'silent'): void {
    client.pipe(socket);
    const look = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const passes = fate !== 'silent' && this.answer(chunk) === 'pass';
        if (!passes && fate !== 'silent') client.resetAndDestroy();
        done(null, passes ? chunk : undefined);
      },
    });
    socket.pipe(look).pipe(client);
    socket.on('error', () => socket.destroy());
    client.on('close', () => socket.destroy());
    socket.on('close', () => client.destroy());
  }

  #onward({ method, url, headers }: IncomingMessage): ClientRequest {
    const { host, port, cluster, user } = this.#address;
    const { token } = user;
    const options: RequestOptions = {
      ...{ host, port, method, path: url },
      ca: decode(cluster['certificate-authority-data'] as string | undefined),
      cert: decode(user['client-certificate-data']),
      key: decode(user['client-key-data']),
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    };
    return cluster.server.startsWith('https:')
      ? tlsRequest({ ...options, agent: this.#agent })
      : plainRequest(options);
  }
}

function decode(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'base64');
}
