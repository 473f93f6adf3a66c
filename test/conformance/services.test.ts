import { beforeAll, describe, expect, it } from '@jest/globals';
import { patience, useLab } from './lab.ts';
import { condition, container, httpServer, idle, pod, service } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('services');
const slow = 40_000 * patience;
const isReady = (object: Json): boolean => condition(object, 'Ready')?.status === 'True';
const addresses = (endpoints: Json): string[] =>
  (endpoints?.subsets ?? [])
    .flatMap((subset: Json) => subset.addresses ?? [])
    .map((address: Json) => address.ip);
const waiting = (endpoints: Json): string[] =>
  (endpoints?.subsets ?? [])
    .flatMap((subset: Json) => subset.notReadyAddresses ?? [])
    .map((address: Json) => address.ip);
const slicesOf = (name: string, check: (items: Json[]) => boolean): Promise<Json[]> =>
  lab.untilList('endpointslices', { labelSelector: `kubernetes.io/service-name=${name}` }, check, 15);
const endpointsIn = (slices: Json[]): Json[] => slices.flatMap((slice) => slice.endpoints ?? []);

let ip: string;
beforeAll(async () => {
  const web = container(httpServer(8085, 'served'), {
    ports: [{ name: 'http', containerPort: 8085 }],
    readinessProbe: { tcpSocket: { port: 8085 }, periodSeconds: 1 },
  });
  await lab.create('pods', pod('web', '', { containers: [web] }, { labels: { app: 'web', part: 'a' } }));
  await lab.create(
    'pods',
    pod(
      'unready',
      '',
      {
        containers: [container(idle, { readinessProbe: { exec: { command: ['false'] }, periodSeconds: 1 } })],
      },
      { labels: { app: 'unready' } },
    ),
  );
  ip = (await lab.until('pods', 'web', isReady, 25)).status.podIP;
  await lab.until('pods', 'unready', (object) => object.status?.podIP !== undefined, 25);
}, 60_000 * patience);

/** Runs a script in a pod of its own and gives its log. */
async function inPod(name: string, script: string): Promise<string> {
  await lab.create('pods', pod(name, script));
  await lab.until('pods', name, (object) => ['Succeeded', 'Failed'].includes(object.status?.phase), 25);
  return (await lab.wire.request('GET', await lab.url('pods', name, 'log'))).text;
}

