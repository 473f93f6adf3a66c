import type { Duplex } from 'node:stream';
import type { Pod } from '../kubelet/pod-types.ts';

/** A pod's place in the network. */
export interface PodAttachment {
  ip: string;
  /** A process that holds the pod's own network; undefined when it shares the machine's. */
  processId: number | undefined;
  /** Environment that the pod's containers need to be reachable. */
  environment: Record<string, string>;
}

/** The network of the pods. */
export interface PodNetwork {
  /** Gives a pod an address, and a network of its own where the machine allows it. Idempotent. */
  attach(pod: Pod, folder: string): Promise<PodAttachment>;
  /** Takes the pod out; does nothing when it is not in. */
  detach(uid: string): Promise<void>;
  /** Connects to a port of a pod; rejects with the system's error (`ECONNREFUSED`) when nothing listens there. */
  connect(uid: string, port: number, signal: AbortSignal): Promise<Duplex>;
  close(): Promise<void>;
}
