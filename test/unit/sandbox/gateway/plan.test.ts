import { describe, expect, it } from '@jest/globals';
import type { Fields } from '../../../../src/base/fields.ts';
import { createInventory } from '../../../../src/sandbox/controllers/inventory.ts';
import type { GatewayPlan } from '../../../../src/sandbox/gateway/plan.ts';
import { planGateway } from '../../../../src/sandbox/gateway/plan.ts';
import type { StoredObject } from '../../../../src/sandbox/store/objects.ts';

const group = 'gateway.networking.k8s.io';
const controllerName = 'slipway.dev/sandbox-gateway';

function object(kind: string, name: string, fields: Fields = {}, namespace = 'shop'): StoredObject {
  const apiVersion =
    kind === 'Service' || kind === 'Namespace'
      ? 'v1'
      : kind === 'EndpointSlice'
        ? 'discovery.k8s.io/v1'
        : `${group}/v1`;
  const { labels, ...rest } = fields;
  const metadata = {
    name,
    namespace,
    uid: `${kind}/${namespace}/${name}`,
    resourceVersion: '1',
    generation: 3,
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...(labels === undefined ? {} : { labels: labels as Record<string, string> }),
  };
  return { apiVersion, kind, metadata, ...rest };
}

const service = (name: string, namespace = 'shop'): StoredObject[] => [
  object('Service', name, { spec: { ports: [{ name: 'http', port: 80 }] } }, namespace),
  object(
    'EndpointSlice',
    name,
    {
      labels: { 'kubernetes.io/service-name': name },
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [
        { addresses: ['10.0.0.1'], conditions: { ready: true } },
        { addresses: ['10.0.0.2'], conditions: { ready: false } },
      ],
    },
    namespace,
  ),
];
const gateway = (listener: Fields = {}): StoredObject =>
  object(
    'Gateway',
    'own',
    {
      spec: {
        gatewayClassName: 'sandbox',
        listeners: [{ name: 'http', protocol: 'HTTP', port: 80, ...listener }],
      },
    },
    'infra',
  );
const route = (spec: Fields = {}, more: Fields = {}): StoredObject =>
  object('HTTPRoute', 'route', {
    spec: {
      parentRefs: [{ name: 'own', namespace: 'infra' }],
      rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
      ...spec,
    },
    ...more,
  });
const toAll = { allowedRoutes: { namespaces: { from: 'All' } } };

function plan(...objects: StoredObject[]): GatewayPlan {
  const cluster = createInventory();
  const classes = object('GatewayClass', 'sandbox', { spec: { controllerName } });
  for (const one of [classes, ...objects]) cluster.follow({ type: 'ADDED', object: one });
  return planGateway(cluster, { address: '127.1.1.1', port: 9000, now: '2026-02-02T00:00:00Z' });
}

/** Type, status and reason of each condition of the route's first parent. */
function verdicts({ statuses }: GatewayPlan): string[] {
  const found = statuses.find(({ object: { kind } }) => kind === 'HTTPRoute')?.status as
    { parents: { conditions: { type: string; status: string; reason: string }[] }[] } | undefined;
  const conditions = found?.parents[0]?.conditions ?? [];
  return conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
}