describe('Endpoints', () => {
  it(
    'have the ready pods that the selector matches, with who they are',
    async () => {
      await lab.create('services', service('web', { ports: [{ port: 80, targetPort: 8085 }] }));

      const endpoints = await lab.until('endpoints', 'web', (object) => addresses(object).length === 1);

      expect(endpoints.subsets[0].addresses[0]).toMatchObject({
        ip,
        targetRef: { kind: 'Pod', name: 'web', namespace: lab.namespace },
        nodeName: expect.anything(),
      });
      expect(endpoints.subsets[0].ports).toEqual([expect.objectContaining({ port: 8085, protocol: 'TCP' })]);
    },
    slow,
  );

  it(
    'find a port by its name in the pod',
    async () => {
      await lab.create(
        'services',
        service('named', {
          selector: { app: 'web' },
          ports: [{ name: 'main', port: 80, targetPort: 'http' }],
        }),
      );

      const endpoints = await lab.until('endpoints', 'named', (object) => addresses(object).length === 1);

      expect(endpoints.subsets[0].ports).toEqual([{ name: 'main', port: 8085, protocol: 'TCP' }]);
    },
    slow,
  );

  it(
    'leave out a pod that lacks the named port',
    async () => {
      await lab.create(
        'services',
        service('lacking', { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'none' }] }),
      );

      const endpoints = await lab.until('endpoints', 'lacking', (object) => object !== undefined);

      expect(addresses(endpoints)).toEqual([]);
    },
    slow,
  );

  it(
    'tell pods that are not ready apart',
    async () => {
      await lab.create('services', service('unready'));

      const endpoints = await lab.until('endpoints', 'unready', (object) => waiting(object).length === 1);

      expect(addresses(endpoints)).toEqual([]);
    },
    slow,
  );

  it(
    'publish them when the Service says so',
    async () => {
      await lab.create(
        'services',
        service('published', { selector: { app: 'unready' }, publishNotReadyAddresses: true }),
      );

      await lab.until('endpoints', 'published', (object) => addresses(object).length === 1);
    },
    slow,
  );

  it(
    'of a Service without selector are left to their owner',
    async () => {
      await lab.create('services', {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'outside' },
        spec: { ports: [{ port: 80 }] },
      });
      const own = {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: { name: 'outside' },
        subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 80 }] }],
      };
      await lab.create('endpoints', own);

      await lab.patch('services', 'outside', { metadata: { labels: { touched: 'yes' } } });
      await new Promise((resolve) => setTimeout(resolve, 1000));

      expect(addresses(await lab.get('endpoints', 'outside'))).toEqual(['192.0.2.1']);
    },
    slow,
  );

  it(
    'follow a change of the selector',
    async () => {
      await lab.create('services', service('switched', { selector: { app: 'web', part: 'b' } }));
      await lab.until(
        'endpoints',
        'switched',
        (object) => object !== undefined && addresses(object).length === 0,
      );

      await lab.patch('services', 'switched', { spec: { selector: { part: 'a' } } });

      await lab.until('endpoints', 'switched', (object) => addresses(object).length === 1);
    },
    slow,
  );

  it(
    'go with their Service',
    async () => {
      await lab.create('services', service('brief', { selector: { app: 'web' } }));
      await lab.until('endpoints', 'brief', (object) => object !== undefined);

      await lab.remove('services', 'brief');

      await lab.until('endpoints', 'brief', (object) => object === undefined);
    },
    slow,
  );

  it(
    'carry the labels of the Service',
    async () => {
      const labelled = service('labelled', { selector: { app: 'web' } });
      await lab.create('services', { ...labelled, metadata: { name: 'labelled', labels: { team: 'shop' } } });

      const endpoints = await lab.until('endpoints', 'labelled', (object) => object !== undefined);

      expect(endpoints.metadata.labels).toMatchObject({ team: 'shop' });
    },
    slow,
  );
});

describe('EndpointSlices', () => {
  it(
    'say the same, owned by the Service',
    async () => {
      const made = await lab.create(
        'services',
        service('sliced', {
          selector: { app: 'web' },
          ports: [{ name: 'main', port: 80, targetPort: 'http' }],
        }),
      );

      const slices = await slicesOf('sliced', (items) => endpointsIn(items).length === 1);

      expect(slices[0]).toMatchObject({
        addressType: 'IPv4',
        ports: [{ name: 'main', port: 8085, protocol: 'TCP' }],
      });
      expect(slices[0].endpoints[0]).toMatchObject({
        addresses: [ip],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', name: 'web' },
      });
      expect(slices[0].metadata).toMatchObject({
        generateName: 'sliced-',
        labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' },
        ownerReferences: [{ kind: 'Service', uid: made.metadata.uid, controller: true }],
      });
    },
    slow,
  );

  it(
    'tell a pod that is not ready',
    async () => {
      await lab.create('services', service('unready-sliced', { selector: { app: 'unready' } }));

      const slices = await slicesOf('unready-sliced', (items) => endpointsIn(items).length === 1);

      expect(endpointsIn(slices)[0].conditions.ready).toBe(false);
    },
    slow,
  );

  it(
    'stop giving a pod that ends as ready',
    async () => {
      await lab.create(
        'pods',
        pod(
          'ending',
          'trap "" TERM; while true; do sleep 0.2; done',
          { terminationGracePeriodSeconds: 6 },
          { labels: { app: 'ending' } },
        ),
      );
      await lab.create('services', service('ending'));
      await lab.until('pods', 'ending', isReady, 20);
      await slicesOf('ending', (items) =>
        endpointsIn(items).some((endpoint) => endpoint.conditions.ready === true),
      );

      await lab.remove('pods', 'ending');

      const slices = await slicesOf('ending', (items) =>
        endpointsIn(items).every((endpoint) => endpoint.conditions.ready !== true),
      );
      expect((await lab.read('pods', 'ending')).code).toBe(200);
      // 1.20 takes it out; newer releases tell that it serves while it ends.
      for (const endpoint of endpointsIn(slices))
        expect(endpoint.conditions).toMatchObject({ serving: true, terminating: true });
      await lab.until('endpoints', 'ending', (object) => addresses(object).length === 0);
    },
    slow,
  );
});

