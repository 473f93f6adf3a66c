import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OutgoingHttpHeaders } from 'node:http';
import type { GatewayAddress, GatewayClient } from './gateway.ts';
import { countAnswers, findGateway, gatewayClient, makeBackends, shareTolerance } from './gateway.ts';
import { patience, useLab } from './lab.ts';
import { container, idle, pod, service } from './objects.ts';
import type { Json } from './wire.ts';

const lab = useLab('routes');
const slow = 40_000 * patience;
let gateway: GatewayAddress;
let client: GatewayClient;
let names = 0;

beforeAll(async () => {
  gateway = await findGateway(lab);
  client = gatewayClient(gateway);
  await makeBackends(lab, { red: 8180, blue: 8181 });
  const unready = container(idle, { readinessProbe: { exec: { command: ['false'] }, periodSeconds: 1 } });
  await lab.create('pods', pod('unready', '', { containers: [unready] }, { labels: { app: 'unready' } }));
  await lab.create('services', service('unready'));
}, 60_000 * patience);
afterAll(() => client.close());

const backend = (name: string, weight = 1): Json => ({ name, port: 80, weight });
const to = (name: string, ...matches: Json[]): Json => ({ matches, backendRefs: [backend(name)] });
const prefix = (value: string): Json => ({ path: { type: 'PathPrefix', value } });
const newHost = (): string => `host-${String((names += 1))}.${lab.namespace}.test`;
const parent = (): Json => ({ namespace: gateway.namespace, name: gateway.name });

/** Creates a route for a host of its own and waits until the gateway has seen it. */
async function route(rules: Json[], spec: Json = {}): Promise<{ name: string; host: string; object: Json }> {
  const host = newHost();
  const name = host.split('.')[0] ?? '';
  await lab.create('httproutes', {
    kind: 'HTTPRoute',
    metadata: { name },
    spec: { parentRefs: [parent()], hostnames: [host], rules, ...spec },
  });
  return { name, host, object: await settled(name) };
}

/** The route, once its status is that of what it is now. */
function settled(name: string): Promise<Json> {
  return lab.until('httproutes', name, (object) =>
    parentConditions(object).every((one) => one.observedGeneration === object.metadata.generation),
  );
}

const parentConditions = (object: Json): Json[] => object.status?.parents?.[0]?.conditions ?? [{}];
const parentCondition = (object: Json, type: string): Json =>
  parentConditions(object).find((one) => one.type === type);
const answer = async (host: string, path = '/', headers: OutgoingHttpHeaders = {}): Promise<string> =>
  (await client.ask(host, path, { headers })).text;
const code = async (host: string, path = '/'): Promise<number> => (await client.ask(host, path)).code;

describe('HTTPRoutes', () => {
  it(
    'split the requests of one kept connection by weight',
    async () => {
      const { host } = await route([{ backendRefs: [backend('red', 20), backend('blue', 80)] }]);
      const before = client.connections();

      const { red = 0, blue = 0 } = await countAnswers(client, host, 500);

      expect(red + blue).toBe(500);
      expect(Math.abs(red - 100)).toBeLessThanOrEqual(shareTolerance(lab));
      expect(client.connections() - before).toBeLessThanOrEqual(1);
    },
    slow,
  );

  it(
    'are followed by the next request once their status is of their generation',
    async () => {
      const { name, host } = await route([{ backendRefs: [backend('red', 1), backend('blue', 0)] }]);
      expect(await countAnswers(client, host, 20)).toEqual({ red: 20 });

      for (const weights of [
        [0, 1],
        [1, 0],
        [0, 1],
      ]) {
        const rules = [{ backendRefs: [backend('red', weights[0]), backend('blue', weights[1])] }];
        await lab.patch('httproutes', name, { spec: { rules } });
        await settled(name);
        expect(await countAnswers(client, host, 10)).toEqual({ [weights[0] === 1 ? 'red' : 'blue']: 10 });
      }
    },
    slow,
  );

  it(
    'end with their objects: the host has no route any more',
    async () => {
      const { name, host } = await route([to('red')]);
      expect(await code(host)).toBe(200);

      await lab.remove('httproutes', name);

      const end = Date.now() + 5000 * patience;
      while ((await code(host)) !== 404) expect(Date.now()).toBeLessThan(end);
    },
    slow,
  );
});

