import type { Fields } from '../../base/fields.ts';
import { sameJson } from '../../base/same-json.ts';
import type { Inventory } from '../controllers/inventory.ts';
import { child, items, scalarText, text } from '../kinds/fields.ts';
import type { StoredObject } from '../store/objects.ts';
import { nameOfBackend, shareOf } from './backends.ts';
import { conditionsOf, controllerName, gatewayGroup } from './conditions.ts';
import { sharedHosts } from './hosts.ts';
import type { Listener, OwnGateway, StatusInputs } from './listeners.ts';
import { allowsHttpRoutes, allowsNamespace } from './listeners.ts';
import type { PlacedRow } from './placed-row.ts';
import { placed } from './placed-row.ts';
import { readFilters } from './read-filters.ts';
import { readMatches } from './read-matches.ts';
import type { Row, Share } from './table.ts';

/** What becomes of an HTTPRoute. */
export interface RoutePlan {
  rows: PlacedRow[];
  /** Undefined for a route that is none of the sandbox's and has never been. */
  status: Fields | undefined;
}

/** Why a reference of a route leads nowhere. */
interface Unresolved {
  reason: 'InvalidKind' | 'RefNotPermitted' | 'BackendNotFound';
  message: string;
}

/** What the rules of a route say. */
interface Rules {
  rows: Row[];
  /** The first one. */
  unresolved: Unresolved | undefined;
  unsupported: string[];
}

/** Plans a route: attaches it to the listeners that its parents name and take it. */
export function planHttpRoute(
  route: StoredObject,
  gateways: readonly OwnGateway[],
  cluster: Inventory,
  { now }: StatusInputs,
): RoutePlan {
  const { namespace = 'default' } = route.metadata;
  const { rows, unresolved, unsupported } = readRules(route, cluster);
  const hosts = new Set<string>();
  const before = items(child(route, 'status'), 'parents');
  const parents = items(child(route, 'spec'), 'parentRefs').flatMap((ref) => {
    const own = gateways.find(({ gateway }) => isMeant(ref, gateway, namespace));
    if (own === undefined) return [];
    const { reason, listeners } = attachmentOf(ref, own, route, cluster);
    const verdict = reason === 'Accepted' && unsupported.length > 0 ? 'UnsupportedValue' : reason;
    if (verdict === 'Accepted') {
      for (const { listener, names } of listeners) {
        listener.attached.add(route.metadata.uid);
        for (const name of names) hosts.add(name);
      }
    }
    const wanted = [
      {
        type: 'Accepted',
        isTrue: verdict === 'Accepted',
        reason: verdict,
        message: verdict === 'UnsupportedValue' ? unsupported.join('; ') : '',
      },
      {
        type: 'ResolvedRefs',
        isTrue: unresolved === undefined,
        reason: 'ResolvedRefs',
        ...unresolved,
      },
    ];
    const old = before.find((parent) => isOwn(parent) && sameJson(parent['parentRef'], ref));
    return [
      { parentRef: ref, controllerName, conditions: conditionsOf(route, wanted, { before: old, now }) },
    ];
  });
  const others = before.filter((parent) => !isOwn(parent));
  const isConcerned = parents.length > 0 || others.length < before.length;
  return {
    rows: [...hosts].flatMap((host) => placed(route, host, rows)),
    status: isConcerned ? { parents: [...others, ...parents] } : undefined,
  };
}

const isOwn = (parent: Fields): boolean => parent['controllerName'] === controllerName;

/** Whether a parentRef names this Gateway. */
function isMeant(ref: Fields, { metadata }: StoredObject, namespace: string): boolean {
  const { group = gatewayGroup, kind = 'Gateway', namespace: where = namespace, name } = ref;
  return (
    group === gatewayGroup && kind === 'Gateway' && where === metadata.namespace && name === metadata.name
  );
}

type Refusal = 'NoMatchingParent' | 'NotAllowedByListeners' | 'NoMatchingListenerHostname';

