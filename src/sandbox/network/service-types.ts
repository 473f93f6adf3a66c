import type { V1EndpointSlice, V1ServiceSpec } from '@kubernetes/client-node';
import type { Plain } from '../kubelet/pod-types.ts';
import type { StoredObject } from '../store/objects.ts';

export type Service = StoredObject<Plain<V1ServiceSpec>> & { spec: Plain<V1ServiceSpec> };
/** Both lists may be null. */
export type EndpointSlice = StoredObject & {
  [List in 'endpoints' | 'ports']?: Plain<V1EndpointSlice>[List] | null;
};

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