describe('the matches of an HTTPRoute', () => {
  it(
    'are paths: exact before longer before shorter, prefixes by whole segments',
    async () => {
      const { host } = await route([
        to('red', prefix('/')),
        to('blue', prefix('/cart')),
        to('red', { path: { type: 'Exact', value: '/cart/items' } }),
      ]);

      expect(await answer(host)).toBe('red');
      expect(await answer(host, '/cart/')).toBe('blue');
      expect(await answer(host, '/cart/index.html?a=b')).toBe('blue');
      expect(await answer(host, '/cart/items')).toBe('red');
      expect(await answer(host, '/cartoon')).toBe('red');
    },
    slow,
  );

  it(
    'are expressions of a path from its beginning',
    async () => {
      const { host } = await route([to('blue', { path: { type: 'RegularExpression', value: '/v[0-9]+$' } })]);

      expect(await answer(host, '/v12')).toBe('blue');
      expect(await code(host, '/v')).toBe(404);
      expect(await code(host, '/other/v12')).toBe(404);
    },
    slow,
  );

  it(
    'are headers, parameters of the query and methods, all of a match together, and any of several',
    async () => {
      const { host } = await route([
        to('red'),
        to(
          'blue',
          { headers: [{ name: 'X-Canary', value: 'yes' }] },
          { headers: [{ name: 'x-user', type: 'RegularExpression', value: '^test-' }] },
          { queryParams: [{ name: 'canary', value: '1' }], headers: [{ name: 'X-Two', value: '2' }] },
          { method: 'OPTIONS' },
        ),
      ]);

      expect(await answer(host)).toBe('red');
      expect(await answer(host, '/', { 'x-canary': 'yes' })).toBe('blue');
      expect(await answer(host, '/', { 'x-canary': 'no' })).toBe('red');
      expect(await answer(host, '/', { 'X-User': 'test-7' })).toBe('blue');
      expect(await answer(host, '/', { 'X-User': 'a-test-7' })).toBe('red');
      expect(await answer(host, '/?canary=1')).toBe('red');
      expect(await answer(host, '/?canary=1', { 'x-two': '2' })).toBe('blue');
    },
    slow,
  );

  it(
    'are hosts: a name before a wildcard, whatever the case and the port',
    async () => {
      const zone = newHost();
      await route([to('red')], { hostnames: [`*.${zone}`] });
      await route([to('blue')], { hostnames: [`www.${zone}`] });

      expect(await answer(`www.${zone}`)).toBe('blue');
      expect(await answer(`WWW.${zone}:8080`)).toBe('blue');
      expect(await answer(`other.${zone}`)).toBe('red');
      expect(await answer(`a.b.${zone}`)).toBe('red');
      expect(await code(zone)).toBe(404);
    },
    slow,
  );
});

