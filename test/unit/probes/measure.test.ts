import { createServer, type RequestListener, type Server } from 'node:http';
import { connect as openSocket, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { InputError } from '../../../src/base/errors.ts';
import { NotFoundError, UnreachableError } from '../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { PodAccess } from '../../../src/ports/pod-access.ts';
import type { HttpMeasurement, Measured, PrometheusMeasurement } from '../../../src/ports/measurements.ts';
import { createMeasurements } from '../../../src/probes/measure.ts';
import { FakeCluster } from '../../fakes/cluster.ts';

const signal = AbortSignal.timeout(60_000);
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Listens on this machine, where no Service is. */
async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const measurements = createMeasurements({
  cluster: new FakeCluster(),
  pods: { connect: () => Promise.reject(new Error('no pod is asked')) },
});

function ask(url: string, more: Partial<HttpMeasurement> = {}): Promise<Measured> {
  const common = { type: 'http', method: 'GET', headers: {}, requests: 4, timeout: '2s' } as const;
  return measurements.measure({ ...common, status: '2xx', namespace: 'shop', url, ...more }, { signal });
}

function query(address: string, more: Partial<PrometheusMeasurement> = {}): Promise<Measured> {
  const common = { type: 'prometheus', query: 'up', headers: {}, timeout: '2s', namespace: 'shop' } as const;
  return measurements.measure({ ...common, address, ...more }, { signal });
}

describe('requests over HTTP', () => {
  it('count those with another status as failed, and name one', async () => {
    let count = 0;
    const url = await listen((_, response) => {
      count += 1;
      response.writeHead(count === 2 ? 503 : 204).end();
    });

    const measured = await ask(url);

    expect(measured).toMatchObject({
      type: 'value',
      value: { requests: 4, failed: 1, successRate: 0.75 },
    });
    expect((measured as { text: string }).text).toMatch(
      /^3 of 4 requests succeeded, p95 [\d.]+ ms; status 503$/,
    );
  });

  it('succeed with any 2xx, and with no other', async () => {
    for (const [status, failed] of [
      [200, 0],
      [299, 0],
      [300, 1],
    ] as const) {
      const url = await listen((_, response) => response.writeHead(status).end());
      expect(await ask(url, { requests: 1 })).toMatchObject({ value: { failed } });
    }
  });

  it('take the statuses that are wanted', async () => {
    const url = await listen((_, response) => response.writeHead(404).end());
    expect(await ask(url, { status: [404] })).toMatchObject({ value: { failed: 0 } });
  });

  it('send method, headers and body', async () => {
    let got = '';
    const url = await listen((request, response) => {
      request.on(
        'data',
        (chunk: Buffer) =>
          (got = `${request.method ?? ''} ${String(request.headers['x-a'])} ${chunk.toString()}`),
      );
      request.on('end', () => response.end());
    });
    await ask(url, { method: 'POST', headers: { 'X-A': '1' }, body: 'hello', requests: 1 });
    expect(got).toBe('POST 1 hello');
  });

  it('count one that is not answered in time as failed', async () => {
    const url = await listen(() => undefined);
    const measured = await ask(url, { requests: 1, timeout: '50ms' });
    expect(measured).toMatchObject({ value: { requests: 1, failed: 1, successRate: 0 } });
    expect((measured as { text: string }).text).toContain('no answer within 50ms');
  });

  it('give percentiles by the nearest rank', async () => {
    let count = 0;
    const url = await listen((_, response) => {
      count += 1;
      setTimeout(() => response.end(), count === 4 ? 400 : 0);
    });
    const measured = (await ask(url)) as { value: { p50: number; p95: number; p99: number } };
    expect(measured.value.p50).toBeLessThan(300);
    expect(measured.value.p95).toBeGreaterThanOrEqual(400);
    expect(measured.value.p99).toBe(measured.value.p95);
  });

  it('fail where nothing listens', async () => {
    const url = await listen(() => undefined);
    servers[0]!.close();
    expect(await ask(url, { requests: 2 })).toMatchObject({ value: { requests: 2, failed: 2 } });
  });
});

describe('what says nothing of the application', () => {
  const web = {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' } },
    spec: { ports: [{ port: 80, targetPort: 8080 }] },
  };
  const ready = {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name: 'web-1', namespace: 'shop', labels: { 'pod-template-hash': 'b' } },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };

  /** Asks the pods of a cluster that has the objects. */
  async function askPods(
    objects: readonly KubernetesObject[],
    connect: PodAccess['connect'] = () => Promise.reject(new Error('no pod is asked')),
    url = 'http://web/',
    timeout = '2s',
  ): Promise<Measured> {
    const cluster = new FakeCluster();
    for (const object of objects) await cluster.create(object, { signal });
    const common = { type: 'http', method: 'GET', headers: {}, requests: 4, hash: 'b' } as const;
    return createMeasurements({ cluster, pods: { connect } }).measure(
      { ...common, timeout, status: '2xx', namespace: 'shop', url },
      { signal },
    );
  }

  it('is an API that does not answer, or not in time', async () => {
    const down = () => Promise.reject(new UnreachableError('the API server does not answer'));
    expect(await askPods([web, ready], down)).toEqual({
      type: 'error',
      reason: 'the API server does not answer',
    });
    const silent: PodAccess['connect'] = (_pod, _port, options) =>
      new Promise((_, reject) =>
        options.signal.addEventListener('abort', () => reject(options.signal.reason as Error)),
      );
    expect(await askPods([web, ready], silent, 'http://web/', '50ms')).toEqual({
      type: 'error',
      reason: 'no answer within 50ms',
    });
  });

  it('is a pod that has gone meanwhile', async () => {
    const gone = () => Promise.reject(new NotFoundError('pods "web-1" not found'));
    expect(await askPods([web, ready], gone)).toMatchObject({ type: 'error' });
  });

  it('is a host, a Service or a port that is not there', async () => {
    expect(await askPods([web, ready], undefined, 'http://web.shop.svc:81/')).toEqual({
      type: 'error',
      reason: 'Service web in namespace shop has no port 81, it has 80',
    });
    expect(await askPods([], undefined, 'http://web.shop.svc/')).toEqual({
      type: 'error',
      reason: 'there is no Service web in namespace shop',
    });
    expect(await askPods([], undefined, 'http://web.invalid/')).toMatchObject({ type: 'error' });
  });

  it('is a host that may not be asked', async () => {
    const admit = () => {
      throw new InputError('the policy does not allow it');
    };
    const pods = { connect: () => Promise.reject(new Error('no pod is asked')) };
    const guarded = createMeasurements({ cluster: new FakeCluster(), pods, admit });
    const common = { type: 'http', method: 'GET', headers: {}, requests: 4, timeout: '2s' } as const;
    const request = { ...common, status: '2xx', namespace: 'shop', url: 'http://127.0.0.1/' } as const;
    expect(await guarded.measure(request, { signal })).toEqual({
      type: 'error',
      reason: 'the policy does not allow it',
    });
  });

  it('is neither that none of its pods is ready nor where it redirects to', async () => {
    expect(await askPods([web])).toMatchObject({ value: { requests: 4, failed: 4 } });
    const url = await listen((_, response) =>
      response.writeHead(302, { location: 'http://web.invalid/' }).end(),
    );
    expect(await ask(url)).toMatchObject({ value: { failed: 4 } });
  });
});

