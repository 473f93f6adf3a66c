import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { openHttpClients } from '../../src/adapters/http/open-http-client.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { HttpClient, HttpRequest } from '../../src/ports/http.ts';
import { RegistryError } from '../../src/ports/registry.ts';
import { ScriptedHttp } from '../fakes/scripted-http.ts';
import { startHttpServer, type HttpAnswer, type ReceivedRequest } from '../support/http-faults.ts';

const signal = AbortSignal.timeout(120_000);
const ok = (body = 'fine'): HttpAnswer => ({ type: 'answer', status: 200, body });
const status = (code: number, headers: Record<string, string> = {}): HttpAnswer => ({
  type: 'answer',
  status: code,
  headers,
  body: 'no',
});
const redirect = (code: number, location: string) => status(code, { location });

/** A client and two servers that it reaches. */
interface Place {
  client: HttpClient;
  sleeps: number[];
  servers: [Server, Server];
  close(): Promise<void>;
}
interface Server {
  url: string;
  received: () => ReceivedRequest[];
  answer: (path: string, ...answers: HttpAnswer[]) => void;
}

function quickClock() {
  const sleeps: number[] = [];
  const clock: Clock = {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    sleep: (ms, options) => {
      options.signal.throwIfAborted();
      sleeps.push(ms);
      return Promise.resolve();
    },
  };
  return { sleeps, clock };
}

const places: Record<string, () => Promise<Place>> = {
  'the fake': () => {
    const http = new ScriptedHttp();
    const { clock, sleeps } = quickClock();
    const server = (url: string): Server => ({
      url,
      received: () => http.received.filter(({ headers }) => headers['host'] === new URL(url).host),
      answer: (path, ...answers) => http.answer(`${url}${path}`, ...answers),
    });
    const client = http.client(clock);
    return Promise.resolve({
      client,
      sleeps,
      servers: [server('http://one.example.com'), server('http://two.example.com')],
      close: () => client.close(),
    });
  },
  'the network': async () => {
    const { clock, sleeps } = quickClock();
    const servers = [await startHttpServer(), await startHttpServer()] as const;
    const client = openHttpClients(clock, {})();
    const [one, two] = servers.map(({ url, received, answer }) => ({
      url,
      received: () => received,
      answer,
    }));
    return {
      client,
      sleeps,
      servers: [one!, two!],
      close: async () => {
        await client.close();
        for (const server of servers) await server.close();
      },
    };
  },
};

async function* failing(error: Error): AsyncGenerator<Buffer> {
  yield Buffer.from('some');
  await Promise.reject(error);
}

