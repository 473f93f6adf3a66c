import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../../src/base/defined.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { readyEndpoints } from '../../../../src/release/observe/ready-endpoints.ts';
import { FakeCluster } from '../../../fakes/cluster.ts';

const { signal } = new AbortController();
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };

const toPod = (name: string, ready?: boolean) => ({
  ...(ready === undefined ? {} : { conditions: { ready } }),
  targetRef: { kind: 'Pod', name },
});

function slice(
  name: string,
  endpoints?: object[],
  { namespace = 'shop', of = 'web' } = {},
): KubernetesObject {
  const labels = { 'kubernetes.io/service-name': of };
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, namespace, labels } },
    ...defined({ endpoints }),
  };
}

function clusterWith(...objects: KubernetesObject[]) {
  const cluster = new FakeCluster();
  for (const object of objects) cluster.put(object);
  return cluster;
}

describe('readyEndpoints', () => {
  it('names the ready pods of all slices of the Service, each once', async () => {
    const cluster = clusterWith(
      slice('web-1', [toPod('a', true), toPod('b', false), toPod('c')]),
      slice('web-2', [toPod('c', true), toPod('d', true)]),
      slice('web-3'),
    );

    expect(await readyEndpoints(service, cluster, { signal })).toEqual(['a', 'c', 'd']);
  });

  it('leaves out the slices of other Services, and of the same name in other namespaces', async () => {
    const cluster = clusterWith(
      slice('web-1', [toPod('a', true)]),
      slice('api-1', [toPod('b', true)], { of: 'api' }),
      slice('web-1', [toPod('c', true)], { namespace: 'stage' }),
    );

    expect(await readyEndpoints(service, cluster, { signal })).toEqual(['a']);
  });

  it('gives the empty name to what takes traffic and is no pod', async () => {
    const ready = { conditions: { ready: true } };
    const cluster = clusterWith(
      slice('web-1', [toPod('a', true), { ...ready, targetRef: { kind: 'Node', name: 'n' } }, ready]),
      slice('web-2', [{ ...ready, targetRef: { kind: 'Pod' } }]),
    );

    expect(await readyEndpoints(service, cluster, { signal })).toEqual(['a', '']);
  });

  it('reads the older version of slices where the newer one is not served', async () => {
    const old = slice('web-1', [toPod('a', true)]);
    const cluster = clusterWith({ ...old, apiVersion: 'discovery.k8s.io/v1beta1' });
    cluster.unserved.add('discovery.k8s.io/v1/EndpointSlice');

    expect(await readyEndpoints(service, cluster, { signal })).toEqual(['a']);
    expect(cluster.calls).toEqual(['list EndpointSlice/*']);
  });

  it('reads the Endpoints of a cluster without slices, whose addresses are the ready ones', async () => {
    const target = ({ targetRef }: ReturnType<typeof toPod>) => ({ targetRef });
    const cluster = clusterWith({
      ...{ apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web', namespace: 'shop' } },
      subsets: [
        { addresses: [target(toPod('a')), {}], notReadyAddresses: [target(toPod('b'))] },
        { notReadyAddresses: [target(toPod('c'))] },
        { addresses: [target(toPod('d'))] },
      ],
    });
    withoutSlices(cluster);

    expect(await readyEndpoints(service, cluster, { signal })).toEqual(['a', '', 'd']);
  });

  it.each([
    ['its Endpoints are not there', []],
    [
      'no pod was ever behind it',
      [{ apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web', namespace: 'shop' } }],
    ],
  ])('names none where %s', async (_, objects) => {
    const cluster = clusterWith(...objects);
    withoutSlices(cluster);

    expect(await readyEndpoints(service, cluster, { signal })).toEqual([]);
  });
});

function withoutSlices(cluster: FakeCluster): void {
  for (const version of ['v1', 'v1beta1']) cluster.unserved.add(`discovery.k8s.io/${version}/EndpointSlice`);
}
