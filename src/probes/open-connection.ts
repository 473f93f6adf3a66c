import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { defined } from '../base/defined.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { PodAccess } from '../ports/pod-access.ts';
import { resolve } from './service-endpoints.ts';

/** Looks at a host before it is asked. @throws InputError */
export type AdmitHost = (target: { host: string; port: number }) => void;

/** What a check reaches the world through. */
export interface Reach {
  cluster: Cluster;
  pods: Pick<PodAccess, 'connect'>;
  /** Namespace of Services that are named without one. */
  namespace: string;
  /** Counts the attempts, so that each asks another of the ready pods. */
  turn: number;
  /** Of a Service's pods only those with this `pod-template-hash`; missing: those that it selects. */
  hash?: string;
  /** Missing: every host may be asked. */
  admit?: AdmitHost;
}

/**
 * An open connection, or why there is none: a reason to try again, not an error. `isNowhere`: there is no such host,
 * Service or port.
 */
export type Opened =
  { type: 'open'; stream: Duplex; to: string } | { type: 'closed'; reason: string; isNowhere?: boolean };

/**
 * Opens a connection to `host:port`: to a ready pod behind the Service that the host names, through the API server
 * (so it works wherever kubectl port-forward does), or directly. docs/decisions has the reasons.
 */
export async function openConnection(
  target: { host: string; port: number },
  reach: Reach,
  options: CallOptions,
): Promise<Opened> {
  const { host, port } = target;
  reach.admit?.(target);
  const { namespace, hash } = reach;
  const destination = await resolve({ host, port, namespace, ...defined({ hash }) }, reach.cluster, options);
  if (destination.type === 'outside') return direct(target, options);
  const { endpoints, problem, isNowhere } = destination;
  const endpoint = endpoints[reach.turn % Math.max(1, endpoints.length)];
  if (endpoint === undefined)
    return { type: 'closed', reason: problem ?? `nothing answers for ${host}`, ...defined({ isNowhere }) };
  const stream = await reach.pods.connect(endpoint, endpoint.port, options);
  return { type: 'open', stream, to: `pod ${endpoint.pod}` };
}

async function direct(
  { host, port }: { host: string; port: number },
  { signal }: CallOptions,
): Promise<Opened> {
  const bare = host.replace(/^\[|\]$/g, '');
  const socket = connect({ host: bare, port, signal });
  return new Promise((settle, reject) => {
    socket.once('connect', () => {
      settle({ type: 'open', stream: socket, to: host });
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason as Error);
      else settle({ type: 'closed', reason: reasonOf(error, host, port), isNowhere: isUnknown(error) });
    });
  });
}

function isUnknown({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN';
}

function reasonOf(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (isUnknown(error))
    return `${host} was found neither by DNS here nor as SERVICE.NAMESPACE in the cluster`;
  switch (error.code) {
    case 'ECONNREFUSED':
      return `${host} refuses connections on port ${String(port)}`;
    default:
      return `no connection to ${host}:${String(port)}: ${error.message}`;
  }
}
