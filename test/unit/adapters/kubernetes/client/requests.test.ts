import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'undici';
import type { Connection } from '../../../../../src/adapters/kubernetes/client/connection.ts';
import { Requests } from '../../../../../src/adapters/kubernetes/client/requests.ts';
import { KubernetesCluster } from '../../../../../src/adapters/kubernetes/cluster.ts';
import { ClusterError, UnreachableError } from '../../../../../src/ports/cluster-errors.ts';
import { waitFor } from '../../../../support/wait-for.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let requests: Requests;
const seen: string[] = [];
let forgotten = 0;

afterEach(async () => {
  requests.stop();
  await requests.connection.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  seen.length = 0;
  forgotten = 0;
});

/** A client of an API whose answers are given one after the other; the last one again and again. */
async function client(
  handlers: readonly Handler[],
  settings: { retryBudgetMs?: number; attemptMs?: number } = {},
) {
  let count = 0;
  server = createServer((request, response) => {
    const handler = handlers[Math.min(count, handlers.length - 1)]!;
    count += 1;
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => handler(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const dispatcher = new Agent();
  const connection: Connection = {
    name: 'test',
    server: `http://127.0.0.1:${String(port)}`,
    namespace: 'default',
    dispatcher,
    headers: async () => ({}),
    socketOptions: async () => ({ headers: {} }),
    forgetCredentials: () => (forgotten += 1),
    close: () => dispatcher.destroy(),
  };
  requests = new Requests(connection, { retryBudgetMs: 10_000, attemptMs: 5000, ...settings });
  return new KubernetesCluster(requests);
}

const answer =
  (status: number, body: unknown, headers: Record<string, string | string[]> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
const reset: Handler = (request) => void request.socket.destroy();
const never: Handler = () => undefined;
const options = () => ({ signal: AbortSignal.timeout(20_000) });
const configMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'x', namespace: 'n' },
  data: { a: '1' },
};
const storedMap = { ...configMap, metadata: { ...configMap.metadata, uid: 'u', resourceVersion: '5' } };
const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', namespace: 'n' };

describe('requests', () => {
  it('are repeated after resets, 500 and 503', async () => {
    const cluster = await client([reset, answer(500, {}), answer(503, {}), answer(200, storedMap)]);

    await expect(cluster.get(reference, options())).resolves.toMatchObject({ data: { a: '1' } });
    expect(seen).toHaveLength(4);
  });

  it('wait as long as Retry-After says', async () => {
    const cluster = await client([answer(429, {}, { 'retry-after': '1' }), answer(200, storedMap)]);
    const startedAt = performance.now();

    await cluster.get(reference, options());

    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  it('are begun anew when an answer stalls', async () => {
    const cluster = await client([never, answer(200, storedMap)], { attemptMs: 100 });

    await expect(cluster.get(reference, options())).resolves.toBeDefined();
  });

  it('that are writes are asked about before each attempt, and kept back by what is thrown', async () => {
    const cluster = await client([reset, answer(201, storedMap)]);
    const asked: number[] = [];
    const lost = new Error('the lease is lost');
    const beforeWrite = async () => {
      asked.push(seen.length);
      if (asked.length > 2) throw lost;
    };

    await cluster.get(reference, { ...options(), beforeWrite }).catch(() => undefined);
    expect(asked).toEqual([]);
    seen.length = 0;
    await cluster.create(configMap, { ...options(), beforeWrite });
    expect(asked).toEqual([0]);
    await expect(cluster.create(configMap, { ...options(), beforeWrite })).resolves.toBeDefined();
    await expect(cluster.create(configMap, { ...options(), beforeWrite })).rejects.toBe(lost);
    expect(seen).toEqual(Array.from({ length: 2 }, () => 'POST /api/v1/namespaces/n/configmaps'));
  });

  it('that are repeated writes are asked about again', async () => {
    const cluster = await client([reset, answer(503, {}), answer(201, storedMap)]);
    const asked: number[] = [];

    await cluster.create(configMap, { ...options(), beforeWrite: async () => void asked.push(seen.length) });

    expect(asked).toEqual([0, 1, 2]);
  });

  it('tell what the server warns of, when it refuses, too', async () => {
    const warning = [
      '299 - "a is deprecated", 299 - "unknown field \\"b\\""',
      Buffer.from('299 - "naïve"').toString('latin1'),
    ];
    const cluster = await client([
      answer(200, storedMap, { warning }),
      answer(422, { message: 'no' }, { warning: '299 - "c"' }),
      answer(200, storedMap, { warning }),
    ]);
    const told: string[] = [];
    const onWarning = (text: string) => void told.push(text);

    await cluster.apply(configMap, { ...options(), onWarning });
    await cluster.apply(configMap, { ...options(), onWarning }).catch(() => undefined);
    await cluster.apply(configMap, options());

    expect(told).toEqual(['a is deprecated', 'unknown field "b"', 'naïve', 'c']);
  });

  it('that are urgent reads are begun anew long before the limit of an attempt', async () => {
    const cluster = await client([never, answer(200, storedMap)], { attemptMs: 60_000 });

    await expect(cluster.get(reference, { ...options(), priority: 'urgent' })).resolves.toBeDefined();
  });

  it('that are urgent reads get more time from attempt to attempt, where the whole API server is slow', async () => {
    const late: Handler = (_, response) => {
      setTimeout(() => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(storedMap));
      }, 6000).unref();
    };
    const cluster = await client([late], { attemptMs: 60_000, retryBudgetMs: 60_000 });

    await expect(cluster.get(reference, { ...options(), priority: 'urgent' })).resolves.toBeDefined();
    expect(seen).toHaveLength(2);
  }, 30_000);

  it('that are writes are asked about again after a long wait for their turn, and then go first', async () => {
    const held: ServerResponse[] = [];
    const slow: Handler = (_, response) => void held.push(response);
    const cluster = await client([...Array.from({ length: 40 }, () => slow), answer(201, storedMap)]);
    const reads = Array.from({ length: 40 }, () => cluster.get(reference, options()));
    await waitFor('all turns to be taken', async () => (held.length === 40 ? true : undefined));
    const asked: number[] = [];
    const beforeWrite = async () => void asked.push(performance.now());

    const written = cluster.create(configMap, { ...options(), beforeWrite });
    await waitFor('a while', async () => (performance.now() - asked[0]! > 1100 ? true : undefined));
    for (const response of held) answer(200, storedMap)(response.req, response, '');

    await written;
    await Promise.all(reads);
    expect(asked).toHaveLength(2);
  });

  it('end with a clear error when the budget is spent', async () => {
    const cluster = await client([answer(503, { message: 'etcd is down' })], { retryBudgetMs: 300 });

    await expect(cluster.get(reference, options())).rejects.toMatchObject({
      name: 'UnreachableError',
      message: expect.stringMatching(
        /cannot get configmaps "x" in namespace "n": etcd is down; gave up after \d+ attempts/,
      ),
    });
  });

  it('are not repeated when they are refused', async () => {
    const cluster = await client([answer(403, { message: 'no' })]);

    await expect(cluster.get(reference, options())).rejects.toMatchObject({ name: 'ForbiddenError' });
    expect(seen).toHaveLength(1);
  });

  it('are repeated when a server that had accepted them refuses them right after it was away', async () => {
    const refused = answer(403, { message: 'no' });
    const cluster = await client([
      ...[answer(200, storedMap), reset, refused, answer(401, {}), answer(200, storedMap), refused],
    ]);

    await cluster.get(reference, options());
    await expect(cluster.get(reference, options())).resolves.toBeDefined();
    expect(seen).toHaveLength(5);
  });

  it('ask for credentials once more after a 401', async () => {
    const cluster = await client([answer(401, {}), answer(200, storedMap)]);

    await expect(cluster.get(reference, options())).resolves.toBeDefined();
    expect(forgotten).toBe(1);
  });

  it('end at once when they are aborted', async () => {
    const cluster = await client([never]);
    const aborting = new AbortController();
    const pending = cluster.get(reference, { signal: aborting.signal });

    aborting.abort(new Error('enough'));

    await expect(pending).rejects.toThrow('enough');
  });

  it('take a creation whose answer was lost for done when it is there', async () => {
    const exists = answer(409, { reason: 'AlreadyExists', message: 'already exists' });
    const cluster = await client([reset, exists, answer(200, storedMap)]);

    await expect(cluster.create(configMap, options())).resolves.toMatchObject({ metadata: { uid: 'u' } });
  });

  it('take a replacement whose answer was lost for done when it is there', async () => {
    const modified = answer(409, { reason: 'Conflict', message: 'the object has been modified' });
    const cluster = await client([reset, modified, answer(200, storedMap)]);
    const metadata = { ...configMap.metadata, resourceVersion: '4' };

    await expect(cluster.replace({ ...configMap, metadata }, options())).resolves.toEqual(storedMap);
  });

  it('say that a replacement conflicts when nothing of it was lost', async () => {
    const modified = answer(409, { reason: 'Conflict', message: 'the object has been modified' });
    const cluster = await client([modified, answer(200, storedMap)]);

    await expect(cluster.replace(configMap, options())).rejects.toMatchObject({ name: 'ConflictError' });
  });

  it('take a deletion whose answer was lost for done when nothing is there', async () => {
    const gone = answer(404, { reason: 'NotFound', message: 'not found' });
    const cluster = await client([reset, gone]);

    await expect(cluster.delete(reference, options())).resolves.toBe(true);
  });

  it('do not take somebody else’s object for their own', async () => {
    const exists = answer(409, { reason: 'AlreadyExists', message: 'already exists' });
    const cluster = await client([reset, exists, answer(200, { ...storedMap, data: { a: 'theirs' } })]);

    await expect(cluster.create(configMap, options())).rejects.toMatchObject({ name: 'ConflictError' });
  });

  it('read long lists in pages, and begin anew when a page has expired', async () => {
    const page = (name: string, token?: string) =>
      answer(200, { items: [{ metadata: { name } }], metadata: { resourceVersion: '9', continue: token } });
    const cluster = await client([
      page('a', 'next'),
      answer(410, { reason: 'Expired' }),
      page('a', 'next'),
      page('b'),
    ]);

    const found = await cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'n' }, options());

    expect(found.map(({ metadata, kind }) => [metadata.name, kind])).toEqual([
      ['a', 'Pod'],
      ['b', 'Pod'],
    ]);
    expect(seen.at(-1)).toContain('continue=next');
  });

  it('discover an unknown kind once', async () => {
    const resources = {
      resources: [
        { name: 'widgets', kind: 'Widget', namespaced: true },
        { name: 'widgets/status', kind: 'Widget', namespaced: true },
      ],
    };
    const cluster = await client([answer(200, resources), answer(200, {})]);
    const widget = { apiVersion: 'x.io/v1', kind: 'Widget', name: 'w', namespace: 'n' };

    await cluster.get(widget, options());
    await cluster.get(widget, options());

    expect(seen).toEqual([
      'GET /apis/x.io/v1',
      ...Array<string>(2).fill('GET /apis/x.io/v1/namespaces/n/widgets/w'),
    ]);
  });
});

