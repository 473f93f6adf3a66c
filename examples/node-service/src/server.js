import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { route } from './router.js';

/** An HTTP server that can be closed without losing a request. */
export function startServer(context, port) {
  let draining = false;
  let connections = 0;
  const server = createServer((request, response) => {
    const { status, body } = route(new URL(request.url ?? '/', 'http://service').pathname, context);
    const text = JSON.stringify(body);
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
      ...(draining ? { Connection: 'close' } : {}),
    });
    response.end(text);
  });
  server.on('connection', (socket) => {
    connections += 1;
    socket.once('close', () => (connections -= 1));
  });
  server.listen(port);
  return {
    ready: new Promise((resolve, reject) => {
      server.once('listening', () => resolve(server.address().port));
      server.once('error', reject);
    }),
    /** Tells every client to go elsewhere with its next answer, then closes; after `graceMs` in any case. */
    close: async (graceMs) => {
      draining = true;
      for (const end = Date.now() + graceMs; connections > 0 && Date.now() < end;) await sleep(50);
      server.close();
      server.closeAllConnections();
    },
  };
}
