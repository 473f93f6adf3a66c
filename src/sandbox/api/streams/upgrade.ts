import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { StreamTarget } from '../log.ts';
import { streamTarget } from '../log.ts';
import type { ExecProcess, ExecRequest } from '../pod-streams.ts';
import { booleanOf } from '../query-parameters.ts';
import type { ApiServerOptions } from '../request.ts';
import { parseResourcePath, parseUrl, userOf } from '../request.ts';
import { badRequest, noSuchResource, statusOf } from '../status-error.ts';
import type { ExecChannels } from './exec-session.ts';
import { joinExec } from './exec-session.ts';
import { forwardOverChannels, forwardOverSpdy } from './port-forward.ts';
import { createChannels, execChannel } from './websocket-channels.ts';

const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
const onlyWebSockets =
  'the sandbox serves exec, attach and port-forward over WebSocket, not over SPDY: use kubectl 1.31 or later';
const channelProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** A client that answers no ping for this long is gone. */
const pingIntervalMs = 30_000;

/** A request that leaves HTTP. */
interface Upgrade extends StreamTarget {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  query: URLSearchParams;
  subresource: string;
  /** Ends when the connection does. */
  signal: AbortSignal;
}

function parseExec({ query, key, signal }: Upgrade): ExecRequest {
  const flag = (name: string): boolean => booleanOf(query, name);
  const tty = flag('tty');
  return {
    ...key,
    command: query.getAll('command'),
    stdin: flag('stdin'),
    stdout: flag('stdout'),
    stderr: flag('stderr') && !tty,
    tty,
    signal,
  };
}

/** Answers an upgrade with an error, as plain HTTP. */
function refuse(socket: Duplex, error: unknown): void {
  const status = statusOf(error);
  const body = JSON.stringify(status.toStatus());
  socket.end(
    `HTTP/1.1 ${status.httpCode} ${status.reason}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Keeps a WebSocket from dying unseen: pings it, and ends it when no answer came. */
function watchOver(socket: WebSocket): void {
  let answered = true;
  const timer = setInterval(() => {
    // While the client is held back its answers are not read either.
    if (!answered && !socket.isPaused) socket.terminate();
    answered = false;
    socket.ping();
  }, pingIntervalMs);
  socket.on('pong', () => {
    answered = true;
  });
  socket.on('error', () => {
    // `close` follows and ends what the socket carries.
  });
  socket.on('close', () => {
    clearInterval(timer);
  });
}

function start({ subresource, streams }: Upgrade, request: ExecRequest): Promise<ExecProcess> {
  if (subresource === 'attach') return streams.attach(request);
  if (request.command.length === 0) throw badRequest('you must specify at least 1 command for the container');
  return streams.exec(request);
}

function execChannels(socket: WebSocket, request: ExecRequest): ExecChannels {
  const channels = createChannels(socket);
  return {
    stdin: request.stdin ? channels.receive(execChannel.stdin) : undefined,
    stdout: request.stdout ? channels.send(execChannel.stdout) : undefined,
    stderr: request.stderr ? channels.send(execChannel.stderr) : undefined,
    resize: request.tty ? channels.receive(execChannel.resize) : undefined,
    status: channels.send(execChannel.status),
  };
}

/** Takes WebSockets; `tunnel` answers with the protocol of a tunnel. */
type Accept = (upgrade: Upgrade, tunnel?: 'tunnel') => Promise<WebSocket>;

function createAccept(): Accept {
  // The name of the tunnel's protocol has a slash, which RFC 6455 does not allow and the library refuses; so it is
  // kept from the library and answered here.
  const tunnels = new WeakSet<IncomingMessage>();
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => channelProtocols.find((known) => offered.has(known)) ?? false,
  });
  server.on('headers', (headers, request) => {
    if (tunnels.has(request)) headers.push(`Sec-WebSocket-Protocol: ${tunnelProtocol}`);
  });
  return ({ request, socket, head }, tunnel) => {
    if (tunnel !== undefined) {
      tunnels.add(request);
      delete request.headers['sec-websocket-protocol'];
    }
    return new Promise((resolve) => {
      server.handleUpgrade(request, socket, head, (accepted) => {
        watchOver(accepted);
        resolve(accepted);
      });
    });
  };
}

async function exec(upgrade: Upgrade, accept: Accept): Promise<void> {
  const request = parseExec(upgrade);
  const process = await start(upgrade, request);
  const socket = await accept(upgrade);
  await joinExec(process, execChannels(socket, request));
  socket.close(1000);
}

async function portForward(upgrade: Upgrade, accept: Accept): Promise<void> {
  const { request, query } = upgrade;
  if (request.headers['sec-websocket-protocol']?.includes(tunnelProtocol) === true) {
    await forwardOverSpdy(createWebSocketStream(await accept(upgrade, 'tunnel')), upgrade);
    return;
  }
  const ports = query.getAll('ports').flatMap((list) => list.split(',').map(Number));
  await forwardOverChannels(await accept(upgrade), ports, upgrade);
}

/** Serves exec, attach and port-forward, which leave HTTP for WebSocket. */
export function createUpgradeHandler(
  options: ApiServerOptions,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const accept = createAccept();

  async function serve(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const ended = new AbortController();
    socket.on('close', () => {
      ended.abort();
    });
    socket.on('error', () => {
      // `close` follows.
    });
    const { pathname, searchParams: query } = parseUrl(request);
    userOf(request, options.credentials);
    const path = parseResourcePath(options.objects, pathname);
    const subresource = path?.subresource ?? '';
    if (path?.kind.kind !== 'Pod' || !/^(exec|attach|portforward)$/.test(subresource)) throw noSuchResource();
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') throw badRequest(onlyWebSockets);
    const target = streamTarget(options, path, query);
    const upgrade = { ...target, request, socket, head, query, subresource, signal: ended.signal };
    await (subresource === 'portforward' ? portForward(upgrade, accept) : exec(upgrade, accept));
  }

  return (request, socket, head) => {
    serve(request, socket, head).catch((error: unknown) => {
      refuse(socket, error);
    });
  };
}