describe('the filters of an HTTPRoute', () => {
  it(
    'change what goes to the pod: headers, path and host',
    async () => {
      const { host } = await route([
        {
          ...to('red', prefix('/shop')),
          filters: [
            {
              type: 'RequestHeaderModifier',
              requestHeaderModifier: {
                set: [{ name: 'X-Set', value: 'new' }],
                add: [{ name: 'X-Added', value: 'more' }],
                remove: ['X-Removed'],
              },
            },
            {
              type: 'URLRewrite',
              urlRewrite: {
                hostname: 'inner.test',
                path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/cgi-bin' },
              },
            },
          ],
        },
      ]);

      const lines = (
        await answer(host, '/shop/echo?a=b', { 'x-set': 'old', 'x-removed': 'old', 'x-kept': 'old' })
      ).split('\n');

      expect(lines).toEqual(
        expect.arrayContaining([
          'HTTP_X_SET=new',
          'HTTP_X_ADDED=more',
          'HTTP_X_KEPT=old',
          'HTTP_HOST=inner.test',
        ]),
      );
      expect(lines.filter((line) => line.startsWith('HTTP_X_REMOVED'))).toEqual([]);
      expect(lines.find((line) => line.startsWith('URI='))).toContain('/cgi-bin/echo');
    },
    slow,
  );

  it(
    'change what comes back, and redirect without asking a pod',
    async () => {
      const { host } = await route([
        {
          ...to('red', prefix('/cart')),
          filters: [
            {
              type: 'ResponseHeaderModifier',
              responseHeaderModifier: {
                set: [{ name: 'X-Track', value: 'stable' }],
                remove: ['Last-Modified'],
              },
            },
          ],
        },
        {
          matches: [prefix('/old')],
          filters: [
            {
              type: 'RequestRedirect',
              requestRedirect: {
                scheme: 'https',
                hostname: 'new.test',
                path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' },
                statusCode: 301,
              },
            },
          ],
        },
      ]);

      const changed = await client.ask(host, '/cart/items');
      const redirected = await client.ask(host, '/old/a?b=c');

      expect(changed).toMatchObject({ code: 200, text: 'red', headers: { 'x-track': 'stable' } });
      expect(changed.headers['last-modified']).toBeUndefined();
      expect(redirected).toMatchObject({ code: 301, headers: { location: 'https://new.test/new/a?b=c' } });
    },
    slow,
  );

  it(
    'that the gateway does not have are told in the status, and the route is not served',
    async () => {
      const mirror = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'blue', port: 80 } } };
      const { host, object } = await route([{ ...to('red'), filters: [mirror] }]);

      expect(parentCondition(object, 'Accepted')).toMatchObject({
        status: 'False',
        reason: 'UnsupportedValue',
        message: expect.stringContaining('RequestMirror'),
      });
      expect(await code(host)).toBe(404);
    },
    slow,
  );
});

describe('what cannot be served', () => {
  it(
    'is 404 for a host without a route, 500 for a Service that is missing and a sum of 0, 503 without ready pods',
    async () => {
      const missing = await route([{ backendRefs: [backend('missing')] }]);
      const port = await route([{ backendRefs: [{ name: 'red', port: 81 }] }]);
      const none = await route([{ backendRefs: [backend('red', 0), backend('blue', 0)] }]);
      const unready = await route([{ backendRefs: [backend('unready')] }]);

      expect(await code(newHost())).toBe(404);
      expect(await code(missing.host)).toBe(500);
      expect(await code(port.host)).toBe(500);
      expect(await code(none.host)).toBe(500);
      expect(await code(unready.host)).toBe(503);
    },
    slow,
  );

  it(
    'is answered with 500 for the share of a missing Service alone',
    async () => {
      const { host } = await route([{ backendRefs: [backend('missing', 1), backend('red', 1)] }]);

      const seen = new Set<number>();
      for (let count = 0; count < 60; count += 1) seen.add(await code(host));

      expect([...seen].sort()).toEqual([200, 500]);
    },
    slow,
  );
});

