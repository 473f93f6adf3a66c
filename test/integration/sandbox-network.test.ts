import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { connectTcp } from '../../src/sandbox/network/connect-tcp.ts';
import type { Pod } from '../../src/sandbox/kubelet/pod-types.ts';
import type { StoredObject } from '../../src/sandbox/store/objects.ts';
import type { SandboxNode } from '../support/sandbox-node.ts';
import { startSandboxNode } from '../support/sandbox-node.ts';

/** Answers with its name, after `DELAY` ms, and `/reset` by a reset; ends at TERM when it has answered what it was asked. */
const serverValue = `
const server = require('http').createServer((request, response) =>
  request.url === '/reset' ? request.socket.resetAndDestroy() :
  setTimeout(() => response.end(process.env.HOSTNAME), Number(process.env.DELAY ?? 0)));
server.listen(8080);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;

type Scaled = StoredObject<{ replicas: number }, { readyReplicas?: number }>;

describe.each(['auto', 'none'] as const)('the network of pods and Services (isolation %s)', (isolation) => {
  let node: SandboxNode;
  const signal = AbortSignal.timeout(120_000);
  beforeAll(async () => {
    node = await startSandboxNode(isolation);
  });
  afterAll(async () => {
    await node.close();
  });

  /** A Deployment of servers that all listen on port 8080, and a Service; resolves when all are ready. */
  async function serve(
    name: string,
    replicas: number,
    env: { name: string; value: string }[] = [],
  ): Promise<string> {
    const labels = { app: name };
    node.objects.create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'default' },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 5,
            containers: [
              {
                name: 'web',
                image: 'node:24',
                command: ['node', '-e', serverValue],
                env,
                ports: [{ name: 'http', containerPort: 8080 }],
                readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1, timeoutSeconds: 5 },
              },
            ],
          },
        },
      },
    });
    const service = node.objects.create<StoredObject<{ clusterIP?: string }>>({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { selector: labels, ports: [{ port: 8000, targetPort: 'http' }] },
    });
    await scaledTo(name, replicas);
    return listening(service.spec?.clusterIP ?? '');
  }

  async function scaledTo(name: string, replicas: number): Promise<void> {
    const isDone = () => {
      const found = node.objects.get<Scaled>({
        kind: 'Deployment',
        group: 'apps',
        namespace: 'default',
        name,
      });
      const slices = node.objects.list<StoredObject & { endpoints?: { conditions?: { ready?: boolean } }[] }>(
        'EndpointSlice',
        {
          namespace: 'default',
          labels: { 'kubernetes.io/service-name': name },
        },
      );
      const ready = slices
        .flatMap(({ endpoints }) => endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready === true);
      return (found?.status?.readyReplicas ?? 0) === replicas && ready.length === replicas;
    };
    for (let tries = 0; !isDone(); tries += 1) {
      if (tries > 1000) throw new Error(`${name} was not scaled to ${replicas}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Waits until a Service's address takes connections. */
  async function listening(address: string, port = 8000): Promise<string> {
    for (let tries = 0; ; tries += 1) {
      try {
        (await connectTcp(address, port, signal)).destroy();
        return address;
      } catch (error) {
        if (tries > 500) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  it('lets replicas listen on the same port and spreads connections over them; none refuses', async () => {
    const address = await serve('spread', 3);

    const answers = new Set<string>();
    for (let count = 0; count < 12; count += 1) answers.add(await askOnce(address));
    node.objects.modify<Scaled>(
      { kind: 'Deployment', group: 'apps', namespace: 'default', name: 'spread' },
      (one) => void Object.assign(one.spec ?? {}, { replicas: 0 }),
    );
    await scaledTo('spread', 0);

    expect(answers.size).toBe(3);
    await expect(untilRefused(address)).resolves.toBe('ECONNREFUSED');
  });

  /** Connects until that fails, and tells how. */
  async function untilRefused(address: string): Promise<string> {
    for (let tries = 0; tries < 500; tries += 1) {
      try {
        (await connectTcp(address, 8000, signal)).destroy();
        await new Promise((resolve) => setTimeout(resolve, 20));
      } catch (error) {
        // One that came while the listener was closing is reset.
        const { code = '' } = error as NodeJS.ErrnoException;
        if (code !== 'ECONNRESET') return code;
      }
    }
    return 'still listening';
  }

  /** One request on a connection of its own. */
  async function askOnce(address: string): Promise<string> {
    const socket = await connectTcp(address, 8000, signal);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    return (await text(socket)).split('\r\n\r\n')[1] ?? '';
  }

  it('ends the connection that a pod resets, and no other', async () => {
    const address = await serve('reset', 1);
    const other = askOnce(await serve('calm', 1, [{ name: 'DELAY', value: '500' }]));

    const socket = await connectTcp(address, 8000, signal);
    socket.write('GET /reset HTTP/1.1\r\nhost: x\r\n\r\n');
    const answer = await text(socket).catch(() => '');

    expect(answer).toBe('');
    expect(await other).toContain('calm-');
    expect(await askOnce(address)).toContain('reset-');
  });

  it('lets a request that is on its way end while its pod goes away', async () => {
    const address = await serve('drain', 1, [{ name: 'DELAY', value: '1000' }]);

    const answer = askOnce(address);
    await new Promise((resolve) => setTimeout(resolve, 200));
    node.objects.modify<Scaled>(
      { kind: 'Deployment', group: 'apps', namespace: 'default', name: 'drain' },
      (one) => void Object.assign(one.spec ?? {}, { replicas: 0 }),
    );

    expect(await answer).toContain('drain-');
  });

  it('forwards a port to a pod, and says what is wrong when nothing listens', async () => {
    await serve('forward', 1);
    const [pod] = node.objects.list<Pod>('Pod', { namespace: 'default', labels: { app: 'forward' } });
    const name = pod?.metadata.name ?? '';

    const socket = await node.streams.portForward({ namespace: 'default', pod: name, port: 8080, signal });
    socket.write('GET / HTTP/1.0\r\n\r\n');

    expect(await text(socket)).toContain(name);
    await expect(
      node.streams.portForward({ namespace: 'default', pod: name, port: 9, signal }),
    ).rejects.toThrow('ECONNREFUSED');
  });

  it('lets pods find Services by name, from a pod that listens and from one that does not', async () => {
    await serve('named', 1);
    const script = `
      const names = ['named', 'named.default', 'named.default.svc.cluster.local'];
      Promise.all(names.map((name) => fetch('http://' + name + ':8000/').then((r) => r.text())))
        .then((all) => console.log(all.map((one) => one.split('-')[0]).join()));`;
    for (const [name, ports] of [
      ['asks', undefined],
      ['asks-too', [{ containerPort: 9090 }]],
    ] as const) {
      node.createPod(name, {
        restartPolicy: 'Never',
        containers: [
          {
            name: 'main',
            image: 'node:24',
            command: ['node', '-e', script],
            ...(ports ? { ports: [...ports] } : {}),
          },
        ],
      });
      await node.until(name, (pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed');

      expect(await node.log(name)).toBe('named,named,named\n');
    }
  });

  it('lets a pod that listens reach what is outside, on any port', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    const server = createServer((_, response) => void response.end('outside')).listen(0, '0.0.0.0');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      node.createPod('reaches', {
        restartPolicy: 'Never',
        containers: [
          {
            name: 'main',
            image: 'node:24',
            command: [
              'node',
              '-e',
              `fetch('http://${outside ?? '127.0.0.1'}:${port}/').then((r) => r.text()).then(console.log)`,
            ],
            ports: [{ containerPort: 9090 }],
          },
        ],
      });
      await node.until(
        'reaches',
        (pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed',
      );

      expect(await node.log('reaches')).toBe('outside\n');
    } finally {
      server.close();
    }
  });

  it('listens on node ports', async () => {
    await serve('ported', 1);
    node.objects.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'node-port', namespace: 'default' },
      spec: {
        type: 'NodePort',
        selector: { app: 'ported' },
        ports: [{ port: 8000, targetPort: 8080 }],
      },
    });
    const service = node.objects.get<StoredObject<{ ports: { nodePort?: number }[] }>>({
      kind: 'Service',
      group: '',
      namespace: 'default',
      name: 'node-port',
    });
    const port = service?.spec?.ports[0]?.nodePort ?? 0;
    await listening('127.0.0.1', port);

    const response = await fetch(`http://127.0.0.1:${port}/`, { signal });

    expect(await response.text()).toContain('ported-');
  });
});