it('asks the pods of a track alone, and those of another Service by a redirect, whatever their track', async () => {
  const service = (name: string): KubernetesObject => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' } },
    ...{ spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] } },
  });
  const pod = (name: string, hash: string): KubernetesObject => ({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name, namespace: 'shop', labels: { 'pod-template-hash': hash } },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const slice: KubernetesObject = {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    metadata: { name: 'login', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'login' } },
    ports: [{ port: 8080 }],
    endpoints: [{ targetRef: { kind: 'Pod', name: 'login-c' } }],
  };
  const cluster = new FakeCluster();
  const objects = [service('web'), service('login'), pod('web-a', 'a'), pod('web-b', 'b'), slice];
  for (const object of objects) await cluster.create(object, { signal });
  const asked: string[] = [];
  const url = new URL(
    await listen((request, response) => {
      const redirect = { '/': 'http://web.shop/at', '/at': 'http://login/' }[request.url ?? ''];
      if (redirect === undefined || asked.at(-1) === 'login-c') response.end();
      else response.writeHead(302, { location: redirect }).end();
    }),
  );
  const connect: PodAccess['connect'] = async (to) => {
    asked.push(to.pod);
    return openSocket({ host: url.hostname, port: Number(url.port) });
  };
  const common = { type: 'http', method: 'GET', headers: {}, requests: 1, timeout: '2s', hash: 'b' } as const;
  const request = { ...common, status: '2xx', namespace: 'shop', url: 'http://web/' } as const;

  const measured = await createMeasurements({ cluster, pods: { connect } }).measure(request, { signal });

  expect(measured).toMatchObject({ value: { failed: 0 } });
  expect(asked).toEqual(['web-b', 'web-b', 'login-c']);
});

