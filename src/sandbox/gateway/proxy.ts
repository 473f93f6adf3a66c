import { createServer, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../base/errors.ts';
import { join } from '../network/join.ts';
import type { Dial } from '../network/service-listener.ts';
import type { Choice, Chooser } from './choose.ts';
import { createChooser } from './choose.ts';
import type { HeaderLines } from './filters.ts';
import { filteredAnswer, filteredRequest, redirectLocation } from './filters.ts';
import type { RouteTable } from './table.ts';

/** The gateway's HTTP server on 127.0.0.1. */
export interface Proxy {
  port: number;
  /** Every request from now on is routed by this table, also those of connections that are open. */
  use(table: RouteTable): void;
  /** Ends all connections. */
  close(): Promise<void>;
}

const address = '127.0.0.1';
const dialDeadlineMs = 3_000;
const keepAliveMs = 75_000;

/** They belong to one connection and are not passed on: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
const ofConnection = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'expect'];

/**
 * Starts the proxy on `port`, or on a free one where that is 0 or taken. Connections of clients are kept, and each
 * request on them is routed anew; each goes to its pod on a connection of its own, and to no other pod when that fails.
 */
export async function startProxy(port: number, dial: Dial): Promise<Proxy> {
  const chooser = createChooser();
  const proxy = new HttpProxy(chooser, dial);
  const listening = await proxy.listen(port).catch((error: unknown) => {
    if (port === 0) throw error;
    return proxy.listen(0);
  });
  return { port: listening, use: (table) => chooser.use(table), close: () => proxy.close() };
}

/** A request with what was chosen for it. */
interface Incoming {
  request: IncomingMessage;
  path: string;
  /** With its `?`, or empty. */
  search: string;
  host: string;
  choice: Choice;
}

class HttpProxy {
  readonly #chooser: Chooser;
  readonly #dial: Dial;
  readonly #server: Server;
  /** Connections that have left HTTP; the server keeps no account of them. */
  readonly #upgraded = new Set<Duplex>();

  constructor(chooser: Chooser, dial: Dial) {
    this.#chooser = chooser;
    this.#dial = dial;
    this.#server = createServer({ keepAliveTimeout: keepAliveMs, noDelay: true }, (request, response) => {
      try {
        this.#serve(request, response);
      } catch (error) {
        // A redirect to what cannot stand in a header, for example: it is the route that is wrong.
        refuse(response, 500, messageOf(error));
      }
    });
    this.#server.requestTimeout = 0;
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#serveUpgrade(request, socket, head);
    });
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: address, port, backlog: 1024 }, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#upgraded) socket.destroy();
    this.#server.closeAllConnections();
    await closed;
  }

  #read(request: IncomingMessage): Incoming {
    const { url = '/', method = 'GET', headers } = request;
    const target = url.startsWith('/') ? url : url.replace(/^[a-z]+:\/\/[^/?]*/i, '') || '/';
    const at = target.indexOf('?');
    const [path, search] = at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at)];
    const host = (headers.host ?? '').toLowerCase().replace(/:\d+$/, '');
    const query = new URLSearchParams(search);
    const choice = this.#chooser.choose({ method, host, path, query, headers });
    return { request, path, search, host, choice };
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const incoming = this.#read(request);
    const { choice } = incoming;
    switch (choice.act) {
      case 'refuse':
        refuse(response, choice.code, choice.why);
        break;
      case 'redirect':
        response.writeHead(choice.filter.code, { Location: this.#locationOf(incoming, choice) }).end();
        break;
      case 'forward':
        void this.#forward(incoming, choice, response);
    }
    // What nobody reads would stand in the way of the next request on the connection.
    if (choice.act !== 'forward') request.resume();
  }

  #locationOf(
    { path, search, host }: Incoming,
    { filter, match }: Extract<Choice, { act: 'redirect' }>,
  ): string {
    const { port } = this.#server.address() as AddressInfo;
    return redirectLocation(filter, match, { host, path, search, port });
  }

  async #forward(
    incoming: Incoming,
    choice: Extract<Choice, { act: 'forward' }>,
    response: ServerResponse,
  ): Promise<void> {
    const ended = new AbortController();
    const abort = (): void => ended.abort();
    response.once('close', abort);
    let socket: Duplex | undefined;
    try {
      const deadline = AbortSignal.any([ended.signal, AbortSignal.timeout(dialDeadlineMs)]);
      socket = await this.#dial(choice.endpoint, deadline);
      const outgoing = send(incoming, choice, socket, ['close']);
      incoming.request.pipe(outgoing);
      const answer = await answerOf(outgoing, ended.signal);
      const headers = filteredAnswer(passedOn(answer.headersDistinct), choice.filters);
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headers);
      await pipeline(answer, response);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else refuse(response, isTimeout(error) ? 504 : 502, `${endpointOf(choice)}: ${messageOf(error)}`);
    } finally {
      response.off('close', abort);
      socket?.destroy();
      // A pod may answer before it has taken the whole body; the rest stands before the next request.
      incoming.request.resume();
    }
  }

  #serveUpgrade(request: IncomingMessage, client: Duplex, head: Buffer): void {
    this.#upgraded.add(client);
    client.once('close', () => this.#upgraded.delete(client));
    client.on('error', () => client.destroy());
    try {
      this.#startUpgrade(request, client, head);
    } catch (error) {
      endWith(client, 500, messageOf(error));
    }
  }

  #startUpgrade(request: IncomingMessage, client: Duplex, head: Buffer): void {
    const incoming = this.#read(request);
    const { choice } = incoming;
    if (choice.act === 'refuse') endWith(client, choice.code, choice.why);
    else if (choice.act === 'redirect')
      client.end(
        headText(choice.filter.code, 'Redirect', { location: [this.#locationOf(incoming, choice)] }),
      );
    else void this.#forwardUpgrade(incoming, choice, client, head);
  }

  async #forwardUpgrade(
    incoming: Incoming,
    choice: Extract<Choice, { act: 'forward' }>,
    client: Duplex,
    head: Buffer,
  ): Promise<void> {
    const ended = new AbortController();
    client.once('close', () => ended.abort());
    try {
      const deadline = AbortSignal.any([ended.signal, AbortSignal.timeout(dialDeadlineMs)]);
      const socket = await this.#dial(choice.endpoint, deadline);
      client.once('close', () => socket.destroy());
      const outgoing = send(incoming, choice, socket, ['upgrade']);
      outgoing.end();
      const { answer, upgraded } = await upgradeOf(outgoing, ended.signal);
      const headers = filteredAnswer(passedOn(answer.headersDistinct), choice.filters);
      const { statusCode = 502, statusMessage = '' } = answer;
      if (upgraded === undefined) {
        client.write(headText(statusCode, statusMessage, headers));
        await pipeline(answer, client);
        return;
      }
      const upgrade = answer.headersDistinct['upgrade'] ?? [];
      client.write(headText(statusCode, statusMessage, { ...headers, upgrade, connection: ['upgrade'] }));
      client.write(upgraded);
      socket.write(head);
      join(client, socket);
    } catch (error) {
      endWith(client, isTimeout(error) ? 504 : 502, `${endpointOf(choice)}: ${messageOf(error)}`);
    }
  }
}

