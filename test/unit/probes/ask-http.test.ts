import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ForbiddenError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import { loadCredentials } from '../../../src/sandbox/api/credentials.ts';
import { askHttp, maxBodyBytes, type HttpProbe, type OpenHttp } from '../../../src/probes/ask-http.ts';

const { signal } = new AbortController();
const servers: Server[] = [];
const streams: { destroyed: boolean }[] = [];

afterEach(() => {
  streams.splice(0);
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const open: OpenHttp = async ({ host, port }) => {
  const stream = connect({ host, port });
  streams.push(stream);
  return { type: 'open', stream, to: host };
};

const ask = (url: string, more: Partial<HttpProbe> = {}, by = open) =>
  askHttp({ url: new URL(url), timeout: '2s', ...more }, by, { signal });

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

/** `POST a hello`: what came of a request that was redirected with a status, to the same origin or another one. */
async function redirected(status: number, method: string, elsewhere = false): Promise<string> {
  const target: RequestListener = (request, response) => {
    void bodyOf(request).then((body) =>
      response.setHeader('x-got', `${request.method ?? ''} ${String(request.headers['x-a'])} ${body}`).end(),
    );
  };
  const other = await listen(target);
  const url = await listen((request, response) => {
    if (request.url === '/to') target(request, response);
    else response.writeHead(status, { location: elsewhere ? `${other}/to` : '/to' }).end();
  });
  const probed = await ask(url, {
    method,
    headers: { 'X-A': 'a' },
    ...(method === 'GET' ? {} : { body: 'hello' }),
  });
  return probed.type === 'answered' ? (probed.answer.headers['x-got'] ?? '') : probed.reason;
}

describe('a redirect', () => {
  it('keeps the method and the body by 307 and 308', async () => {
    expect(await redirected(307, 'POST')).toBe('POST a hello');
    expect(await redirected(308, 'PUT')).toBe('PUT a hello');
  });

  it('makes a GET of a POST by 301 and 302, and of everything by 303', async () => {
    expect(await redirected(301, 'POST')).toBe('GET a');
    expect(await redirected(302, 'POST')).toBe('GET a');
    expect(await redirected(303, 'PUT')).toBe('GET a');
    expect(await redirected(301, 'PUT')).toBe('PUT a hello');
    expect(await redirected(302, 'PUT')).toBe('PUT a hello');
    expect(await redirected(303, 'HEAD')).toBe('HEAD a');
  });

  it('gives headers to no other origin', async () => {
    expect(await redirected(302, 'GET', true)).toBe('GET undefined');
    expect(await redirected(307, 'POST', true)).toBe('POST undefined hello');
  });

  it('is followed as often as is said, five times without it', async () => {
    const asked: string[] = [];
    const url = await listen((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(302, { location: `/${String(asked.length)}` }).end();
    });
    expect(await ask(url)).toMatchObject({ answer: { status: 302 }, url: new URL(`${url}/5`) });
    expect(asked.splice(0)).toHaveLength(6);
    await ask(url, { redirects: 1 });
    expect(asked.splice(0)).toHaveLength(2);
    await ask(url, { redirects: 0 });
    expect(asked).toHaveLength(1);
  });

  it.each([undefined, '', 'http://[', 'file:///etc/passwd', 'javascript:1'])(
    'to %p is an answer: it leads nowhere',
    async (location) => {
      const url = await listen((_, response) =>
        response.writeHead(302, location === undefined ? {} : { location }).end(),
      );
      expect(await ask(url)).toMatchObject({ type: 'answered', answer: { status: 302 } });
    },
  );

  it.each([200, 201, 300, 304])('is none with status %d', async (status) => {
    const url = await listen((_, response) => response.writeHead(status, { location: '/x' }).end());
    expect(await ask(url)).toMatchObject({ answer: { status }, url: new URL(url) });
  });
});

describe('an answer', () => {
  it('has its status, its headers, and the first MiB of its body', async () => {
    const url = await listen((_, response) => {
      response.setHeader('Set-Cookie', ['a=1', 'b=2']).end('x'.repeat(2 * maxBodyBytes));
    });
    const probed = await ask(url);
    if (probed.type !== 'answered') throw new Error(probed.reason);
    expect(probed.to).toBe('127.0.0.1');
    expect(probed.answer.headers['set-cookie']).toBe('a=1, b=2');
    expect(probed.answer.body).toHaveLength(1024 * 1024);
    expect(streams.map(({ destroyed }) => destroyed)).toEqual([true]);
  });

  it('has no body to HEAD', async () => {
    const url = await listen((_, response) => response.setHeader('content-length', 5).end());
    expect(await ask(url, { method: 'HEAD' })).toMatchObject({ answer: { status: 200, body: '' } });
  });
});

it('says who asks, and the host that is asked, unless a header says otherwise', async () => {
  const got: (string | undefined)[] = [];
  const url = await listen(({ headers, method }, response) => {
    got.push(method, headers.host, headers['user-agent'], headers.connection);
    response.end();
  });
  await ask(url);
  expect(got.splice(0)).toEqual(['GET', new URL(url).host, 'slipway', 'close']);
  await ask(url, { headers: { HOST: 'shop.example.com', 'User-Agent': 'me' } });
  expect(got).toEqual(['GET', 'shop.example.com', 'me', 'close']);
});

describe('an answer over TLS', () => {
  it('is believed of an address that the certificate names, and of no other', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-tls-'));
    try {
      const { caCertificate: ca, serverKey, serverCertificate } = await loadCredentials(folder);
      const server = createTlsServer({ key: serverKey, cert: serverCertificate }, (_, response) =>
        response.end(),
      );
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
      const port = String((server.address() as AddressInfo).port);
      expect(await ask(`https://127.0.0.1:${port}/`, { tls: { ca } })).toMatchObject({
        answer: { status: 200 },
      });
      const other = `https://127.0.0.2:${port}/`;
      expect(await ask(other, { tls: { ca } })).toMatchObject({
        type: 'failed',
        reason: expect.stringContaining("IP: 127.0.0.2 is not in the cert's list") as unknown,
      });
      expect(await ask(other, { tls: { ca, serverName: 'localhost' } })).toMatchObject({ type: 'answered' });
      expect(await ask(other, { tls: { insecure: true } })).toMatchObject({ type: 'answered' });
      expect(await ask(`https://127.0.0.1:${port}/`)).toMatchObject({ type: 'failed' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('what fails', () => {
  it('is thrown when no attempt can mend it, or it is a fault of our own', async () => {
    const forbidden = () => Promise.reject(new ForbiddenError('no right'));
    await expect(ask('http://web/', {}, forbidden)).rejects.toThrow('no right');
    const fault = () => Promise.reject(new TypeError('a fault'));
    await expect(ask('http://web/', {}, fault)).rejects.toThrow('a fault');
  });

  it('tells what changes the protocol', async () => {
    const server = await listen(() => undefined);
    servers[0]!.on('connect', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    expect(await ask(server, { method: 'CONNECT' })).toMatchObject({
      type: 'failed',
      reason: 'status 200, which changes to another protocol',
      isUnasked: false,
    });
  });

  it('was not asked when the cluster does not let a redirect through', async () => {
    const url = await listen((_, response) => response.writeHead(302, { location: 'http://login/' }).end());
    const away: OpenHttp = (to, call) =>
      to.host === 'login' ? Promise.reject(new UnreachableError('away')) : open(to, call);
    expect(await ask(url, {}, away)).toMatchObject({ reason: 'away', isUnasked: true });
    const silent: OpenHttp = (to, call) =>
      to.host === 'login'
        ? new Promise((_, reject) =>
            call.signal.addEventListener('abort', () => reject(call.signal.reason as Error)),
          )
        : open(to, call);
    expect(await ask(url, { timeout: '200ms' }, silent)).toMatchObject({
      reason: 'no answer within 200ms',
      isUnasked: true,
    });
  });
});