describe('the plan of the gateway', () => {
  it('routes to the ready addresses of the Service’s port', () => {
    const { table } = plan(gateway(toAll), route(), ...service('web'));

    expect(table.hosts.get('*')?.[0]?.split.shares).toMatchObject([
      { target: { state: 'known', endpoints: [{ address: '10.0.0.1', port: 8080 }] } },
    ]);
  });

  it.each<[string, Fields, boolean]>([
    ['the same namespace', {}, false],
    ['all namespaces', toAll, true],
    ['no namespace', { allowedRoutes: { namespaces: { from: 'None' } } }, false],
    [
      'namespaces with a label',
      { allowedRoutes: { namespaces: { from: 'Selector', selector: { matchLabels: { team: 'shop' } } } } },
      true,
    ],
    [
      'namespaces with another label',
      { allowedRoutes: { namespaces: { from: 'Selector', selector: { matchLabels: { team: 'x' } } } } },
      false,
    ],
    [
      'another kind of route',
      { allowedRoutes: { ...toAll.allowedRoutes, kinds: [{ kind: 'GRPCRoute' }] } },
      false,
    ],
  ])('lets a listener take routes of %s', (_what, listener, isTaken) => {
    const namespace = object('Namespace', 'shop', { labels: { team: 'shop' } }, '');
    const made = plan(gateway(listener), namespace, route(), ...service('web'));

    expect(verdicts(made)[0]).toBe(
      isTaken ? 'Accepted True Accepted' : 'Accepted False NotAllowedByListeners',
    );
    expect(made.table.hosts.size).toBe(isTaken ? 1 : 0);
  });

  it('takes a backend of another namespace only where a ReferenceGrant there permits it', () => {
    const other = route({ rules: [{ backendRefs: [{ name: 'web', namespace: 'stock', port: 80 }] }] });
    const grant = (from: Fields, to: Fields): StoredObject =>
      object(
        'ReferenceGrant',
        'grant',
        {
          spec: {
            from: [{ group, kind: 'HTTPRoute', ...from }],
            to: [{ group: '', kind: 'Service', ...to }],
          },
        },
        'stock',
      );
    const verdict = (...grants: StoredObject[]): string | undefined =>
      verdicts(plan(gateway(toAll), other, ...service('web', 'stock'), ...grants))[1];

    expect(verdict()).toBe('ResolvedRefs False RefNotPermitted');
    expect(verdict(grant({ namespace: 'shop' }, {}))).toBe('ResolvedRefs True ResolvedRefs');
    expect(verdict(grant({ namespace: 'shop' }, { name: 'web' }))).toBe('ResolvedRefs True ResolvedRefs');
    expect(verdict(grant({ namespace: 'shop' }, { name: 'api' }))).toBe('ResolvedRefs False RefNotPermitted');
    expect(verdict(grant({ namespace: 'other' }, {}))).toBe('ResolvedRefs False RefNotPermitted');
  });

  it('serves listeners of its own port and of 80, and says of others why not', () => {
    const listeners = (port: number): unknown =>
      plan(gateway({ port })).statuses.find(({ object: { kind } }) => kind === 'Gateway')?.status[
        'listeners'
      ];
    const accepted = (status: string, reason: string): unknown => [
      expect.objectContaining({
        conditions: expect.arrayContaining([expect.objectContaining({ type: 'Accepted', status, reason })]),
      }),
    ];

    expect(listeners(9000)).toEqual(accepted('True', 'Accepted'));
    expect(listeners(80)).toEqual(accepted('True', 'Accepted'));
    expect(listeners(8443)).toEqual(accepted('False', 'PortUnavailable'));
  });

  it('leaves what other controllers say of a route, and takes back what it said of one that is no longer its own', () => {
    const theirs = { parentRef: { name: 'mesh' }, controllerName: 'other.test/mesh', conditions: [] };
    const ours = { parentRef: { name: 'own', namespace: 'infra' }, controllerName, conditions: [] };
    const status = { parents: [ours, theirs] };
    const statusOf = (spec: Fields): unknown =>
      plan(gateway(toAll), route(spec, { status })).statuses.find(
        ({ object: { kind } }) => kind === 'HTTPRoute',
      )?.status;

    expect(statusOf({})).toMatchObject({ parents: [theirs, { controllerName }] });
    expect(statusOf({ parentRefs: [{ name: 'mesh' }] })).toEqual({ parents: [theirs] });
  });

  it('counts a route once for each listener, and none of those of other classes', () => {
    const twice = route({
      parentRefs: Array.from({ length: 2 }, () => ({ name: 'own', namespace: 'infra' })),
    });
    const foreign = object('Gateway', 'foreign', { spec: { gatewayClassName: 'other', listeners: [] } });
    const { statuses } = plan(gateway(toAll), foreign, twice, ...service('web'));
    const gateways = statuses.filter(({ object: { kind } }) => kind === 'Gateway');

    expect(gateways.map(({ object: { metadata } }) => metadata.name)).toEqual(['own']);
    expect(gateways[0]?.status).toMatchObject({ listeners: [{ attachedRoutes: 1 }] });
  });
});