describe('a Prometheus query', () => {
  const answered = (data: unknown, status = 200) =>
    listen((_, response) =>
      response.writeHead(status).end(typeof data === 'string' ? data : JSON.stringify(data)),
    );
  const vector = (...values: string[]) => ({
    status: 'success',
    data: {
      resultType: 'vector',
      result: values.map((value) => ({ metric: { pod: 'web' }, value: [1.5, value] })),
    },
  });

  it('is asked by its API, below the path of the address', async () => {
    let asked: string | undefined;
    const url = await listen((request, response) => {
      asked = request.url;
      response.end(JSON.stringify(vector('1')));
    });
    await query(`${url}/prometheus`, { query: 'sum(rate(x{a="b"}[1m]))' });
    expect(asked).toBe('/prometheus/api/v1/query?query=sum%28rate%28x%7Ba%3D%22b%22%7D%5B1m%5D%29%29');
  });

  it('keeps the parameters of the address', async () => {
    let asked: string | undefined;
    const url = await listen((request, response) => {
      asked = request.url;
      response.end(JSON.stringify(vector('1')));
    });
    await query(`${url}/select/0/?extra_label=team%3Dshop&query=other`);
    expect(asked).toBe('/select/0/api/v1/query?extra_label=team%3Dshop&query=up');
  });

  it('tells two tracks apart by a label, in whichever order they come', async () => {
    const tracks = (...values: [string, string][]) => ({
      status: 'success',
      data: {
        resultType: 'vector',
        result: values.map(([track, value]) => ({ metric: { track }, value: [1.5, value] })),
      },
    });
    const compared = async (...values: [string, string][]) =>
      query(await answered(tracks(...values)), { trackLabel: 'track' });

    expect(await compared(['stable', '0.1'], ['candidate', '0.2'])).toEqual({
      type: 'compared',
      values: { candidate: 0.2, stable: 0.1 },
    });
    expect(await compared(['candidate', 'NaN'])).toEqual({ type: 'compared', values: { candidate: NaN } });
    expect(await compared(['stable', '0.1'])).toMatchObject({ type: 'noData' });
  });

  it('gives the values of a vector or a scalar', async () => {
    expect(await query(await answered(vector('0.25', 'NaN', '+Inf', '-Inf')))).toEqual({
      type: 'value',
      value: [0.25, NaN, Infinity, -Infinity],
      text: '[0.25, NaN, Infinity, -Infinity]',
    });
    const scalar = { status: 'success', data: { resultType: 'scalar', result: [1.5, '7'] } };
    expect(await query(await answered(scalar))).toMatchObject({ value: [7] });
  });

  it('has no data when the vector is empty', async () => {
    expect(await query(await answered(vector()))).toEqual({
      type: 'noData',
      reason: 'the query found nothing',
    });
  });

  it('is an error with the reason that Prometheus gives, or when it is no Prometheus', async () => {
    const bad = { status: 'error', errorType: 'bad_data', error: 'parse error' };
    expect(await query(await answered(bad, 400))).toEqual({
      type: 'error',
      reason: 'Prometheus: bad_data: parse error',
    });
    const matrix = { status: 'success', data: { resultType: 'matrix', result: [] } };
    expect(await query(await answered(matrix))).toMatchObject({
      type: 'error',
      reason: 'the query gives a matrix, not a vector or a scalar',
    });
    const other = await answered('<html>', 502);
    expect(await query(other)).toEqual({
      type: 'error',
      reason: `${other} answered 502, and not as Prometheus does`,
    });
  });
});

it('ends with the reason of its signal', async () => {
  const url = await listen(() => undefined);
  const stop = new AbortController();
  const asked = measurements.measure(
    {
      ...{ type: 'prometheus', address: url, query: 'up', headers: {}, timeout: '30s', namespace: 'shop' },
    },
    { signal: stop.signal },
  );
  stop.abort(new Error('cancelled'));
  await expect(asked).rejects.toThrow('cancelled');
});
