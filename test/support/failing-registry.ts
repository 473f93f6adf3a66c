import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP proxy before a registry that lets requests fail. */
export interface FailingRegistry {
  /** Host and port, for image references. */
  host: string;
  /** Whether a request is answered by `status` before it reaches the registry; none at first. */
  fails: (request: { method: string; url: string }) => boolean;
  /** 500 at first. */
  status: number;
  /** How many were. */
  failed(): number;
  close(): Promise<void>;
}

/** Starts the proxy before the registry at `host`, which speaks plain HTTP. */
export async function startFailingRegistry(host: string): Promise<FailingRegistry> {
  const [hostname = '', port = '80'] = host.split(':');
  let failed = 0;
  const server = createServer((incoming: IncomingMessage, response) => {
    const { method = '', url = '', headers } = incoming;
    if (registry.fails({ method, url })) {
      failed += 1;
      incoming.resume();
      response.writeHead(registry.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: 'UNKNOWN', message: 'made to fail' }] }));
      return;
    }
    // The Host stays the proxy's, so that the places that the registry names lie behind the proxy too.
    const upstream = request({ host: hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const registry: FailingRegistry = {
    host: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    fails: () => false,
    status: 500,
    failed: () => failed,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return registry;
}
