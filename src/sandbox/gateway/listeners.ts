import type { Fields } from '../../base/fields.ts';
import type { Inventory } from '../controllers/inventory.ts';
import { selectorMatches } from '../controllers/selectors.ts';
import type { LabelSelector } from '../controllers/workload-types.ts';
import { at, child, items, scalarText, text } from '../kinds/fields.ts';
import type { StoredObject } from '../store/objects.ts';
import type { WantedCondition } from './conditions.ts';
import { conditionsOf, controllerName, gatewayGroup } from './conditions.ts';

/** A listener of a Gateway of the sandbox's class. All of them listen on the one port that the proxy has. */
export interface Listener {
  name: string;
  port: number;
  hostname: string | undefined;
  /** Why it is not served. */
  refused: 'UnsupportedProtocol' | 'PortUnavailable' | undefined;
  fields: Fields;
  /** How many routes it has; counted while routes are planned. */
  attached: Set<string>;
}

/** A Gateway of the sandbox's class. */
export interface OwnGateway {
  gateway: StoredObject;
  listeners: Listener[];
}

/** What a status is written from. */
export interface StatusInputs {
  /** Where clients reach the proxy. */
  address: string;
  /** The present, as Kubernetes writes it. */
  now: string;
}

/** Port of listeners that is served beside the proxy's own, as manifests for other clusters have it. */
const usualPort = 80;

/** GatewayClasses that name the sandbox as their controller. */
export function ownClasses(cluster: Inventory): StoredObject[] {
  return cluster.list('GatewayClass').filter(({ spec }) => at(spec, 'controllerName') === controllerName);
}

/** Gateways of the sandbox's classes; `port` is the proxy's. */
export function ownGateways(cluster: Inventory, port: number): OwnGateway[] {
  const classes = new Set<unknown>(ownClasses(cluster).map(({ metadata }) => metadata.name));
  return cluster
    .list('Gateway')
    .filter(({ spec }) => classes.has(at(spec, 'gatewayClassName')))
    .map((gateway) => ({
      gateway,
      listeners: items(child(gateway, 'spec'), 'listeners').map((fields) => listenerOf(fields, port)),
    }));
}

function listenerOf(fields: Fields, proxyPort: number): Listener {
  const port = Number(fields['port']);
  const isServed = port === proxyPort || port === usualPort;
  const refused =
    fields['protocol'] !== 'HTTP' ? 'UnsupportedProtocol' : isServed ? undefined : 'PortUnavailable';
  const hostname = text(fields, 'hostname') || undefined;
  return { name: scalarText(fields['name']), port, hostname, refused, fields, attached: new Set() };
}

/** Whether a listener takes routes of a namespace. */
export function allowsNamespace(
  { fields }: Listener,
  { gateway, namespace, cluster }: { gateway: StoredObject; namespace: string; cluster: Inventory },
): boolean {
  const rule = child(child(fields, 'allowedRoutes'), 'namespaces');
  switch (rule?.['from'] ?? 'Same') {
    case 'All':
      return true;
    case 'Same':
      return namespace === gateway.metadata.namespace;
    case 'Selector': {
      const labels = cluster.get({ kind: 'Namespace', name: namespace })?.metadata.labels;
      return selectorMatches(rule?.['selector'] as LabelSelector | undefined, labels);
    }
    default:
      return false;
  }
}

const allowedKinds = ({ fields }: Listener): Fields[] => {
  const kinds = items(child(fields, 'allowedRoutes'), 'kinds');
  return kinds.length > 0 ? kinds : [{ group: gatewayGroup, kind: 'HTTPRoute' }];
};

const isHttpRoute = ({ group = gatewayGroup, kind }: Fields): boolean =>
  group === gatewayGroup && kind === 'HTTPRoute';

/** Whether a listener takes HTTPRoutes at all. */
export function allowsHttpRoutes(listener: Listener): boolean {
  return allowedKinds(listener).some(isHttpRoute);
}

/** The status of a GatewayClass. */
export function classStatus(gatewayClass: StoredObject, { now }: StatusInputs): Fields {
  const wanted = [{ type: 'Accepted', isTrue: true, reason: 'Accepted' }];
  const before = child(gatewayClass, 'status');
  return { ...before, conditions: conditionsOf(gatewayClass, wanted, { before, now }) };
}

/** The status of a Gateway, once its listeners know their routes. */
export function gatewayStatus({ gateway, listeners }: OwnGateway, { address, now }: StatusInputs): Fields {
  const before = child(gateway, 'status');
  const served = listeners.filter(({ refused }) => refused === undefined).length;
  const accepted = served === listeners.length ? 'Accepted' : 'ListenersNotValid';
  return {
    addresses: [{ type: 'IPAddress', value: address }],
    conditions: conditionsOf(
      gateway,
      [
        { type: 'Accepted', isTrue: served > 0, reason: accepted },
        { type: 'Programmed', isTrue: served > 0, reason: served > 0 ? 'Programmed' : 'Invalid' },
      ],
      { before, now },
    ),
    listeners: listeners.map((listener) => ({
      name: listener.name,
      attachedRoutes: listener.attached.size,
      supportedKinds: allowedKinds(listener)
        .filter(isHttpRoute)
        .map(() => ({ group: gatewayGroup, kind: 'HTTPRoute' })),
      conditions: conditionsOf(gateway, listenerConditions(listener), {
        before: items(before, 'listeners').find(({ name }) => name === listener.name),
        now,
      }),
    })),
  };
}

function listenerConditions(listener: Listener): WantedCondition[] {
  const { refused, port } = listener;
  const message =
    refused === 'PortUnavailable'
      ? `port ${port} is not served: the sandbox's gateway has one port, which stands in the Gateway sandbox of kube-system; 80 stands for it, too`
      : refused === undefined
        ? ''
        : 'the sandbox serves the protocol HTTP alone';
  const isResolved = allowedKinds(listener).every(isHttpRoute);
  return [
    { type: 'Accepted', isTrue: refused === undefined, reason: refused ?? 'Accepted', message },
    { type: 'Conflicted', isTrue: false, reason: 'NoConflicts' },
    {
      type: 'Programmed',
      isTrue: refused === undefined,
      reason: refused === undefined ? 'Programmed' : 'Invalid',
    },
    { type: 'ResolvedRefs', isTrue: isResolved, reason: isResolved ? 'ResolvedRefs' : 'InvalidRouteKinds' },
  ];
}
