import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OutgoingHttpHeaders } from 'node:http';
import type { GatewayClient } from './gateway.ts';
import { countAnswers, findGateway, gatewayClient, makeBackends, shareTolerance } from './gateway.ts';
import { patience, useLab } from './lab.ts';
import type { Json } from './wire.ts';

const lab = useLab('ingresses');
const slow = 40_000 * patience;
let client: GatewayClient;
let hosts = 0;

beforeAll(async () => {
  client = gatewayClient(await findGateway(lab));
  await makeBackends(lab, { red: 8190, blue: 8191 });
}, 60_000 * patience);
afterAll(() => client.close());

const newHost = (): string => `host-${String((hosts += 1))}.${lab.namespace}.test`;
const pathTo = (service: string, path = '/', pathType = 'Prefix'): Json => ({
  path,
  pathType,
  backend: { service: { name: service, port: { number: 80 } } },
});

/** Creates an Ingress and waits until the gateway has given it an address. */
async function ingress(name: string, host: string, paths: Json[], annotations: Json = {}): Promise<Json> {
  const named = Object.entries(annotations).map(([key, value]) => [
    `nginx.ingress.kubernetes.io/${key}`,
    value,
  ]);
  await lab.create('ingresses', {
    kind: 'Ingress',
    metadata: { name, annotations: Object.fromEntries(named) },
    spec: { ingressClassName: 'nginx', rules: [{ host, http: { paths } }] },
  });
  return lab.until('ingresses', name, (object) => object.status?.loadBalancer?.ingress?.length === 1);
}

/** A main Ingress to red with a canary to blue. */
async function canary(annotations: Json): Promise<string> {
  const host = newHost();
  const name = host.split('.')[0] ?? '';
  await ingress(name, host, [pathTo('red')]);
  await ingress(`${name}-canary`, host, [pathTo('blue')], { canary: 'true', ...annotations });
  return host;
}

const answer = async (host: string, path = '/', headers: OutgoingHttpHeaders = {}): Promise<string> =>
  (await client.ask(host, path, { headers })).text;

describe('Ingresses of the class nginx', () => {
  it(
    'route by host and by the longest path, exact ones first, and tell the address of the gateway',
    async () => {
      const host = newHost();
      const object = await ingress('plain', host, [
        pathTo('red'),
        pathTo('blue', '/index.html', 'Exact'),
        pathTo('blue', '/blue'),
      ]);

      expect(object.status.loadBalancer.ingress).toEqual([{ ip: (await findGateway(lab)).host }]);
      expect(await answer(host)).toBe('red');
      expect(await answer(host, '/index.html')).toBe('blue');
      // Both have no such file: which of them was asked cannot be seen, that one was can.
      expect((await client.ask(host, '/blue/none')).code).toBe(404);
      expect((await client.ask(newHost())).code).toBe(404);
    },
    slow,
  );
});

describe('a canary Ingress', () => {
  it(
    'gets its weight of the requests of one kept connection',
    async () => {
      const host = await canary({ 'canary-weight': '20' });

      const { red = 0, blue = 0 } = await countAnswers(client, host, 500);

      expect(red + blue).toBe(500);
      expect(Math.abs(blue - 100)).toBeLessThanOrEqual(shareTolerance(lab));
    },
    slow,
  );

  it(
    'gets its weight of another total, all of it and nothing',
    async () => {
      const all = await canary({ 'canary-weight': '7', 'canary-weight-total': '7' });
      const none = await canary({ 'canary-weight': '0' });

      expect(await countAnswers(client, all, 20)).toEqual({ blue: 20 });
      expect(await countAnswers(client, none, 20)).toEqual({ red: 20 });
    },
    slow,
  );

  it(
    'gets what its header says, before its cookie and its weight',
    async () => {
      const host = await canary({
        'canary-weight': '0',
        'canary-by-header': 'X-Canary',
        'canary-by-cookie': 'tester',
      });

      expect(await answer(host, '/', { 'x-canary': 'always' })).toBe('blue');
      expect(await answer(host, '/', { cookie: 'a=b; tester=always' })).toBe('blue');
      expect(await answer(host, '/', { 'x-canary': 'never', cookie: 'tester=always' })).toBe('red');
      expect(await answer(host, '/', { 'x-canary': 'other' })).toBe('red');
      expect(await answer(host)).toBe('red');
    },
    slow,
  );

  it(
    'gets the requests with a value of its header, or with one of a pattern',
    async () => {
      const valued = await canary({ 'canary-by-header': 'X-Group', 'canary-by-header-value': 'testers' });
      const pattern = await canary({ 'canary-by-header': 'X-Group', 'canary-by-header-pattern': '^test' });

      for (const host of [valued, pattern]) {
        expect(await answer(host, '/', { 'x-group': 'testers' })).toBe('blue');
        expect(await answer(host, '/', { 'x-group': 'always' })).toBe('red');
        expect(await answer(host)).toBe('red');
      }
      expect(await answer(pattern, '/', { 'x-group': 'test-2' })).toBe('blue');
      expect(await answer(valued, '/', { 'x-group': 'test-2' })).toBe('red');
    },
    slow,
  );
});
