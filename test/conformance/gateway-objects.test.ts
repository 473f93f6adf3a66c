import { describe, expect, it } from '@jest/globals';
import { patience, useLab } from './lab.ts';
import type { Json } from './wire.ts';

const lab = useLab('gateway-objects');
const slow = 30_000 * patience;

const route = (name: string, spec: Json = {}): Json => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name },
  spec: { parentRefs: [{ name: 'nobody' }], rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }], ...spec },
});
const apply = (name: string, spec: Json, manager: string, force = false): Promise<Json> =>
  lab.patch('httproutes', name, route(name, spec), 'apply', {
    query: { fieldManager: manager, ...(force ? { force: 'true' } : {}) },
  });
const paths = (version: string, name: string): string =>
  `/apis/gateway.networking.k8s.io/${version}/namespaces/${lab.namespace}/httproutes/${name}`;

describe('an HTTPRoute as an object', () => {
  it(
    'gets its defaults',
    async () => {
      const made = await lab.create(
        'httproutes',
        route('defaults', {
          rules: [
            {
              matches: [{ headers: [{ name: 'x', value: '1' }] }],
              backendRefs: [{ name: 'shop', port: 80 }],
            },
            {},
          ],
        }),
      );

      expect(made.spec.parentRefs).toEqual([
        { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'nobody' },
      ]);
      expect(made.spec.rules).toEqual([
        {
          matches: [
            {
              path: { type: 'PathPrefix', value: '/' },
              headers: [{ name: 'x', type: 'Exact', value: '1' }],
            },
          ],
          backendRefs: [{ group: '', kind: 'Service', name: 'shop', port: 80, weight: 1 }],
        },
        { matches: [{ path: { type: 'PathPrefix', value: '/' } }] },
      ]);
      expect(made.status).toBeUndefined();
    },
    slow,
  );

  it(
    'is the same in v1 and v1beta1, and its generation counts changes of the spec alone',
    async () => {
      await lab.create('httproutes', route('versions'));

      const older = await lab.wire.request('GET', paths('v1beta1', 'versions'));
      const same = await lab.wire.request('PUT', paths('v1beta1', 'versions'), { body: older.body });
      const labelled = await lab.patch('httproutes', 'versions', { metadata: { labels: { a: 'b' } } });
      const changed = await lab.patch('httproutes', 'versions', { spec: { hostnames: ['a.test'] } });

      expect(older.body).toMatchObject({
        apiVersion: 'gateway.networking.k8s.io/v1beta1',
        kind: 'HTTPRoute',
      });
      expect([same.code, same.body.metadata.generation]).toEqual([200, 1]);
      expect(labelled.body.metadata.generation).toBe(1);
      expect(changed.body.metadata.generation).toBe(2);
      expect(changed.body.apiVersion).toBe('gateway.networking.k8s.io/v1');
    },
    slow,
  );

  it(
    'has a status of its own, that only its path writes',
    async () => {
      await lab.create('httproutes', route('status'));
      const status = { parents: [] };

      const byObject = await lab.patch('httproutes', 'status', { status });
      const byStatus = await lab.wire.request('PATCH', `${paths('v1', 'status')}/status`, {
        contentType: 'application/merge-patch+json',
        body: { status, spec: { hostnames: ['b.test'] } },
      });

      expect(byObject.body.status).toBeUndefined();
      expect(byStatus.body.status).toEqual(status);
      expect(byStatus.body.spec.hostnames).toBeUndefined();
      expect(byStatus.body.metadata.generation).toBe(1);
    },
    slow,
  );

  it(
    'has rules that belong to one manager as a whole',
    async () => {
      // Written out with their defaults: what is atomic is compared as a whole.
      const parentRefs = [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'nobody' }];
      const weights = (first: number, second: number): Json => ({
        parentRefs,
        rules: [
          {
            backendRefs: [
              { name: 'shop', port: 80, weight: first },
              { name: 'shop-canary', port: 80, weight: second },
            ],
          },
        ],
      });
      await apply('rules', weights(100, 0), 'team');

      const refused = await apply('rules', weights(80, 20), 'slipway');
      const forced = await apply('rules', weights(80, 20), 'slipway', true);
      const labelled = await lab.patch('httproutes', 'rules', { metadata: { labels: { a: 'b' } } });

      expect(refused.code).toBe(409);
      expect(refused.body.details.causes).toEqual([
        expect.objectContaining({ field: '.spec.rules', message: 'conflict with "team"' }),
      ]);
      expect(forced.body.spec.rules[0].backendRefs.map((ref: Json) => ref.weight)).toEqual([80, 20]);
      const owners = labelled.body.metadata.managedFields;
      expect(owners.find((entry: Json) => entry.manager === 'slipway').fieldsV1['f:spec']).toMatchObject({
        'f:rules': {},
      });
      expect(owners.find((entry: Json) => entry.manager === 'team').fieldsV1['f:spec']).not.toHaveProperty(
        'f:rules',
      );
    },
    slow,
  );

  it(
    'takes no strategic merge patch',
    async () => {
      await lab.create('httproutes', route('strategic'));

      expect((await lab.patch('httproutes', 'strategic', { spec: {} }, 'strategic')).code).toBe(415);
    },
    slow,
  );

  it.each<[string, Json]>([
    ['a weight below 0', { rules: [{ backendRefs: [{ name: 'shop', port: 80, weight: -1 }] }] }],
    [
      'a weight above a million',
      { rules: [{ backendRefs: [{ name: 'shop', port: 80, weight: 1_000_001 }] }] },
    ],
    ['a backend without a name', { rules: [{ backendRefs: [{ port: 80 }] }] }],
    ['an unknown type of path', { rules: [{ matches: [{ path: { type: 'Prefix', value: '/' } }] }] }],
    ['an unknown method', { rules: [{ matches: [{ method: 'FETCH' }] }] }],
    ['an unknown filter', { rules: [{ filters: [{ type: 'Magic' }] }] }],
    ['text where a list belongs', { rules: 'none' }],
    ['a weight that is text', { rules: [{ backendRefs: [{ name: 'shop', port: 80, weight: '1' }] }] }],
  ])(
    'is refused with %s',
    async (_what, spec) => {
      const { code, body } = await lab.post('httproutes', route('refused', spec));

      expect([code, body.reason]).toEqual([422, 'Invalid']);
    },
    slow,
  );

  it(
    'is refused with a field that it does not have, when it is applied',
    async () => {
      const { code, body } = await apply('unknown', { rules: [{ backends: [] }] }, 'team');

      expect(code).toBe(500);
      expect(body.message).toContain('field not declared in schema');
    },
    slow,
  );
});

