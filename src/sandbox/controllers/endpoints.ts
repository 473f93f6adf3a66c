import { defined } from '../../base/defined.ts';
/** Which pods stand behind a Service, on which ports, in which state; written as Endpoints and as EndpointSlices. */
import type { V1ServicePort } from '@kubernetes/client-node';
import { sameJson } from '../../base/same-json.ts';
import type { StoredObject } from '../store/objects.ts';
import { controllerRefTo, isTerminating, remove, type Action, type Plan, type World } from './plan.ts';
import { hasEnded, isReady } from './pod-facts.ts';
import type { Pod, Service } from './workload-types.ts';

/** A port of an endpoint: the Service's name for it, the pod's number. */
interface EndpointPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** One pod behind a Service, as a slice has it. */
export interface ServiceEndpoint {
  addresses: [string];
  /** `ready` gets new connections; `serving` passes its readiness probe, also while it is ending. */
  conditions: { ready: boolean; serving: boolean; terminating: boolean };
  hostname?: string;
  nodeName?: string;
  targetRef: { kind: 'Pod'; namespace: string; name: string; uid: string };
}

/** Endpoints with the same ports: a subset of Endpoints, one or more EndpointSlices. */
export interface EndpointGroup {
  ports: EndpointPort[];
  endpoints: ServiceEndpoint[];
}

/** The real controller's limit: more endpoints make more slices. */
const endpointsPerSlice = 100;
const managerLabels = { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' };
const serviceNameLabel = 'kubernetes.io/service-name';
/** On every Endpoints object that is the controller's own. */
const changedAtAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/** Keeps Endpoints and EndpointSlices of every Service that has a selector; those without one are their user's. */
export function planEndpoints(service: Service, { cluster, nowMs }: World): Plan {
  const { selector, clusterIP } = service.spec ?? {};
  if (selector === undefined || isTerminating(service)) return {};
  const { namespace = 'default', name, labels: own } = service.metadata;
  const headless = clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
  const labels = { ...own, ...headless };
  const groups = groupEndpoints(service, cluster.list<Pod>('Pod', { namespace, labels: selector }));

  const sliceLabels = { ...labels, [serviceNameLabel]: name, ...managerLabels };
  const left = cluster.list('EndpointSlice', {
    namespace,
    labels: { [serviceNameLabel]: name, ...managerLabels },
  });
  const slices = slicesOf(groups).flatMap((content) => {
    const same = left.findIndex(({ ports }) => sameJson(ports, content.ports));
    const [current] = left.splice(Math.max(same, 0), 1);
    const identity = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' };
    const metadata = { generateName: `${name}-`, namespace, ownerReferences: [controllerRefTo(service)] };
    return keep(current, { ...identity, metadata: { ...metadata, labels: sliceLabels } }, content);
  });
  const annotations = { [changedAtAnnotation]: new Date(nowMs).toISOString() };
  const identity = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name, namespace, labels, annotations },
  };
  const subsets = groups.map(subsetOf).filter((subset) => subset !== undefined);
  const content = { subsets: subsets.length > 0 ? subsets : undefined };
  const current = cluster.get({ kind: 'Endpoints', namespace, name });
  return { actions: [...slices, ...left.map(remove), ...keep(current, identity, content)] };
}

/** Endpoints carry no owner: they go with the Service of their name. */
export function planLeftEndpoints(endpoints: StoredObject, { cluster }: World): Plan {
  const { annotations, namespace = 'default', name } = endpoints.metadata;
  const isOurs = annotations?.[changedAtAnnotation] !== undefined;
  const isLeft = cluster.get({ kind: 'Service', namespace, name }) === undefined;
  return { actions: isOurs && isLeft ? [remove(endpoints)] : [] };
}

/** Makes an object, or makes it have these labels and fields. */
function keep(
  current: StoredObject | undefined,
  wanted: Extract<Action, { act: 'create' }>['object'],
  content: Readonly<Record<string, unknown>>,
): Action[] {
  if (current === undefined) return [{ act: 'create', object: { ...wanted, ...content } }];
  const { labels = {}, annotations } = wanted.metadata;
  const now = Object.fromEntries(Object.keys(content).map((field) => [field, current[field]]));
  if (sameJson([now, current.metadata.labels ?? {}], [content, labels])) return [];
  const change = (stored: StoredObject): void => {
    stored.metadata.labels = labels;
    if (annotations !== undefined)
      stored.metadata.annotations = { ...stored.metadata.annotations, ...annotations };
    Object.assign(stored, content);
  };
  return [{ act: 'change', object: current, change }];
}

