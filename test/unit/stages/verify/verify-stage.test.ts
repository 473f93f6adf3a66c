import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import type { Agent, Step } from '../../../../src/ports/agent.ts';
import { ForbiddenError } from '../../../../src/ports/cluster-errors.ts';
import type { RunEvent } from '../../../../src/ports/events.ts';
import type { StageContext } from '../../../../src/ports/stage.ts';
import { verifySettings } from '../../../../src/stages/verify/settings.ts';
import { verifyStage, type VerifyDependencies } from '../../../../src/stages/verify/verify-stage.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let handler: Handler;
let port: number;
let asked: string[];
let events: Extract<RunEvent, { type: 'verify.attempt' }>[];
let cluster: FakeCluster;

beforeEach(async () => {
  asked = [];
  events = [];
  handler = (_request, response) => response.end('fine');
  server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    handler(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  cluster = new FakeCluster();
  const metadata = { name: 'web', namespace: 'shop' };
  cluster.put({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] } } as never);
  cluster.put({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
    ports: [{ port: 8080 }],
    endpoints: ['web-1', 'web-2'].map((name) => ({ targetRef: { kind: 'Pod', name } })),
  } as never);
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const forwarded: string[] = [];

/** Every port of every pod is the test's server. */
async function toServer(pod: { namespace: string; pod: string }, podPort: number): Promise<Socket> {
  forwarded.push(`${pod.namespace}/${pod.pod}:${String(podPort)}`);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

function verify(
  settings: object,
  more: Partial<StageContext> & { pods?: { connect: typeof toServer } } = {},
) {
  const { pods = { connect: toServer }, ...context } = more;
  forwarded.length = 0;
  const rollBack = {} as VerifyDependencies['rollBack']; // not asked for here: roll-back.test.ts
  const stage = verifyStage({ cluster, pods, rollBack });
  return stage.run({ verify: verifySettings.parse(settings) }, {
    run: { id: 'r', pipeline: 'web', namespace: 'shop' },
    stage: { name: 'smoke', attempt: 1 },
    emit: async (event: RunEvent) => void events.push(event as (typeof events)[number]),
    clock: new VirtualClock(),
    signal: new AbortController().signal,
    offsets: {},
    saveOffset: () => undefined,
    outputs: {},
    ...context,
  } as StageContext);
}

describe('the verify stage with http', () => {
  it('asks a ready pod behind the Service, on its own port', async () => {
    const result = await verify({
      http: { url: 'http://web.shop/healthz?full=1', expect: { body: 'fine' } },
    });

    expect(result).toMatchObject({ outcome: 'succeeded', outputs: { attempts: '1' } });
    expect(asked).toEqual(['GET /healthz?full=1']);
    expect(forwarded).toEqual(['shop/web-1:8080']);
  });

  it('asks hosts outside directly', async () => {
    const result = await verify({ http: { url: `http://127.0.0.1:${String(port)}/` } });

    expect(result.outcome).toBe('succeeded');
    expect(forwarded).toEqual([]);
  });

  it('tries again, another pod each time, and tells every attempt', async () => {
    handler = (_request, response) => response.writeHead(asked.length < 3 ? 503 : 200).end('x');

    const result = await verify({ http: { url: 'http://web.shop/' }, retries: 5 });

    expect(result).toMatchObject({ outcome: 'succeeded', outputs: { attempts: '3' } });
    expect(forwarded).toEqual(['shop/web-1:8080', 'shop/web-2:8080', 'shop/web-1:8080']);
    expect(events.map(({ attempt, passed }) => [attempt, passed])).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ]);
  });

  it('fails with what was expected and what was got', async () => {
    handler = (_request, response) => response.end('version 1');

    const result = await verify({
      http: { url: 'http://web.shop/', expect: { body: 'version 2' } },
      retries: 1,
    });

    expect(result).toMatchObject({
      outcome: 'failed',
      message: 'http://web.shop/ (pod web-2): expected a body with "version 2", got "version 1" (2 attempts)',
    });
  });

  it('sends method, headers and body, and takes secret headers from secrets', async () => {
    let got = '';
    let authorization: string | undefined;
    handler = (request, response) => {
      authorization = request.headers.authorization;
      request.on('data', (chunk: Buffer) => (got += chunk.toString()));
      request.on('end', () => response.writeHead(201).end());
    };
    const secrets = { read: async () => new Map([['token', Buffer.from('Bearer abc\n')]]) };
    const http = {
      url: 'http://web.shop/orders',
      method: 'POST',
      headers: { Authorization: { secret: 'api' } },
      body: '{"id":1}',
      expect: { status: 201 },
    };

    const result = await verify({ http }, { secrets });

    expect(result.outcome).toBe('succeeded');
    expect([asked, got, authorization]).toEqual([['POST /orders'], '{"id":1}', 'Bearer abc']);
  });

  it('follows redirects, and takes no headers of the file to another origin', async () => {
    const seen: (string | undefined)[] = [];
    handler = (request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/a') response.writeHead(302, { location: '/b' }).end();
      else if (request.url === '/b')
        response.writeHead(307, { location: `http://127.0.0.1:${String(port)}/c` }).end();
      else response.end('there');
    };

    const http = { url: 'http://web.shop/a', headers: { authorization: 'x' }, expect: { body: 'there' } };
    const result = await verify({ http });

    expect(result.outcome).toBe('succeeded');
    expect(asked).toEqual(['GET /a', 'GET /b', 'GET /c']);
    expect(seen).toEqual(['x', 'x', undefined]);
  });

  it('ends a circle of redirects', async () => {
    handler = (_request, response) => response.writeHead(302, { location: '/' }).end();

    const result = await verify({ http: { url: 'http://web.shop/', redirects: 3 } });

    expect(result.message).toMatch(/expected status 2xx, got 302/);
    expect(asked).toHaveLength(4);
  });

  it('gives an answer up that does not come in time', async () => {
    handler = () => undefined;

    const result = await verify({ http: { url: 'http://web.shop/', timeout: '100ms' } });

    expect(result.message).toBe('http://web.shop/: no answer within 100ms');
  });

  it('tells a connection that breaks', async () => {
    handler = (request) => request.socket.destroy();

    const result = await verify({ http: { url: 'http://web.shop/' } });

    expect(result).toMatchObject({ outcome: 'failed', message: expect.stringContaining('socket hang up') });
  });

  it('reads no more of a body without end than it needs', async () => {
    handler = (_request, response) => {
      const more = () => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    };

    const result = await verify({ http: { url: 'http://web.shop/', expect: { body: 'y' } } });

    expect(result.message).toMatch(/expected a body with "y", got "x+ …"/);
  });

  it('does not try again what it may not do', async () => {
    const pods = { connect: () => Promise.reject(new ForbiddenError('cannot create pods/portforward')) };

    await expect(verify({ http: { url: 'http://web.shop/' }, retries: 3 }, { pods })).rejects.toThrow(
      'portforward',
    );
  });

  it('ends at once when it is cancelled', async () => {
    handler = () => undefined;
    const controller = new AbortController();
    const running = verify({ http: { url: 'http://web.shop/' } }, { signal: controller.signal });
    setImmediate(() => controller.abort(new Error('stop')));

    await expect(running).rejects.toThrow('stop');
  });
});

