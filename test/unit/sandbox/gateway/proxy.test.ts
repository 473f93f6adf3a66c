import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { startProxy } from '../../../../src/sandbox/gateway/proxy.ts';
import type { Proxy } from '../../../../src/sandbox/gateway/proxy.ts';
import type { RouteTable } from '../../../../src/sandbox/gateway/table.ts';
import { connectTcp } from '../../../../src/sandbox/network/connect-tcp.ts';

let proxy: Proxy;
let pod: Server;
let serve: RequestListener;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const tableTo = (port: number): RouteTable => {
  const endpoints = [{ address: '127.0.0.1', port, podUid: undefined }];
  const share = { name: 'shop', weight: 1, filters: [], target: { state: 'known' as const, endpoints } };
  const match = { path: { type: 'PathPrefix' as const, value: '/' }, headers: [], query: [] };
  return { hosts: new Map([['*', [{ match, filters: [], split: { key: 'all', shares: [share] } }]]]) };
};

beforeEach(async () => {
  pod = createServer((incoming, response) => {
    serve(incoming, response);
  });
  pod.listen(0, '127.0.0.1');
  await once(pod, 'listening');
  proxy = await startProxy(0, ({ address, port }, signal) => connectTcp(address, port, signal));
  proxy.use(tableTo((pod.address() as AddressInfo).port));
});
afterEach(async () => {
  await proxy.close();
  pod.closeAllConnections();
  pod.close();
});

async function ask(
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: object; body?: string } = {},
): Promise<{ code: number | undefined; headers: IncomingMessage['headers']; text: string }> {
  const outgoing = request({
    agent,
    port: proxy.port,
    path,
    method,
    headers: { host: 'shop.test', ...headers },
  });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { code: answer.statusCode, headers: answer.headers, text: await text(answer) };
}

/** What comes back for text that is sent as it is. */
async function raw(sent: string): Promise<{ socket: Socket; first: string }> {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.write(sent);
  const [first] = (await once(socket, 'data')) as [Buffer];
  return { socket, first: first.toString() };
}

describe('the proxy of the gateway', () => {
  it('passes method, path, query, body and headers on, but not those of the connection', async () => {
    serve = (incoming, response) => {
      void text(incoming).then((body) => {
        const { method, url, headers } = incoming;
        response.setHeader('Set-Cookie', ['a=1', 'b=2']).end(JSON.stringify({ method, url, headers, body }));
      });
    };

    const answer = await ask('/a%20b?c=d&c=e', {
      method: 'DELETE',
      body: 'text',
      headers: {
        'x-kept': 'yes',
        'x-own': 'no',
        connection: 'keep-alive, x-own',
        'transfer-encoding': 'chunked',
      },
    });

    const seen = JSON.parse(answer.text) as { headers: object };
    expect(seen).toMatchObject({
      method: 'DELETE',
      url: '/a%20b?c=d&c=e',
      body: 'text',
      headers: { host: 'shop.test', 'x-kept': 'yes', connection: 'close', 'x-forwarded-for': '127.0.0.1' },
    });
    expect(seen.headers).not.toHaveProperty('x-own');
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  it('keeps the connection of a client after errors, empty answers and bodies that nobody read', async () => {
    serve = (incoming, response) => {
      // It answers before it has read the body, and ends when it has: Node would reset the connection otherwise.
      response.writeHead(incoming.url === '/none' ? 204 : 413).flushHeaders();
      incoming.resume().once('end', () => response.end());
    };
    const large = 'x'.repeat(300_000);

    expect((await ask('/none')).code).toBe(204);
    expect((await ask('/', { method: 'HEAD' })).code).toBe(413);
    expect((await ask('/', { method: 'POST', body: large })).code).toBe(413);
    proxy.use({ hosts: new Map() });
    expect((await ask('/', { method: 'POST', body: large })).code).toBe(404);
    expect((await ask('/')).text).toBe('sandbox gateway: no route\n');
  });

  it('reads on what a pod left of a body, so that the next request of the connection is found', async () => {
    const hasty = createTcpServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n');
      });
    }).listen(0, '127.0.0.1');
    await once(hasty, 'listening');
    proxy.use(tableTo((hasty.address() as AddressInfo).port));

    expect((await ask('/', { method: 'POST', body: 'x'.repeat(20_000_000) })).code).toBe(413);
    expect((await ask('/', { method: 'POST', body: 'y' })).code).toBe(413);
    hasty.close();
  });

  it('takes no more from a pod than the client reads', async () => {
    let written = 0;
    const part = Buffer.alloc(64 * 1024);
    serve = (_incoming, response) => {
      const write = (): void => {
        while (written < 200 * 1024 * 1024) {
          written += part.length;
          if (!response.write(part)) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
    };

    const { socket } = await raw('GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n');
    socket.pause();
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }

    expect(written).toBeLessThan(60 * 1024 * 1024);
    socket.destroy();
  });

  it('cuts off an answer that its pod does not finish, and ends the request of a client that has gone', async () => {
    let gone: Promise<unknown> | undefined;
    serve = (incoming, response) => {
      response.writeHead(200, { 'Content-Length': 100 }).write('part');
      if (incoming.url === '/cut') setImmediate(() => response.destroy());
      else gone = once(response, 'close');
    };

    const cut = await raw('GET /cut HTTP/1.1\r\nHost: shop.test\r\n\r\n');
    const other = await raw('GET /gone HTTP/1.1\r\nHost: shop.test\r\n\r\n');
    other.socket.destroy();

    expect(cut.first).toContain('200 OK');
    if (!cut.socket.closed) await once(cut.socket, 'close');
    await gone;
  });

  it('answers 502 for a pod that does not listen or ends without an answer, and asks no other', async () => {
    let asked = 0;
    serve = (_incoming, response) => {
      asked += 1;
      response.destroy();
    };
    expect((await ask('/')).code).toBe(502);
    expect(asked).toBe(1);

    proxy.use(tableTo(1));
    expect((await ask('/')).code).toBe(502);
  });

  it('answers 500 where a redirect cannot be written, and lives on', async () => {
    const match = { path: { type: 'PathPrefix' as const, value: '/' }, headers: [], query: [] };
    const filters = [{ type: 'redirect' as const, code: 302, host: 'a\nb' }];
    proxy.use({ hosts: new Map([['*', [{ match, filters, split: { key: 'all', shares: [] } }]]]) });

    expect((await ask('/')).code).toBe(500);
    expect((await ask('/')).code).toBe(500);
  });

  it('passes an upgrade through in both directions, and a refusal of it', async () => {
    serve = (_incoming, response) => response.writeHead(403).end('no upgrade');
    const upgrade = 'GET /chat HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
    const refused = await raw(upgrade);
    expect(refused.first).toContain('403 Forbidden');
    pod.on('upgrade', (incoming, socket: Duplex) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${incoming.headers.upgrade ?? ''}\r\n\r\n`,
      );
      socket.pipe(socket);
    });

    const { socket, first } = await raw(upgrade);
    expect(first).toMatch(/^HTTP\/1.1 101 /);
    expect(first).toContain('upgrade: echo');
    socket.write('hello');

    expect(String(await once(socket, 'data'))).toBe('hello');
    socket.destroy();
  });

  it('takes the next request of an open connection to the pod of the newest table', async () => {
    serve = (_incoming, response) => response.end('old');
    const other = createServer((_incoming, response) => response.end('new')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    expect((await ask('/')).text).toBe('old');

    proxy.use(tableTo((other.address() as AddressInfo).port));

    expect((await ask('/')).text).toBe('new');
    other.closeAllConnections();
    other.close();
  });
});
