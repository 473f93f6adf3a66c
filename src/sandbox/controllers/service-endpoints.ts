/** Which pods stand behind a Service, on which ports, in which state: pure; written out by endpoints.ts and endpoint-slices.ts. */
import { hasEnded, isReady } from './pod-facts.ts';
import type { V1ServicePort } from '@kubernetes/client-node';
import type { Pod, Service } from './workload-types.ts';

/** A port of an endpoint: the Service's name for it, the pod's number. */
export interface EndpointPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** One pod behind a Service. */
export interface ServiceEndpoint {
  pod: Pod;
  ip: string;
  hostname?: string;
  /** Gets new connections. */
  ready: boolean;
  /** Passes its readiness probe, also while it is ending. */
  serving: boolean;
  terminating: boolean;
}

/** Endpoints with the same ports: a subset of Endpoints, one or more EndpointSlices. */
export interface EndpointGroup {
  ports: EndpointPort[];
  endpoints: ServiceEndpoint[];
}

/** Groups the pods of a Service by the ports they have; pods without an address or that have ended are left out. */
export function groupEndpoints(service: Service, pods: readonly Pod[]): EndpointGroup[] {
  const groups = new Map<string, EndpointGroup>();
  for (const pod of [...pods].sort((left, right) => compareText(addressOf(left), addressOf(right)))) {
    const endpoint = endpointOf(service, pod);
    if (endpoint === undefined) continue;
    const ports = portsOf(service, pod);
    if (ports === undefined) continue;
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpoint);
    groups.set(key, group);
  }
  return [...groups.entries()].sort(([left], [right]) => compareText(left, right)).map(([, group]) => group);
}

function addressOf(pod: Pod): string {
  return pod.status?.podIP ?? '';
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

function endpointOf({ metadata, spec }: Service, pod: Pod): ServiceEndpoint | undefined {
  const ip = addressOf(pod);
  if (ip === '' || hasEnded(pod)) return undefined;
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const published = spec?.publishNotReadyAddresses === true;
  const { hostname, subdomain } = pod.spec;
  return {
    pod,
    ip,
    ...(hostname !== undefined && subdomain === metadata.name ? { hostname } : {}),
    ready: published || (serving && !terminating),
    serving: serving || published,
    terminating,
  };
}

/** The pod's numbers for the Service's ports; a named target port that the pod lacks is left out, undefined when all are. */
function portsOf({ spec }: Service, pod: Pod): EndpointPort[] | undefined {
  const wanted = spec?.ports ?? [];
  const ports = wanted.flatMap((port) => {
    const number = targetPortOf(port, pod);
    if (number === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = port;
    return [{ name, port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
  return ports.length === 0 && wanted.length > 0 ? undefined : ports;
}

/** The number behind `targetPort`: itself, the container port of that name, or the Service's own port. */
export function targetPortOf(
  { port, targetPort, protocol = 'TCP' }: V1ServicePort,
  pod: Pod,
): number | undefined {
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port;
  if (typeof targetPort === 'number') return targetPort;
  return pod.spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find((declared) => declared.name === targetPort && (declared.protocol ?? 'TCP') === protocol)
    ?.containerPort;
}