describe.each(Object.keys(places))('an HTTP client on %s', (name) => {
  let place: Place | undefined;
  const start = async () => {
    place = await places[name]!();
    const { client, servers, sleeps } = place;
    const [one, two] = servers;
    const ask = (path: string, more: Partial<HttpRequest> = {}) =>
      client.send({ method: 'GET', url: `${one.url}${path}`, ...more }, { signal });
    return { client, one, two, ask, sleeps };
  };
  afterEach(async () => {
    await place?.close();
  });

  it('gives the answer of any status, with headers and body', async () => {
    const { one, ask } = await start();
    one.answer('/a', { type: 'answer', status: 404, headers: { 'x-words': 'b' }, body: 'none' });

    const response = await ask('/a', { headers: { Accept: 'text/plain' } });

    expect(response).toMatchObject({ status: 404, url: new URL(`${one.url}/a`) });
    expect(response.headers['x-words']).toBe('b');
    expect(await response.text()).toBe('none');
    expect(one.received()[0]).toMatchObject({
      method: 'GET',
      headers: { accept: 'text/plain', 'user-agent': 'slipway' },
    });
  });

  it('streams bodies up and down', async () => {
    const { one, ask } = await start();
    one.answer('/echo', { type: 'echo' });
    const text = 'abcdefgh'.repeat(40_000);
    const body = () => Readable.from([text.slice(0, 100_000), text.slice(100_000)], { objectMode: false });

    const response = await ask('/echo', { method: 'PUT', body });

    expect(await response.text()).toBe(text);
  });

  it('tries again after 5xx, 429 and broken connections, with the body anew and as late as the server asks', async () => {
    const { one, ask, sleeps } = await start();
    one.answer('/a', status(503), status(429, { 'retry-after': '7' }), { type: 'breaks' }, { type: 'echo' });

    const response = await ask('/a', { method: 'PUT', body: () => Readable.from(['again']) });

    expect(await response.text()).toBe('again');
    expect(one.received().map(({ body }) => body)).toEqual(['again', 'again', 'again', 'again']);
    expect(sleeps).toHaveLength(3);
    expect(sleeps[0]).toBeGreaterThanOrEqual(150);
    expect(sleeps[0]).toBeLessThanOrEqual(300);
    expect(sleeps[1]).toBe(7000);
  });

  it('gives the last answer, or says why there is none, when the attempts are used up', async () => {
    const { one, ask } = await start();
    one.answer('/a', status(500));
    one.answer('/b', { type: 'breaks' });

    const response = await ask('/a', { attempts: 2 });
    await response.discard();
    const failure = ask('/b?token=hidden', { attempts: 2, credentials: { authorization: 'Bearer hidden' } });

    expect(response.status).toBe(500);
    await expect(failure).rejects.toMatchObject({ code: 'http', problem: 'unreachable' });
    await expect(failure).rejects.toThrow(`GET ${one.url}/b: `);
    await expect(failure).rejects.not.toThrow('hidden');
    expect(one.received()).toHaveLength(4);
  });

  it.each(['POST', 'PATCH'] as const)('does not repeat %s, unless it is told to', async (method) => {
    const { one, ask } = await start();
    one.answer('/a', status(503), ok());

    const first = await ask('/a', { method });
    await first.discard();
    one.answer('/a', status(503), ok());
    const second = await ask('/a', { method, attempts: 2 });
    await second.discard();

    expect([first.status, second.status]).toEqual([503, 200]);
  });

  it('spares a server that fails most of the time', async () => {
    const { one, ask } = await start();
    one.answer('/a', status(503));

    for (let i = 0; i < 20; i += 1) await (await ask('/a')).discard();

    // 20 times 4 attempts without a budget.
    expect(one.received().length).toBeLessThan(35);
  });

  it('follows redirects and gives secrets to the first origin alone', async () => {
    const { one, two, ask } = await start();
    one.answer('/a', redirect(302, '/b'));
    one.answer('/b', redirect(307, `${two.url}/c`));
    two.answer('/c', redirect(302, `${one.url}/d`));
    one.answer('/d', ok());

    const response = await ask('/a', {
      headers: { 'x-open': '1', Cookie: 'secret' },
      credentials: { authorization: 'secret', 'Private-Token': 'secret' },
    });

    expect(await response.text()).toBe('fine');
    expect(response.url.href).toBe(`${one.url}/d`);
    const seen = [...one.received(), ...two.received()].map(({ path, headers }) => [
      path,
      headers['x-open'],
      headers['authorization'],
      headers['private-token'],
      headers['cookie'],
    ]);
    expect(seen).toEqual([
      ['/a', '1', 'secret', 'secret', 'secret'],
      ['/b', '1', 'secret', 'secret', 'secret'],
      ['/d', '1', undefined, undefined, undefined],
      ['/c', '1', undefined, undefined, undefined],
    ]);
  });

  it.each([
    [302, false, 'GET', ''],
    [303, false, 'GET', ''],
    [307, false, 'POST', 'words'],
    [302, true, 'POST', 'words'],
  ])(
    'sends a redirected POST on as browsers do, or as it is told: %s',
    async (code, keepMethod, method, body) => {
      const { one, ask } = await start();
      one.answer('/a', redirect(code, '/b'));
      one.answer('/b', ok());

      const response = await ask('/a', {
        method: 'POST',
        body: () => Buffer.from('words'),
        redirects: { keepMethod },
      });
      await response.discard();

      expect(one.received()[1]).toMatchObject({ method, body });
    },
  );

  it('ends a circle of redirects, and does not try it again', async () => {
    const { one, ask } = await start();
    one.answer('/a', redirect(302, '/a'));

    await expect(ask('/a', { redirects: { atMost: 3 } })).rejects.toMatchObject({ problem: 'redirects' });
    expect(one.received()).toHaveLength(4);
  });

  it('does not follow to what is no HTTP address', async () => {
    const { one, ask } = await start();
    one.answer('/a', redirect(302, 'file:///etc/passwd'));

    await expect(ask('/a')).rejects.toMatchObject({ problem: 'invalid' });
  });

  it('fails a body that is larger than allowed, and no smaller one', async () => {
    const { one, ask } = await start();
    one.answer('/a', ok('x'.repeat(200_000)));

    const large = await ask('/a', { maxBodyBytes: 199_999 });
    const small = await ask('/a', { maxBodyBytes: 200_000 });

    await expect(large.text()).rejects.toMatchObject({ problem: 'too-large' });
    expect((await small.text()).length).toBe(200_000);
  });

  it('fails a body that breaks off, instead of giving a part of it', async () => {
    const { one, ask } = await start();
    one.answer('/a', { type: 'breaks', body: 'half' });

    const response = await ask('/a');

    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toMatchObject({ problem: 'broken' });
  });

  it('ends a silence before the answer and inside it', async () => {
    const { one, ask } = await start();
    one.answer('/a', { type: 'answer', status: 200, delayMs: 30_000 });
    one.answer('/b', { type: 'stalls', body: 'half' });

    await expect(ask('/a', { attempts: 1, silenceMs: 200 })).rejects.toMatchObject({ problem: 'timeout' });
    const response = await ask('/b', { silenceMs: 200 });
    await expect(response.text()).rejects.toMatchObject({ problem: 'timeout' });
  });

  it('ends when its time is over, in the answer too', async () => {
    const { one, ask } = await start();
    one.answer('/a', { type: 'answer', status: 200, delayMs: 30_000 });
    one.answer('/b', { type: 'stalls', body: 'half' });

    await expect(ask('/a', { timeoutMs: 200 })).rejects.toMatchObject({ problem: 'timeout' });
    const response = await ask('/b', { timeoutMs: 500 });
    await expect(response.text()).rejects.toMatchObject({ problem: 'timeout' });
  });

  it('ends with the reason when it is cancelled', async () => {
    const { one, client } = await start();
    one.answer('/a', { type: 'answer', status: 200, delayMs: 30_000 });
    const controller = new AbortController();

    const sent = client.send({ method: 'GET', url: `${one.url}/a` }, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 50);

    await expect(sent).rejects.toThrow('enough');
  });

  it.each(['ftp://one.example.com/', 'no address', 'http://robot:hidden@one.example.com/'])(
    'refuses %s without repeating it',
    async (url) => {
      const { client } = await start();

      const sent = client.send({ method: 'GET', url }, { signal });

      await expect(sent).rejects.toMatchObject({ problem: 'invalid' });
      await expect(sent).rejects.not.toThrow('hidden');
    },
  );

  it('gives the own error of a body that cannot be read, and does not try it again', async () => {
    const { one, ask, sleeps } = await start();
    one.answer('/a', { type: 'echo' });
    const error = new RegistryError('invalid', 'the layer is not what it should be');
    const body = () => Readable.from(failing(error));

    await expect(ask('/a', { method: 'PUT', body })).rejects.toBe(error);
    expect(sleeps).toEqual([]);
  });

  it('refuses a header that is none, and does not try it again', async () => {
    const { ask, sleeps } = await start();

    const sent = ask('/a', { credentials: { authorization: 'hid\nden' } });

    await expect(sent).rejects.toMatchObject({ problem: 'invalid' });
    await expect(sent).rejects.not.toThrow('den');
    expect(sleeps).toEqual([]);
  });

  it('says that nobody answers', async () => {
    const { ask } = await start();

    const sent = ask('', { url: 'http://127.0.0.1:1/x', attempts: 1 });

    await expect(sent).rejects.toThrow(/^GET http:\/\/127\.0\.0\.1:1\/x: .*ECONNREFUSED/);
  });
});

