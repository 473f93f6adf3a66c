import { expect, it } from '@jest/globals';
import { defined } from '../../../src/base/defined.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import { resolve } from '../../../src/probes/service-endpoints.ts';
import { FakeCluster } from '../../fakes/cluster.ts';

const { signal } = new AbortController();

function pod(name: string, hash: string, more: { ready?: boolean; port?: number } = {}): KubernetesObject {
  const { ready = true, port = 8080 } = more;
  const ports = [{ name: 'http', containerPort: port }];
  return {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name, namespace: 'shop', labels: { app: 'web', 'pod-template-hash': hash } },
    ...{ spec: { containers: [{ name: 'web', ports }] } },
    ...{ status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } },
  };
}

async function endpointsOf(targetPort: number | string | undefined, hash: string, pods: KubernetesObject[]) {
  const cluster = new FakeCluster();
  const ports = [{ port: 80, ...defined({ targetPort }) }];
  const spec = { selector: { app: 'web', 'pod-template-hash': 'a' }, ports };
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' }, spec };
  for (const object of [service, ...pods]) await cluster.create(object, { signal });
  return resolve({ host: 'web.shop', port: 80, namespace: 'other', hash }, cluster, { signal });
}

it('finds the ready pods of a track, though the Service selects the other one', async () => {
  const pods = [pod('a-1', 'a'), pod('b-1', 'b'), pod('b-2', 'b', { ready: false }), pod('b-3', 'b')];
  expect(await endpointsOf(8081, 'b', pods)).toMatchObject({
    endpoints: [
      { namespace: 'shop', pod: 'b-1', port: 8081 },
      { namespace: 'shop', pod: 'b-3', port: 8081 },
    ],
  });
});

it("takes the port of the pod that the Service's port leads to, by its name too", async () => {
  expect(await endpointsOf('http', 'b', [pod('b-1', 'b', { port: 9000 })])).toMatchObject({
    endpoints: [{ pod: 'b-1', port: 9000 }],
  });
  expect(await endpointsOf(undefined, 'b', [pod('b-1', 'b')])).toMatchObject({
    endpoints: [{ pod: 'b-1', port: 80 }],
  });
  expect(await endpointsOf('grpc', 'b', [pod('b-1', 'b')])).toMatchObject({ endpoints: [] });
});

it('says so when no pod of the track is ready', async () => {
  expect(await endpointsOf(8080, 'c', [pod('a-1', 'a')])).toMatchObject({
    endpoints: [],
    problem: 'no pod with pod-template-hash c is ready',
  });
});

it('asks no pod that is on its way out, nor one of which only another condition is true', async () => {
  const leaving = pod('b-1', 'b');
  leaving.metadata.deletionTimestamp = '2026-11-30T00:00:00Z';
  const unready = {
    ...pod('b-2', 'b'),
    status: {
      conditions: [
        { type: 'Initialized', status: 'True' },
        { type: 'Ready', status: 'False' },
      ],
    },
  };
  const ready = {
    ...pod('b-3', 'b'),
    status: {
      conditions: [
        { type: 'Custom', status: 'False' },
        { type: 'Ready', status: 'True' },
      ],
    },
  };
  const { status: _, ...unknown } = pod('b-4', 'b') as KubernetesObject & { status?: unknown };

  expect(await endpointsOf(8080, 'b', [leaving, unready, ready, unknown])).toMatchObject({
    endpoints: [{ pod: 'b-3' }],
  });
});
