import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { HttpMeasurement, Measured } from '../../../src/ports/measurements.ts';
import { createMeasurements } from '../../../src/probes/measure.ts';
import { FakeCluster } from '../../fakes/cluster.ts';

const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Answers each connection by hand once it has asked. */
async function listen(answer: (socket: Socket) => void, host = '127.0.0.1'): Promise<string> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}

const measurements = createMeasurements({
  cluster: new FakeCluster(),
  pods: { connect: () => Promise.reject(new Error('no pod is asked')) },
});
const never = new AbortController().signal;

function ask(url: string, more: Partial<HttpMeasurement> = {}, signal = never): Promise<Measured> {
  const common = { type: 'http', method: 'GET', headers: {}, requests: 1, timeout: '500ms' } as const;
  return measurements.measure({ ...common, status: '2xx', namespace: 'shop', url, ...more }, { signal });
}

function query(address: string, signal = never): Promise<Measured> {
  const common = { type: 'prometheus', query: 'up', headers: {}, namespace: 'shop' } as const;
  return measurements.measure({ ...common, timeout: '2s', address }, { signal });
}

/** Writes for ever, as fast as it is read. */
function pour(socket: Socket, chunk: Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

const text = 'HTTP/1.1 200 OK\r\n';
const value = '{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}';

describe('an application that answers oddly', () => {
  it.each<[string, string | ((socket: Socket) => void), number]>([
    ['no length, and closes', 'HTTP/1.0 200 OK\r\n\r\nhello', 0],
    ['an endless body', (socket) => pour(socket, Buffer.alloc(65_536)), 0],
    ['a body that does not go on', `${text}content-length: 10\r\n\r\nabc`, 1],
    ['less than it says', (socket) => socket.end(`${text}content-length: 10\r\n\r\nabc`), 1],
    ['no HTTP', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), 1],
    ['nothing', (socket) => socket.end(), 1],
    ['a reset', (socket) => socket.resetAndDestroy(), 1],
    ['a header of a megabyte', `${text}x: ${'a'.repeat(1_000_000)}\r\n\r\n`, 1],
    ['headers for ever', (socket) => pour(socket, Buffer.from('x: aaaaaaaaaaaaaaaaaa\r\n')), 1],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 1],
    ['itself as a redirect', 'HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n', 1],
    [
      'a redirect to a file',
      'HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n',
      1,
    ],
  ])('with %s, is counted', async (_, answer, failed) => {
    const url = await listen((socket) => {
      if (typeof answer === 'string') {
        socket.write(answer);
        if (answer.startsWith('HTTP/1.0')) socket.end();
        return;
      }
      if (failed === 0 || answer.toString().includes('x: '))
        socket.write(`${text}${failed === 0 ? '\r\n' : ''}`);
      answer(socket);
    });
    expect(await ask(url)).toMatchObject({ type: 'value', value: { requests: 1, failed } });
  });

  it('is reached by an IPv6 address', async () => {
    const url = await listen((socket) => socket.end(`${text}\r\n`), '::1');
    expect(await ask(url)).toMatchObject({ value: { failed: 0 } });
  });

  it('is taken by its own status, where a redirect is wanted', async () => {
    const url = await listen((socket) =>
      socket.end('HTTP/1.1 302 Found\r\nlocation: http://web.invalid/\r\n\r\n'),
    );
    expect(await ask(url, { status: [302] })).toMatchObject({ value: { failed: 0 } });
  });

  it('gets the length of a body with every method', async () => {
    let got = '';
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        got += data.toString();
        if (got.endsWith('hello')) socket.end(`${text}\r\n`);
      });
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    expect(await ask(url, { body: 'hello' })).toMatchObject({ value: { failed: 0 } });
    expect(got.toLowerCase()).toContain('content-length: 5\r\n');
  });
});

describe('a Prometheus that answers oddly', () => {
  const body = (bytes: Buffer | string, headers = '') =>
    listen((socket) => {
      socket.write(`${text}${headers}\r\n`);
      socket.end(bytes);
    });

  it('has a value without a length, and after a redirect', async () => {
    const url = await body(value);
    expect(await query(url)).toMatchObject({ value: [7] });
    const moved = await listen((socket) => socket.end(`HTTP/1.1 307 Moved\r\nlocation: ${url}/x\r\n\r\n`));
    expect(await query(moved)).toMatchObject({ value: [7] });
  });

  it('is an error when it is too large, compressed, or a value is none', async () => {
    const many = `{"status":"success","data":{"resultType":"vector","result":[${'{"value":[1,"7"]},'.repeat(100_000)}`;
    expect(await query(await body(many))).toEqual({
      type: 'error',
      reason: expect.stringMatching(/^http:.* answered more than 1 MiB$/) as unknown,
    });
    expect(await query(await body(gzipSync(value), 'content-encoding: gzip\r\n'))).toMatchObject({
      type: 'error',
      reason: expect.stringContaining('not as Prometheus does') as unknown,
    });
    expect(await query(await body(value.replace('"7"', '""')))).toMatchObject({ value: [NaN] });
  });
});

describe('a run that is cancelled while it measures', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['nothing is answered', () => undefined],
    ['a body does not end', (socket) => socket.write(`${text}content-length: 10\r\n\r\nabc`)],
  ])('ends at once, though %s', async (_, answer) => {
    for (const measure of [
      (url: string, signal: AbortSignal) => ask(url, { timeout: '1m' }, signal),
      (url: string, signal: AbortSignal) => query(url, signal),
      (url: string, signal: AbortSignal) => query(url.replace('http:', 'https:'), signal),
    ]) {
      const cancelled = new AbortController();
      const reason = new Error('cancelled');
      const url = await listen((socket) => {
        answer(socket);
        setImmediate(() => cancelled.abort(reason));
      });
      await expect(measure(url, cancelled.signal)).rejects.toBe(reason);
    }
  });
});
