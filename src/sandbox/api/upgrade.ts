import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ApiServerOptions } from './server.ts';

/** Serves exec, attach and port-forward, which leave HTTP for WebSocket or SPDY. */
export function createUpgradeHandler(
  _options: ApiServerOptions,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (_request, socket) => {
    socket.end('HTTP/1.1 501 Not Implemented\r\n\r\n');
  };
}
