import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

interface Service extends KubernetesObject {
  spec: { type?: string; externalName?: string; ports?: { name?: string; port: number }[] };
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
  /** `endpoints` are the ready ones; empty: `problem` says why. */
  | { type: 'service'; service: ServiceName; endpoints: Endpoint[]; problem?: string };

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

/** Finds where `host:port` leads: to the ready pods of a Service of the cluster, or outside. */
export async function resolve(
  target: { host: string; port: number; namespace: string },
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
      ? { type: 'service', service, endpoints: [], problem: `there is no ${where}` }
      : { type: 'outside' };
  }
  if (found.spec.type === 'ExternalName') return { type: 'outside' };
  const port = found.spec.ports?.find((each) => each.port === target.port);
  if (port === undefined) {
    const ports = (found.spec.ports ?? []).map((each) => String(each.port)).join(', ');
    const problem = `${where} has no port ${String(target.port)}, it has ${ports}`;
    return { type: 'service', service, endpoints: [], problem };
  }
  const endpoints = await readyEndpoints(service, port.name ?? '', cluster, options);
  return endpoints.length > 0
    ? { type: 'service', service, endpoints }
    : { type: 'service', service, endpoints, problem: `${where} has no ready pod` };
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
