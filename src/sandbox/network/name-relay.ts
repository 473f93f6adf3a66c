import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

const deadlineMs = 5_000;

/** Sends one DNS query, read from `socket` to its end, to this machine's name server, and its answer back. */
export async function answerName(socket: Socket): Promise<void> {
  const query = await buffer(socket);
  const [server = '127.0.0.1'] = getServers().filter((address) => !address.includes(':'));
  const [host = '', port = '53'] = server.split(':');
  const names = createSocket('udp4');
  try {
    names.send(query, Number(port), host);
    const [answer] = (await once(names, 'message', { signal: AbortSignal.timeout(deadlineMs) })) as [Buffer];
    socket.end(answer);
  } finally {
    names.close();
  }
}
