import type { StoredObject } from '../store/objects.ts';

/** The parts of core/v1 Service that the network reads. */
export interface Service extends StoredObject<ServiceSpec> {
  spec: ServiceSpec;
}

export interface ServiceSpec {
  type?: string;
  clusterIP?: string;
  ports?: ServicePort[];
}

export interface ServicePort {
  name?: string;
  port: number;
  protocol?: string;
  nodePort?: number;
}

/** The parts of discovery.k8s.io/v1 EndpointSlice that the network reads. */
export interface EndpointSlice extends StoredObject {
  endpoints?:
    | {
        addresses: string[];
        hostname?: string;
        conditions?: { ready?: boolean };
        targetRef?: { kind?: string; uid?: string };
      }[]
    | null;
  ports?: { name?: string; port?: number; protocol?: string }[] | null;
}

/** Where a connection may go: a pod's port, or an address that somebody wrote down. */
export interface Endpoint {
  address: string;
  port: number;
  /** Of the pod, when it is one. */
  podUid: string | undefined;
}

/** The ready endpoints of a Service's port, from its slices. */
export function readyEndpoints(slices: readonly EndpointSlice[], portName: string): Endpoint[] {
  return slices.flatMap(({ endpoints, ports }) => {
    const port = ports?.find(({ name = '' }) => name === portName)?.port;
    if (port === undefined) return [];
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
    return ready.map(({ addresses, targetRef }) => ({
      address: addresses[0] ?? '',
      port,
      podUid: targetRef?.kind === 'Pod' ? targetRef.uid : undefined,
    }));
  });
}