describe('the status of an HTTPRoute', () => {
  it(
    'is Accepted with ResolvedRefs, by the controller of the class, of its generation',
    async () => {
      const { object } = await route([to('red')]);
      const { body } = await lab.wire.request('GET', '/apis/gateway.networking.k8s.io/v1/gatewayclasses');
      const controllers = body.items.map((item: Json) => item.spec.controllerName);

      expect(object.status.parents).toHaveLength(1);
      expect(object.status.parents[0].parentRef).toMatchObject(parent());
      expect(controllers).toContain(object.status.parents[0].controllerName);
      for (const type of ['Accepted', 'ResolvedRefs'])
        expect(parentCondition(object, type)).toEqual({
          type,
          status: 'True',
          reason: type,
          message: '',
          observedGeneration: 1,
          lastTransitionTime: expect.stringMatching(/^\d{4}-.*Z$/),
        });
    },
    slow,
  );

  it.each([
    ['BackendNotFound', { name: 'missing', port: 80 }],
    ['InvalidKind', { name: 'red', kind: 'Bucket', group: 'storage.test' }],
    ['RefNotPermitted', { name: 'kubernetes', namespace: 'default', port: 443 }],
  ])(
    'tells %s of a backend',
    async (reason, ref) => {
      const { object, host } = await route([{ backendRefs: [ref] }]);

      expect(parentCondition(object, 'Accepted')).toMatchObject({ status: 'True' });
      expect(parentCondition(object, 'ResolvedRefs')).toMatchObject({ status: 'False', reason });
      expect(await code(host)).toBe(500);
    },
    slow,
  );

  it(
    'keeps the time of a transition while the status stays',
    async () => {
      const { name, object } = await route([to('red')]);
      const since = parentCondition(object, 'Accepted').lastTransitionTime;
      await new Promise((resolve) => setTimeout(resolve, 1100));

      await lab.patch('httproutes', name, { spec: { rules: [to('blue')] } });

      const changed = await settled(name);
      expect(parentCondition(changed, 'Accepted')).toMatchObject({
        observedGeneration: 2,
        lastTransitionTime: since,
      });
    },
    slow,
  );

  it(
    'has NoMatchingParent for a listener that is not there, and is nobody’s without a Gateway',
    async () => {
      const { object, host } = await route([to('red')], {
        parentRefs: [{ ...parent(), sectionName: 'other' }],
      });
      await lab.create('httproutes', {
        kind: 'HTTPRoute',
        metadata: { name: 'orphan' },
        spec: { parentRefs: [{ name: 'nobody' }], rules: [to('red')] },
      });

      expect(parentCondition(object, 'Accepted')).toMatchObject({
        status: 'False',
        reason: 'NoMatchingParent',
      });
      expect(await code(host)).toBe(404);
      expect((await lab.get('httproutes', 'orphan')).status?.parents ?? []).toEqual([]);
    },
    slow,
  );
});

describe('a Gateway of one’s own', () => {
  it(
    'tells its address, its listeners and how many routes each has, and takes what its listeners allow',
    async () => {
      const { body } = await lab.wire.request(
        'GET',
        `/apis/gateway.networking.k8s.io/v1/namespaces/${gateway.namespace}/gateways/${gateway.name}`,
      );
      const zone = newHost();
      await lab.create('gateways', {
        kind: 'Gateway',
        metadata: { name: 'own' },
        spec: {
          gatewayClassName: body.spec.gatewayClassName,
          listeners: [
            { name: 'http', protocol: 'HTTP', port: gateway.port, hostname: `*.${zone}` },
            {
              name: 'tls',
              protocol: 'HTTPS',
              port: gateway.port,
              tls: { certificateRefs: [{ name: 'none' }] },
            },
          ],
        },
      });
      const own = { parentRefs: [{ name: 'own' }] };
      const inside = await route([to('red')], { ...own, hostnames: [`www.${zone}`] });
      const outside = await route([to('red')], { ...own, hostnames: ['elsewhere.test'] });

      const made = await lab.until(
        'gateways',
        'own',
        (object) => object.status?.listeners?.[0]?.attachedRoutes === 1,
      );
      expect(made.status.addresses).toEqual([{ type: 'IPAddress', value: gateway.host }]);
      expect(made.status.conditions).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            type: 'Accepted',
            status: 'True',
            reason: 'ListenersNotValid',
            observedGeneration: 1,
          }),
          expect.objectContaining({ type: 'Programmed', status: 'True', reason: 'Programmed' }),
        ]),
      );
      expect(made.status.listeners[1].conditions).toContainEqual(
        expect.objectContaining({ type: 'Accepted', status: 'False', reason: 'UnsupportedProtocol' }),
      );
      expect(await answer(`www.${zone}`)).toBe('red');
      expect(parentCondition(inside.object, 'Accepted')).toMatchObject({ status: 'True' });
      expect(parentCondition(outside.object, 'Accepted')).toMatchObject({
        status: 'False',
        reason: 'NoMatchingListenerHostname',
      });
    },
    slow,
  );
});
