import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Endpoint } from './service-types.ts';

/** Connects to an endpoint; rejects when it does not answer. */
export type Dial = (endpoint: Endpoint, signal: AbortSignal) => Promise<Duplex>;

const DIAL_DEADLINE_MS = 10_000;

/**
 * One listening address of a Service. It listens only while there are ready endpoints, so that a client of a Service
 * without any is refused, as by kube-proxy; each connection goes to the next endpoint in turn. Connections that are
 * open stay with their endpoint until one side ends them.
 */
export class ServiceListener {
  readonly host: string;
  readonly port: number;
  private readonly dial: Dial;
  private readonly onError: (error: NodeJS.ErrnoException) => void;
  private readonly open = new Set<Socket>();
  private endpoints: readonly Endpoint[] = [];
  private server: Server | undefined;
  private turn = 0;

  constructor(
    address: { host: string; port: number },
    dial: Dial,
    onError: (error: NodeJS.ErrnoException) => void,
  ) {
    this.host = address.host;
    this.port = address.port;
    this.dial = dial;
    this.onError = onError;
  }

  /** New connections go to these from now on. */
  update(endpoints: readonly Endpoint[]): void {
    this.endpoints = endpoints;
    if (endpoints.length > 0) this.listen();
    else this.stopListening();
  }

  /** An endpoint in its turn; undefined when there is none. */
  next(): Endpoint | undefined {
    this.turn += 1;
    return this.endpoints[this.turn % this.endpoints.length];
  }

  private listen(): void {
    if (this.server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void this.serve(socket));
    this.server = server;
    server.once('error', (error) => {
      if (this.server === server) this.server = undefined;
      this.onError(error);
    });
    server.listen({ host: this.host, port: this.port, backlog: 1024 });
  }

  private stopListening(): void {
    this.server?.close();
    this.server = undefined;
  }

  /** Connects a client to an endpoint in its turn. */
  private async serve(socket: Socket): Promise<void> {
    this.open.add(socket);
    socket.once('close', () => this.open.delete(socket));
    socket.on('error', () => socket.destroy());
    const endpoint = this.next();
    try {
      if (endpoint === undefined) throw new Error('no endpoints');
      join(socket, await this.dial(endpoint, AbortSignal.timeout(DIAL_DEADLINE_MS)));
    } catch {
      // The client sees what it would see of an endpoint that does not answer.
      socket.resetAndDestroy();
    }
  }

  /** Ends the listener and all its connections. */
  close(): void {
    this.stopListening();
    for (const socket of this.open) socket.destroy();
  }
}

/** Passes bytes both ways until both sides have ended; a side that breaks breaks the other. */
export function join(left: Duplex, right: Duplex): void {
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    from.pipe(to);
    from.once('error', () => to.destroy());
    from.once('close', () => {
      if (!from.readableEnded) to.destroy();
    });
  }
}
