import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A TCP connection, once it is made; rejects with the system's error, or when `signal` ends first. */
export function connectTcp(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    // Half-open: a client that has sent all it has to say still gets its answer.
    const socket = connectSocket({ host, port, allowHalfOpen: true, noDelay: true });
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
    if (signal.aborted) abort();
  });
}
