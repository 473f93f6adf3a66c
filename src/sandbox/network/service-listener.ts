import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { join } from './join.ts';
import type { Endpoint } from './service-types.ts';

/** Connects to an endpoint; rejects when it does not answer. */
export type Dial = (endpoint: Endpoint, signal: AbortSignal) => Promise<Duplex>;

/** One listening address of a Service. */
export interface ServiceListener {
  /** New connections go to these from now on; those that are open stay where they are until one side ends them. */
  update(endpoints: readonly Endpoint[]): void;
  /** An endpoint in its turn; undefined when there is none. */
  next(): Endpoint | undefined;
  /** Ends the listener and all its connections. */
  close(): void;
}

const dialDeadlineMs = 10_000;

/**
 * Listens on an address of a Service, but only while there are ready endpoints, so that a client of a Service without
 * any is refused, as by kube-proxy; each connection goes to the next endpoint in turn.
 */
export function createServiceListener(
  address: { host: string; port: number },
  dial: Dial,
  onError: (error: NodeJS.ErrnoException) => void,
): ServiceListener {
  const open = new Set<Socket>();
  let endpoints: readonly Endpoint[] = [];
  let server: Server | undefined;
  let turn = 0;

  function update(next: readonly Endpoint[]): void {
    endpoints = next;
    if (next.length === 0) stop();
    else server ??= listen();
  }

  function listen(): Server {
    const listening = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void serve(socket));
    listening.once('error', (error) => {
      if (server === listening) server = undefined;
      onError(error);
    });
    return listening.listen({ ...address, backlog: 1024 });
  }

  function stop(): void {
    server?.close();
    server = undefined;
  }

  function next(): Endpoint | undefined {
    turn += 1;
    return endpoints[turn % endpoints.length];
  }

  async function serve(socket: Socket): Promise<void> {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    const endpoint = next();
    try {
      if (endpoint === undefined) throw new Error('no endpoints');
      join(socket, await dial(endpoint, AbortSignal.timeout(dialDeadlineMs)));
    } catch {
      // The client sees what it would see of an endpoint that does not answer.
      socket.resetAndDestroy();
    }
  }

  function close(): void {
    stop();
    for (const socket of open) socket.destroy();
  }

  return { update, next, close };
}