describe('a Gateway as an object', () => {
  it(
    'waits for its controller when nobody has its class',
    async () => {
      const made = await lab.create('gateways', {
        kind: 'Gateway',
        metadata: { name: 'waiting' },
        spec: {
          gatewayClassName: 'nobody',
          listeners: [{ name: 'http', protocol: 'HTTP', port: 80 }],
        },
      });

      expect(made.spec.listeners[0].allowedRoutes).toEqual({ namespaces: { from: 'Same' } });
      expect(made.status.conditions.map(({ type, status, reason }: Json) => [type, status, reason])).toEqual([
        ['Accepted', 'Unknown', 'Pending'],
        ['Programmed', 'Unknown', 'Pending'],
      ]);
    },
    slow,
  );

  it(
    'has listeners that are merged by their names',
    async () => {
      const gateway = (name: string, port: number): Json => ({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: { name: 'merged' },
        spec: { gatewayClassName: 'nobody', listeners: [{ name, protocol: 'HTTP', port }] },
      });
      const applied = (object: Json, manager: string): Promise<Json> =>
        lab.patch('gateways', 'merged', object, 'apply', { query: { fieldManager: manager } });
      await applied(gateway('one', 80), 'a');

      const { body } = await applied(gateway('two', 8080), 'b');

      expect(body.spec.listeners.map((listener: Json) => listener.name)).toEqual(['one', 'two']);
    },
    slow,
  );
});