describe('the HTTP client on the network', () => {
  it('reads no faster than its user', async () => {
    let sent = 0;
    const server = createServer((_request, response) => {
      const more = () => {
        while (sent < 64 * 1024 * 1024) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
    const client = openHttpClients(quickClock().clock, {})();

    const { body } = await client.send({ method: 'GET', url, maxBodyBytes: Infinity }, { signal });
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }

    expect(sent).toBeLessThan(32 * 1024 * 1024);
    body.destroy();
    await client.close();
    server.closeAllConnections();
    server.close();
  });

  it('goes by the proxy of the environment, but for loopback and what NO_PROXY names', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end('by the proxy');
    });
    proxy.on('connect', (request, socket) => {
      asked.push(`http://${request.url ?? ''}/`);
      socket.end('HTTP/1.1 502 no\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const direct = await startHttpServer();
    direct.answer('/x', ok());
    const environment = {
      HTTP_PROXY: `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`,
      no_proxy: 'intern.invalid',
    };
    const client = openHttpClients(quickClock().clock, environment)();
    const ask = async (url: string) => {
      const response = await client.send({ method: 'GET', url, attempts: 1 }, { signal });
      await response.discard();
    };

    await ask(`${direct.url}/x`);
    await ask('http://extern.invalid/').catch(() => undefined);
    await expect(ask('http://intern.invalid/')).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);

    expect(direct.received).toHaveLength(1);
    expect(asked.map((url) => new URL(url).hostname)).toEqual(['extern.invalid']);
    await client.close();
    await direct.close();
    proxy.closeAllConnections();
    proxy.close();
  });

  it('does not repeat the address of a proxy, which may hold a password', async () => {
    const client = openHttpClients(quickClock().clock, { HTTP_PROXY: 'http://robot:hidden@[' })();

    const sent = client.send({ method: 'GET', url: 'http://one.example.com/' }, { signal });

    await expect(sent).rejects.toMatchObject({ problem: 'invalid' });
    await expect(sent).rejects.not.toThrow('hidden');
    await client.close();
  });
});