describe('reads whose first answer is lost', () => {
  const notServed = answer(404, { reason: 'NotFound', message: 'the server could not find it' });
  const scalers = ['v2', 'v1'].map((version) => ({
    apiVersion: `autoscaling/${version}`,
    kind: 'HorizontalPodAutoscaler',
  }));
  const v1 = answer(200, {
    resources: [{ name: 'horizontalpodautoscalers', kind: 'HorizontalPodAutoscaler', namespaced: true }],
  });
  const faults: [string, Handler][] = [
    ['dropped', reset],
    ['lost', (_, response) => void response.writeHead(200).write('{', () => response.destroy())],
    ['slow', never],
    ['answered by 500', answer(500, {})],
    ['answered by 503', answer(503, {})],
  ];

  it.each(faults)('%s: a group version that is not served is passed over', async (_, fault) => {
    const cluster = await client([fault, notServed, v1], { attemptMs: 200 });

    await expect(cluster.firstServed(scalers, options())).resolves.toMatchObject(scalers[1]!);
  });

  it.each(faults)('%s: an object that is not there is not there', async (_, fault) => {
    const cluster = await client([fault, notServed], { attemptMs: 200 });

    await expect(cluster.get(reference, options())).resolves.toBeUndefined();
  });

  it.each(faults)('%s: a refusal is told as one', async (_, fault) => {
    const cluster = await client([fault, answer(403, { message: 'no' })], { attemptMs: 200 });

    await expect(
      cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'n' }, options()),
    ).rejects.toBeInstanceOf(ClusterError);
  });

  it('says that the API did not answer when discovery is answered by something else', async () => {
    const cluster = await client([answer(200, { hello: 'proxy' })]);

    await expect(cluster.served(scalers[0]!, options())).rejects.toBeInstanceOf(UnreachableError);
  });

  it('does not end the discovery of one call with the cancellation of another', async () => {
    const cluster = await client([never, v1], { attemptMs: 200 });
    const aborting = new AbortController();
    const first = cluster.served(scalers[1]!, { signal: aborting.signal });
    const second = cluster.served(scalers[1]!, options());

    aborting.abort(new Error('enough'));

    await expect(first).rejects.toThrow('enough');
    await expect(second).resolves.toMatchObject(scalers[1]!);
  });
});
