import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { connectTcp } from '../../../../src/sandbox/network/connect-tcp.ts';
import { renderHosts } from '../../../../src/sandbox/network/hosts-file.ts';
import { createServiceListener } from '../../../../src/sandbox/network/service-listener.ts';
import { readyEndpoints } from '../../../../src/sandbox/network/service-types.ts';
import type { Endpoint, EndpointSlice } from '../../../../src/sandbox/network/service-types.ts';
import { portEnvironment } from '../../../../src/sandbox/network/shared-network.ts';
import { createObjects } from '../../../../src/sandbox/store/create-objects.ts';
import { pod } from '../kubelet/pods.ts';

const slice = (more: Partial<EndpointSlice>): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 's', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
  ...more,
});

describe('the endpoints of a Service', () => {
  it('are those that are ready, or do not say, with the number of the named port', () => {
    const slices = [
      slice({
        ports: [{ name: 'http', port: 8080 }],
        endpoints: [
          { addresses: ['10.0.0.1'], conditions: { ready: true }, targetRef: { kind: 'Pod', uid: 'p1' } },
          { addresses: ['10.0.0.2'], conditions: { ready: false } },
          { addresses: ['10.0.0.3'] },
        ],
      }),
      slice({ ports: [{ name: 'other', port: 1 }], endpoints: [{ addresses: ['10.0.0.4'] }] }),
      slice({ ports: null, endpoints: null }),
    ];

    expect(readyEndpoints(slices, 'http')).toEqual([
      { address: '10.0.0.1', port: 8080, podUid: 'p1' },
      { address: '10.0.0.3', port: 8080, podUid: undefined },
    ]);
  });
});

describe('the hosts file of a pod', () => {
  it('knows Services by all their names, by the short one in their own namespace alone', () => {
    const objects = createObjects(':memory:');
    for (const namespace of ['shop', 'bank']) {
      objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      objects.create({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web', namespace },
        spec: { ports: [{ port: 80 }] },
      });
    }

    const lines = renderHosts(objects, pod(), '10.0.0.7').split('\n');

    expect(lines).toContain('10.0.0.7 web');
    const named = (name: string) => lines.filter((line) => line.split(' ').slice(1).includes(name)).length;
    expect(named('web.shop.svc.cluster.local')).toBe(1);
    expect(named('web.bank')).toBe(1);
    expect(lines.filter((line) => line.startsWith('127.') && line.endsWith(' web'))).toHaveLength(1);
    objects.close();
  });
});

it('gives PORT for the first declared port and PORT_n for each', () => {
  const ports = new Map([
    [8080, 20001],
    [9090, 20002],
  ]);

  expect(portEnvironment(ports)).toEqual({ PORT: '20001', PORT_8080: '20001', PORT_9090: '20002' });
  expect(portEnvironment(new Map())).toEqual({});
});

describe('a listener of a Service', () => {
  async function withEchoes(count: number, use: (endpoints: Endpoint[]) => Promise<void>): Promise<void> {
    const servers = Array.from({ length: count }, (_, index) =>
      createServer((socket) => void socket.end(`from ${index}`)).listen(0, '127.0.0.1'),
    );
    await Promise.all(servers.map((server) => once(server, 'listening')));
    try {
      await use(
        servers.map((server) => ({
          address: '127.0.0.1',
          port: (server.address() as AddressInfo).port,
          podUid: undefined,
        })),
      );
    } finally {
      for (const server of servers) server.close();
    }
  }

  async function freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    return port;
  }

  const signal = AbortSignal.timeout(20_000);
  const dial = ({ address, port }: Endpoint) => connectTcp(address, port, signal);

  it('takes the endpoints in turn, and refuses when there is none', async () => {
    await withEchoes(3, async (endpoints) => {
      const port = await freePort();
      const listener = createServiceListener({ host: '127.0.0.1', port }, dial, () => undefined);
      const ask = async () => text(await connectTcp('127.0.0.1', port, signal));
      try {
        listener.update(endpoints);
        const answers = [await ask(), await ask(), await ask(), await ask()];
        expect(new Set(answers).size).toBe(3);
        expect(answers[3]).toBe(answers[0]);

        listener.update([]);
        await expect(ask()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      } finally {
        listener.close();
      }
    });
  });

  it('leaves open connections alone when their endpoint goes away', async () => {
    const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = await freePort();
    const listener = createServiceListener({ host: '127.0.0.1', port }, dial, () => undefined);
    try {
      listener.update([
        { address: '127.0.0.1', port: (server.address() as AddressInfo).port, podUid: undefined },
      ]);
      const client = await connectTcp('127.0.0.1', port, signal);
      client.write('before ');
      await once(client, 'data');

      listener.update([]);
      client.end('after');

      expect(await text(client)).toBe('after');
    } finally {
      listener.close();
      server.close();
    }
  });
});
