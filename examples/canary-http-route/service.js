import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** An HTTP service that says its version; `drain(ms)` ends it without losing a request. */
export function createService(version) {
  let draining = false;
  let connections = 0;
  const server = createServer((request, response) => {
    // Who keeps a connection is told to take a new one, before this end closes it.
    if (draining) response.setHeader('Connection', 'close');
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ version }));
  });
  server.on('connection', (socket) => {
    connections += 1;
    socket.once('close', () => (connections -= 1));
  });
  const drain = async (ms) => {
    draining = true;
    for (const end = Date.now() + ms; connections > 0 && Date.now() < end;) await sleep(50);
    server.close();
    server.closeAllConnections();
  };
  return Object.assign(server, { drain });
}
