import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { connectTcp } from './connect-tcp.ts';
import { join } from './join.ts';
import { answerName } from './name-relay.ts';
import { acceptHeader } from './relay-protocol.ts';

const dialDeadlineMs = 20_000;

/** Where a connection of a pod goes: resolves a Service's address; undefined when it is none. */
export type Route = (host: string, port: number, signal: AbortSignal) => Promise<Duplex> | undefined;

/** A connection that a pod makes, or a name that it looks up. */
export async function serveOutbound(socket: Socket, route: Route): Promise<void> {
  socket.on('error', () => socket.destroy());
  try {
    const [host = '', port] = await acceptHeader(socket);
    if (host === 'dns') {
      socket.write('ok\n');
      await answerName(socket);
      return;
    }
    const deadline = AbortSignal.timeout(dialDeadlineMs);
    const target = await (route(host, Number(port), deadline) ?? connectTcp(host, Number(port), deadline));
    socket.write('ok\n');
    join(socket, target);
  } catch (error) {
    socket.end(`${(error as NodeJS.ErrnoException).code ?? 'EIO'}\n`);
  }
}
