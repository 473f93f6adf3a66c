import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** An HTTP service that says its version, and whether it is well. */
export function createService(version) {
  let draining = false;
  let connections = 0;
  const server = createServer((request, response) => {
    if (draining) response.setHeader('Connection', 'close');
    const path = new URL(request.url ?? '/', 'http://service').pathname;
    if (path === '/') send(response, 200, 'text/plain', `Hello from version ${version}\n`);
    else if (path === '/version') send(response, 200, 'application/json', JSON.stringify({ version }));
    else if (path === '/healthz') send(response, 200, 'text/plain', 'ok\n');
    else send(response, 404, 'text/plain', 'not found\n');
  });
  server.on('connection', (socket) => {
    connections += 1;
    socket.once('close', () => (connections -= 1));
  });
  return {
    /** Port 0 takes a free one; the port is returned. */
    listen: (port) => new Promise((resolve) => server.listen(port, () => resolve(server.address().port))),
    /**
     * Loses no request: each connection that is kept alive gets `Connection: close` with its next answer, so its
     * client goes elsewhere; the listener is closed when all have left, or after `graceMs`.
     */
    close: async (graceMs) => {
      draining = true;
      for (const end = Date.now() + graceMs; connections > 0 && Date.now() < end;) await sleep(50);
      server.close();
      server.closeAllConnections();
    },
  };
}

function send(response, status, type, body) {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