/** At least one slice, so that a client can tell a Service without endpoints from one that was not looked at yet. */
function slicesOf(groups: readonly EndpointGroup[]): Record<'ports' | 'endpoints', unknown[]>[] {
  const slices = groups.flatMap(({ ports, endpoints }) =>
    Array.from({ length: Math.ceil(endpoints.length / endpointsPerSlice) }, (_, index) => ({
      ports,
      endpoints: endpoints.slice(index * endpointsPerSlice, (index + 1) * endpointsPerSlice),
    })),
  );
  return slices.length > 0 ? slices : [{ ports: [], endpoints: [] }];
}

/** A subset has no pods that are ending. */
function subsetOf({ ports, endpoints }: EndpointGroup): Record<string, unknown> | undefined {
  const addresses = (ready: boolean): object[] =>
    endpoints
      .filter(({ conditions }) => !conditions.terminating && conditions.ready === ready)
      .map(({ addresses: [ip], conditions: _conditions, ...rest }) => ({ ip, ...rest }));
  const lists = { addresses: addresses(true), notReadyAddresses: addresses(false) };
  const filled = Object.entries(lists).filter(([, list]) => list.length > 0);
  if (filled.length === 0) return undefined;
  const named = ports.map(({ name, ...port }) => (name === '' ? port : { name, ...port }));
  return { ...Object.fromEntries(filled), ...(ports.length > 0 ? { ports: named } : {}) };
}

/** Groups the pods of a Service by the ports they have; pods without an address or that have ended are left out. */
export function groupEndpoints(service: Service, pods: readonly Pod[]): EndpointGroup[] {
  const groups = new Map<string, EndpointGroup>();
  const reachable = pods.filter((pod) => addressOf(pod) !== '' && !hasEnded(pod));
  for (const pod of reachable.sort((left, right) => compareText(addressOf(left), addressOf(right)))) {
    const ports = portsOf(service, pod);
    if (ports === undefined) continue;
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod));
    groups.set(key, group);
  }
  return [...groups].sort(([left], [right]) => compareText(left, right)).map(([, group]) => group);
}

function addressOf({ status }: Pod): string {
  return status?.podIP ?? '';
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

function endpointOf(service: Service, pod: Pod): ServiceEndpoint {
  const terminating = isTerminating(pod);
  const isPublished = service.spec?.publishNotReadyAddresses === true;
  const { hostname, subdomain, nodeName } = pod.spec;
  const { namespace = 'default', name, uid } = pod.metadata;
  return {
    addresses: [addressOf(pod)],
    conditions: {
      ready: isPublished || (isReady(pod) && !terminating),
      serving: isReady(pod) || isPublished,
      terminating,
    },
    ...(hostname !== undefined && subdomain === service.metadata.name ? { hostname } : {}),
    ...defined({ nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

/** The pod's numbers for the Service's ports; a named target port that the pod lacks is left out, undefined when all are. */
function portsOf({ spec }: Service, pod: Pod): EndpointPort[] | undefined {
  const wanted = spec?.ports ?? [];
  const ports = wanted.flatMap((servicePort) => {
    const port = targetPortOf(servicePort, pod);
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    const more = appProtocol === undefined ? {} : { appProtocol };
    return port === undefined ? [] : [{ name, port, protocol, ...more }];
  });
  return ports.length === 0 && wanted.length > 0 ? undefined : ports;
}

/** The number behind `targetPort`: itself, the container port of that name, or the Service's own port. */
function targetPortOf({ port, targetPort, protocol = 'TCP' }: V1ServicePort, pod: Pod): number | undefined {
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port;
  if (typeof targetPort === 'number') return targetPort;
  return pod.spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find((declared) => declared.name === targetPort && (declared.protocol ?? 'TCP') === protocol)
    ?.containerPort;
}
