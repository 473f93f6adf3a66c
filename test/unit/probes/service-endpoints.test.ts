import { describe, expect, it } from '@jest/globals';
import { resolve, serviceOf } from '../../../src/probes/service-endpoints.ts';
import { FakeCluster } from '../../fakes/cluster.ts';

const { signal } = new AbortController();

function clusterWith(options: { slices?: 'v1' | 'v1beta1' | 'none' } = {}): FakeCluster {
  const cluster = new FakeCluster();
  const metadata = { name: 'web', namespace: 'shop' };
  cluster.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      ports: [
        { name: 'http', port: 80 },
        { name: 'metrics', port: 9090 },
      ],
    },
  } as never);
  const target = (name: string) => ({ kind: 'Pod', name, namespace: 'shop' });
  const { slices = 'v1' } = options;
  for (const version of ['v1', 'v1beta1']) {
    if (version !== slices) cluster.unserved.add(`discovery.k8s.io/${version}/EndpointSlice`);
  }
  if (slices === 'none') {
    cluster.put({
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata,
      subsets: [{ ports: [{ name: 'http', port: 8080 }], addresses: [{ targetRef: target('web-1') }] }],
    } as never);
    return cluster;
  }
  cluster.put({
    apiVersion: `discovery.k8s.io/${slices}`,
    kind: 'EndpointSlice',
    metadata: { name: 'web-x', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    ports: [{ name: 'http', port: 8080 }],
    endpoints: [
      { conditions: { ready: true }, targetRef: target('web-1') },
      { conditions: { ready: false }, targetRef: target('web-2') },
      { conditions: {}, targetRef: target('web-3') },
    ],
  } as never);
  return cluster;
}

const find = (cluster: FakeCluster, host: string, port = 80) =>
  resolve({ host, port, namespace: 'ci' }, cluster, { signal });

describe('serviceOf', () => {
  it.each([
    ['web', { name: 'web', namespace: 'ci' }, false],
    ['w', { name: 'w', namespace: 'ci' }, false],
    ['web2', { name: 'web2', namespace: 'ci' }, false],
    ['2web', { name: '2web', namespace: 'ci' }, false],
    ['web.shop', { name: 'web', namespace: 'shop' }, false],
    ['Web.Shop.svc', { name: 'web', namespace: 'shop' }, true],
    ['web.shop.svc.cluster.local.', { name: 'web', namespace: 'shop' }, true],
  ])('reads %s by the rules of cluster DNS', (host, service, certain) => {
    expect(serviceOf(host, 'ci')).toEqual({ service, certain });
  });

  it.each([
    'localhost',
    '127.0.0.1',
    '[::1]',
    '10.0.0.1',
    'www.example.com',
    'web.shop.svc.example.com',
    'a_b',
    'web._x',
  ])('finds no Service in %s', (host) => {
    expect(serviceOf(host, 'ci')).toBeUndefined();
  });
});

describe('resolve', () => {
  it.each(['v1', 'v1beta1'] as const)(
    'finds the ready pods and their port by EndpointSlices %s',
    async (slices) => {
      expect(await find(clusterWith({ slices }), 'web.shop')).toMatchObject({
        type: 'service',
        endpoints: [
          { namespace: 'shop', pod: 'web-1', port: 8080 },
          { namespace: 'shop', pod: 'web-3', port: 8080 },
        ],
      });
    },
  );

  it('asks neither pods of another Service, nor of one by its name elsewhere, nor what is no pod', async () => {
    const cluster = clusterWith();
    const slice = (name: string, namespace: string, service: string, kind = 'Pod') =>
      cluster.put({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name, namespace, labels: { 'kubernetes.io/service-name': service } },
        ports: [{ name: 'http', port: 8080 }],
        endpoints: [{ conditions: { ready: true }, targetRef: { kind, name: `of-${name}`, namespace } }],
      } as never);
    slice('other', 'shop', 'other');
    slice('web-x', 'elsewhere', 'web');
    slice('web-y', 'shop', 'web', 'Node');

    const found = await find(cluster, 'web.shop');

    const pods = found.type === 'service' ? found.endpoints.map(({ pod }) => pod) : [];
    expect(pods).toEqual(['web-1', 'web-3']);
    expect(found).not.toHaveProperty('problem');
  });

  it('takes a Service that stands for a name outside for that', async () => {
    const cluster = clusterWith();
    const spec = { type: 'ExternalName', externalName: 'shop.example.com', ports: [{ port: 80 }] };
    const metadata = { name: 'outside', namespace: 'shop' };
    cluster.put({ apiVersion: 'v1', kind: 'Service', metadata, spec } as never);
    expect(await find(cluster, 'outside.shop')).toEqual({ type: 'outside' });
  });

  it('finds them by Endpoints where there are no EndpointSlices', async () => {
    expect(await find(clusterWith({ slices: 'none' }), 'web.shop')).toMatchObject({
      endpoints: [{ namespace: 'shop', pod: 'web-1', port: 8080 }],
    });
  });

  it.each([
    ['web.shop', 81, 'Service web in namespace shop has no port 81, it has 80, 9090'],
    ['web.shop', 9090, 'Service web in namespace shop has no ready pod'],
    ['web.sohp.svc', 80, 'there is no Service web in namespace sohp'],
  ])('says what is wrong with %s:%i', async (host, port, problem) => {
    expect(await find(clusterWith(), host, port)).toMatchObject({ type: 'service', endpoints: [], problem });
  });

  it('takes a name of two parts that is no Service for a host outside', async () => {
    expect(await find(clusterWith(), 'example.com')).toEqual({ type: 'outside' });
  });
});