/** The listeners that take a route, each with the host names that both have; or why none does. */
function attachmentOf(
  ref: Fields,
  { gateway, listeners }: OwnGateway,
  route: StoredObject,
  cluster: Inventory,
): { reason: 'Accepted' | Refusal; listeners: { listener: Listener; names: string[] }[] } {
  const { namespace = 'default' } = route.metadata;
  const { sectionName, port } = ref;
  const hostnames = hostnamesOf(route);
  const meant = listeners.filter(
    (listener) =>
      (sectionName === undefined || sectionName === listener.name) &&
      (port === undefined || port === listener.port) &&
      listener.refused === undefined,
  );
  const allowed = meant.filter(
    (listener) => allowsHttpRoutes(listener) && allowsNamespace(listener, { gateway, namespace, cluster }),
  );
  const matching = allowed
    .map((listener) => ({ listener, names: sharedHosts(listener.hostname, hostnames) }))
    .filter(({ names }) => names.length > 0);
  const reason =
    meant.length === 0
      ? 'NoMatchingParent'
      : allowed.length === 0
        ? 'NotAllowedByListeners'
        : matching.length === 0
          ? 'NoMatchingListenerHostname'
          : 'Accepted';
  return { reason, listeners: matching };
}

function hostnamesOf(route: StoredObject): string[] {
  const names = child(route, 'spec')?.['hostnames'];
  return Array.isArray(names) ? names.map(scalarText) : [];
}

function readRules(route: StoredObject, cluster: Inventory): Rules {
  const rules = items(child(route, 'spec'), 'rules');
  const result: Rules = { rows: [], unresolved: undefined, unsupported: [] };
  for (const [index, rule] of rules.entries()) {
    const { filters, unsupported } = readFilters(items(rule, 'filters'));
    const { matches, unsupported: unread } = readMatches(rule);
    const shares = items(rule, 'backendRefs').map((ref) => readBackend(ref, route, cluster, result));
    const split = { key: `${route.metadata.uid}/${index}`, shares };
    result.unsupported.push(...unsupported, ...unread);
    result.rows.push(...matches.map((match) => ({ match, filters, split })));
  }
  return result;
}

function readBackend(ref: Fields, route: StoredObject, cluster: Inventory, into: Rules): Share {
  const { namespace: own = 'default' } = route.metadata;
  const { group = '', kind = 'Service', weight = 1, port } = ref;
  const [service, namespace] = [scalarText(ref['name']), text(ref, 'namespace') ?? own];
  const { filters, unsupported } = readFilters(items(ref, 'filters'));
  into.unsupported.push(...unsupported);
  const named = typeof port === 'number' ? port : undefined;
  const backend = { namespace, service, port: named, weight: Number(weight), filters };
  const fail = (reason: Unresolved['reason'], why: string): Share => {
    into.unresolved ??= { reason, message: `${nameOfBackend(backend)}: ${why}` };
    return {
      name: nameOfBackend(backend),
      weight: backend.weight,
      filters,
      target: { state: 'invalid', why },
    };
  };
  if (group !== '' || kind !== 'Service')
    return fail('InvalidKind', `a ${scalarText(kind)} takes no requests`);
  if (namespace !== own && !isGranted(cluster, { from: own, to: namespace, service }))
    return fail('RefNotPermitted', `no ReferenceGrant in ${namespace} permits it`);
  const share = shareOf(cluster, backend);
  return share.target.state === 'invalid' ? fail('BackendNotFound', share.target.why) : share;
}

/** Whether routes of a namespace may name a Service of another. */
function isGranted(
  cluster: Inventory,
  { from, to, service }: { from: string; to: string; service: string },
): boolean {
  return cluster.list('ReferenceGrant', { namespace: to }).some((grant) => {
    const spec = child(grant, 'spec');
    return (
      items(spec, 'from').some(
        ({ group, kind, namespace }) => group === gatewayGroup && kind === 'HTTPRoute' && namespace === from,
      ) &&
      items(spec, 'to').some(
        ({ group = '', kind, name = service }) => group === '' && kind === 'Service' && name === service,
      )
    );
  });
}