describe('the verify stage with tcp', () => {
  it('passes when the connection stays', async () => {
    expect((await verify({ tcp: { host: 'web.shop', port: 80 } })).outcome).toBe('succeeded');
  });

  it('fails when the connection is broken off at once, as a forwarded port does that nobody listens on', async () => {
    const closing = createTcpServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(closing, 'listening');
    const to = (closing.address() as AddressInfo).port;
    try {
      const result = await verify({ tcp: { host: '127.0.0.1', port: to } });

      expect(result).toMatchObject({ outcome: 'failed', message: expect.stringContaining('closed at once') });
    } finally {
      closing.close();
    }
  });

  it('says that a port refuses connections', async () => {
    const free = createTcpServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const to = (free.address() as AddressInfo).port;
    free.close();
    await once(free, 'close');

    const result = await verify({ tcp: { host: '127.0.0.1', port: to } });

    expect(result.message).toBe(
      `127.0.0.1:${String(to)}: 127.0.0.1 refuses connections on port ${String(to)}`,
    );
  });
});

describe('the verify stage with a script', () => {
  const agentOf = (exitCodes: number[], steps: Step[]): Agent => {
    const agent: Partial<Agent> = {
      runStep: (step) => {
        steps.push(step);
        const exitCode = exitCodes.shift() ?? 0;
        return Promise.resolve({ type: 'exited', exitCode, outputs: {}, environment: {}, logBytes: 0 });
      },
    };
    return agent as Agent;
  };

  it('runs it as a durable step of its own for each attempt', async () => {
    const steps: Step[] = [];
    const agent = agentOf([1, 0], steps);
    const more = {
      agent: async () => agent,
      workingDirectory: '/w',
      container: 'node',
      env: {},
    };

    const result = await verify({ script: { run: './smoke.sh' }, retries: 2 }, more);

    expect(result).toMatchObject({ outcome: 'succeeded', outputs: { attempts: '2' } });
    expect(steps.map(({ id }) => id)).toEqual(['smoke.1.verify-1', 'smoke.1.verify-2']);
    expect(steps[0]).toMatchObject({ script: './smoke.sh', shell: ['sh', '-e'], workingDirectory: '/w' });
  });

  it('fails with its exit code', async () => {
    const more = { agent: async () => agentOf([7], []), workingDirectory: '/w', container: 'node', env: {} };

    expect((await verify({ script: { run: 'x' } }, more)).message).toBe(
      'the script: expected exit code 0, got 7',
    );
  });
});

describe('verifySettings', () => {
  it.each([
    [{}, /exactly one of http, tcp, script/],
    [{ http: { url: 'http://a/' }, tcp: { host: 'a', port: 1 } }, /exactly one/],
    [{ http: { url: 'ftp://a/' } }, /Invalid/],
    [{ http: { url: 'http://a/', expect: { body: { matches: '(' } } } }, /regular expression/],
    [{ tcp: { host: 'a', port: 70_000 } }, /65535/],
  ])('refuses %j', (settings, message) => {
    expect(() => verifySettings.parse(settings)).toThrow(message);
  });
});
