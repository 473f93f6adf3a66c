import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';

interface Service extends KubernetesObject {
  spec: { type?: string; externalName?: string; ports?: ServicePort[] };
}

interface ServicePort {
  name?: string;
  port: number;
  /** Of the pods: a number, or the name of a container's port; missing: as `port`. */
  targetPort?: number | string;
}

interface Slice extends KubernetesObject {
  ports?: { name?: string; port?: number }[];
  endpoints?: {
    conditions?: { ready?: boolean };
    targetRef?: { kind?: string; name?: string; namespace?: string };
  }[];
}

interface Endpoints extends KubernetesObject {
  subsets?: {
    ports?: { name?: string; port: number }[];
    addresses?: { targetRef?: { kind?: string; name?: string; namespace?: string } }[];
  }[];
}

/** A Service in a namespace. */
export interface ServiceName {
  name: string;
  namespace: string;
}

/** A ready pod behind a Service, and its own port. */
export interface Endpoint {
  namespace: string;
  pod: string;
  port: number;
}

/** Where a host leads. */
export type Destination =
  | { type: 'outside' }
  /** `endpoints` are the ready ones; empty: `problem` says why. `isNowhere`: there is no such Service or port. */
  | {
      type: 'service';
      service: ServiceName;
      endpoints: Endpoint[];
      problem?: string;
      isNowhere?: boolean;
    };

/**
 * The Service that a host may name, by the rules of cluster DNS: `web`, `web.shop`, `web.shop.svc`,
 * `web.shop.svc.cluster.local`.
 * @returns `certain` where the name can mean nothing else
 */
export function serviceOf(
  host: string,
  namespace: string,
): { service: ServiceName; certain: boolean } | undefined {
  const labels = host.toLowerCase().replace(/\.$/, '').split('.');
  if (labels.some((label) => !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label))) return undefined;
  const [name = '', second, third, ...rest] = labels;
  if (/^\d+$/.test(name) || host === 'localhost') return undefined;
  if (second === undefined) return { service: { name, namespace }, certain: false };
  if (third === undefined) return { service: { name, namespace: second }, certain: false };
  const isClusterName = third === 'svc' && (rest.length === 0 || rest.join('.') === 'cluster.local');
  return isClusterName ? { service: { name, namespace: second }, certain: true } : undefined;
}

/**
 * Finds where `host:port` leads: to the ready pods of a Service of the cluster, or outside. With a `hash`, to the ready
 * pods with this `pod-template-hash`, whether or not the Service selects them.
 */
export async function resolve(
  target: { host: string; port: number; namespace: string; hash?: string },
  cluster: Cluster,
  options: CallOptions,
): Promise<Destination> {
  const named = serviceOf(target.host, target.namespace);
  if (named === undefined) return { type: 'outside' };
  const { service, certain } = named;
  const found = await cluster.get<Service>({ apiVersion: 'v1', kind: 'Service', ...service }, options);
  const where = `Service ${service.name} in namespace ${service.namespace}`;
  if (found === undefined) {
    return certain
      ? { type: 'service', service, endpoints: [], problem: `there is no ${where}`, isNowhere: true }
      : { type: 'outside' };
  }
  if (found.spec.type === 'ExternalName') return { type: 'outside' };
  const port = found.spec.ports?.find((each) => each.port === target.port);
  if (port === undefined) {
    const ports = (found.spec.ports ?? []).map((each) => String(each.port)).join(', ');
    const problem = `${where} has no port ${String(target.port)}, it has ${ports}`;
    return { type: 'service', service, endpoints: [], problem, isNowhere: true };
  }
  const { hash } = target;
  const endpoints =
    hash === undefined
      ? await readyEndpoints(service, port.name ?? '', cluster, options)
      : await podsOfHash({ namespace: service.namespace, hash, port }, cluster, options);
  const problem =
    hash === undefined ? `${where} has no ready pod` : `no pod with pod-template-hash ${hash} is ready`;
  return { type: 'service', service, endpoints, ...(endpoints.length > 0 ? {} : { problem }) };
}

const sliceKinds = [
  { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
  { apiVersion: 'discovery.k8s.io/v1beta1', kind: 'EndpointSlice' },
];

async function readyEndpoints(
  { name, namespace }: ServiceName,
  portName: string,
  cluster: Cluster,
  options: CallOptions,
): Promise<Endpoint[]> {
  const kind = await cluster.firstServed(sliceKinds, options);
  if (kind === undefined) return readyAddresses({ name, namespace }, portName, cluster, options);
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const slices = await cluster.list<Slice>(kind, { namespace, labelSelector }, options);
  return slices.flatMap(({ ports = [], endpoints = [] }) => {
    const port = ports.find((each) => (each.name ?? '') === portName)?.port;
    if (port === undefined) return [];
    return endpoints
      .filter((endpoint) => endpoint.conditions?.ready !== false && endpoint.targetRef?.kind === 'Pod')
      .map((endpoint) => ({ namespace, pod: endpoint.targetRef?.name ?? '', port }));
  });
}

/** Clusters before EndpointSlices. */
async function readyAddresses(
  service: ServiceName,
  portName: string,
  cluster: Cluster,
  options: CallOptions,
): Promise<Endpoint[]> {
  const { namespace } = service;
  const found = await cluster.get<Endpoints>({ apiVersion: 'v1', kind: 'Endpoints', ...service }, options);
  return (found?.subsets ?? []).flatMap(({ ports = [], addresses = [] }) => {
    const port = ports.find((each) => (each.name ?? '') === portName)?.port;
    if (port === undefined) return [];
    return addresses
      .filter((address) => address.targetRef?.kind === 'Pod')
      .map((address) => ({ namespace, pod: address.targetRef?.name ?? '', port }));
  });
}

interface Pod extends KubernetesObject {
  spec?: { containers?: { ports?: { name?: string; containerPort: number }[] }[] };
  status?: { conditions?: { type: string; status: string }[] };
}

/** The ready pods of one ReplicaSet, with the port that the Service's port leads to. */
async function podsOfHash(
  { namespace, hash, port }: { namespace: string; hash: string; port: ServicePort },
  cluster: Cluster,
  options: CallOptions,
): Promise<Endpoint[]> {
  const selection = { namespace, labelSelector: `pod-template-hash=${hash}` };
  const pods = await cluster.list<Pod>({ apiVersion: 'v1', kind: 'Pod' }, selection, options);
  return pods.filter(isServing).flatMap(({ metadata, spec }) => {
    const { targetPort = port.port } = port;
    const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? []);
    const number =
      typeof targetPort === 'number'
        ? targetPort
        : ports.find(({ name }) => name === targetPort)?.containerPort;
    return number === undefined ? [] : [{ namespace, pod: metadata.name, port: number }];
  });
}

function isServing({ metadata, status }: Pod): boolean {
  const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  return isReady === true && metadata.deletionTimestamp === undefined;
}