describe('Services', () => {
  it(
    'answer on their own address',
    async () => {
      const { spec } = await lab.create(
        'services',
        service('answering', { selector: { app: 'web' }, ports: [{ port: 8086, targetPort: 8085 }] }),
      );
      await lab.until('endpoints', 'answering', (object) => addresses(object).length === 1);
      const fetch = `wget -q -O- http://${spec.clusterIP}:8086/`;

      expect(
        await inPod('asker', `for i in 1 2 3 4 5 6 7 8 9 10; do ${fetch} && exit 0; sleep 0.3; done; exit 1`),
      ).toBe('served\n');
    },
    60_000 * patience,
  );

  it(
    'answer by their names',
    async () => {
      await lab.create(
        'services',
        service('callable', { selector: { app: 'web' }, ports: [{ port: 8087, targetPort: 8085 }] }),
      );
      await lab.until('endpoints', 'callable', (object) => addresses(object).length === 1);
      const tries = (name: string): string =>
        `for i in 1 2 3 4 5 6 7 8 9 10; do wget -q -O- http://${name}:8087/ && break; sleep 0.5; done`;

      const log = await inPod(
        'caller',
        `${tries('callable')}; ${tries(`callable.${lab.namespace}.svc.cluster.local`)}`,
      );

      expect(log).toBe('served\nserved\n');
    },
    60_000 * patience,
  );

  it(
    'refuse connections while no pod is ready',
    async () => {
      const { spec } = await lab.create(
        'services',
        service('empty', { selector: { app: 'unready' }, ports: [{ port: 8088, targetPort: 8085 }] }),
      );
      await lab.until('endpoints', 'empty', (object) => waiting(object).length === 1);
      await new Promise((resolve) => setTimeout(resolve, 500));

      expect(
        await inPod('refused', `timeout 5 wget -q -O- http://${spec.clusterIP}:8088/ || echo refused`),
      ).toContain('refused');
    },
    60_000 * patience,
  );

  it(
    'without an address of their own are headless',
    async () => {
      const made = await lab.create(
        'services',
        service('headless', { clusterIP: 'None', selector: { app: 'web' } }),
      );

      const endpoints = await lab.until('endpoints', 'headless', (object) => addresses(object).length === 1);

      expect(made.spec.clusterIP).toBe('None');
      expect(endpoints.metadata.labels).toMatchObject({ 'service.kubernetes.io/headless': '' });
    },
    slow,
  );

  it(
    'keep the node port they ask for, once',
    async () => {
      const nodePort = 30_000 + Math.floor(Math.random() * 2700);
      const spec = {
        type: 'NodePort',
        selector: { app: 'web' },
        ports: [{ port: 80, targetPort: 8085, nodePort }],
      };
      const made = await lab.create('services', service('node-a', spec));

      const { code, body } = await lab.post('services', service('node-b', spec));

      expect(made.spec.ports[0].nodePort).toBe(nodePort);
      expect(code).toBe(422);
      expect(body.message).toContain('provided port is already allocated');
    },
    slow,
  );

  it(
    'refuse an address that is taken',
    async () => {
      const made = await lab.create('services', service('first-there'));

      const { code, body } = await lab.post(
        'services',
        service('too-late', { clusterIP: made.spec.clusterIP }),
      );

      expect(code).toBe(422);
      expect(body.message).toMatch(/provided IP is already allocated/);
    },
    slow,
  );

  it(
    'of type ExternalName have no address',
    async () => {
      const made = await lab.create('services', {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'external' },
        spec: { type: 'ExternalName', externalName: 'example.com' },
      });

      expect(made.spec.clusterIP).toBeUndefined();
      expect(made.spec.externalName).toBe('example.com');
    },
    slow,
  );
});