const endpointOf = ({ endpoint }: Extract<Choice, { act: 'forward' }>): string =>
  `${endpoint.address}:${endpoint.port}`;

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError';

/** Begins the request to the pod; its body is still to be written. */
function send(
  { request, path, search }: Incoming,
  { filters, match }: Extract<Choice, { act: 'forward' }>,
  socket: Duplex,
  connection: string[],
): ClientRequest {
  const { method = 'GET', headersDistinct, socket: from } = request;
  const given = passedOn(headersDistinct);
  const remote = from.remoteAddress ?? address;
  const headers: HeaderLines = {
    ...given,
    'x-forwarded-for': [[...(given['x-forwarded-for'] ?? []), remote].join(', ')],
    'x-forwarded-proto': ['http'],
    'x-real-ip': [remote],
  };
  // A body without a length has its length told by its chunks, on this connection as on that.
  if (headersDistinct['transfer-encoding'] !== undefined) headers['transfer-encoding'] = ['chunked'];
  const filtered = filteredRequest({ path, headers }, filters, match);
  if (connection[0] === 'upgrade') filtered.headers['upgrade'] = headersDistinct['upgrade'] ?? [];
  return httpRequest({
    method,
    path: `${filtered.path}${search}`,
    headers: { ...filtered.headers, connection },
    setHost: false,
    // Servers written by hand may end their lines with LF alone, which other gateways take, too. An answer has the connection to itself,
    // so that no part of it can be taken for another one.
    insecureHTTPParser: true,
    createConnection: () => socket,
  });
}

/** The headers that go further: not those of the connection, nor those that it names. */
function passedOn(headers: NodeJS.Dict<string[]>): HeaderLines {
  const named = (headers['connection'] ?? []).flatMap((line) => line.toLowerCase().split(/\s*,\s*/));
  const dropped = new Set([...ofConnection, 'transfer-encoding', ...named]);
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, lines]) =>
      lines === undefined || dropped.has(name) ? [] : [[name, lines]],
    ),
  );
}

/** The head of the pod's answer. Rejects when the connection breaks first, or `signal` ends. */
function answerOf(outgoing: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
    signal.addEventListener('abort', () => void outgoing.destroy(new Error('the client has gone')), {
      once: true,
    });
  });
}

/** The head of the pod's answer to an upgrade; `upgraded` has the first bytes after it where the pod agreed. */
function upgradeOf(
  outgoing: ClientRequest,
  signal: AbortSignal,
): Promise<{ answer: IncomingMessage; upgraded: Buffer | undefined }> {
  return new Promise((resolve, reject) => {
    outgoing.once('upgrade', (answer: IncomingMessage, _socket: Duplex, upgraded: Buffer) => {
      resolve({ answer, upgraded });
    });
    answerOf(outgoing, signal).then((answer) => resolve({ answer, upgraded: undefined }), reject);
  });
}

function refuse(response: ServerResponse, code: number, why: string): void {
  response.writeHead(code, { 'Content-Type': 'text/plain' }).end(`sandbox gateway: ${why}\n`);
}

function endWith(client: Duplex, code: number, why: string): void {
  const head = headText(code, 'Refused', { 'content-type': ['text/plain'] });
  client.end(`${head}sandbox gateway: ${why}\n`);
}

/** The head of an answer on a connection that has left HTTP, and ends with it. */
function headText(code: number, reason: string, headers: HeaderLines): string {
  const lines = Object.entries({ connection: ['close'], ...headers }).flatMap(([name, values]) =>
    values.map((value) => `${name}: ${value}\r\n`),
  );
  return `HTTP/1.1 ${code} ${reason}\r\n${lines.join('')}\r\n`;
}
