import type { Duplex, Readable, Writable } from 'node:stream';
import type { CallOptions } from './cluster.ts';

/** A container of a pod. */
export interface ContainerReference {
  namespace: string;
  pod: string;
  container: string;
}

/** Options of {@link PodAccess.exec}. */
export interface ExecOptions extends CallOptions {
  /** Argument list; no shell is added. Never put a secret here: it is visible in the process list. */
  command: readonly string[];
  /** Read to its end. API servers that speak only v4.channel.k8s.io cannot half-close: let the command end by itself (`head -c N`). */
  stdin?: Readable;
  /** Written with back-pressure; not ended by exec. */
  stdout?: Writable;
  stderr?: Writable;
}

/**
 * How an exec ended. `lost`: the connection went without a status: nothing is known of the command, which may
 * still run; never take it for success.
 */
export type ExecResult = { type: 'exited'; exitCode: number } | { type: 'lost'; reason: string };

/** The streaming subresources of pods. Errors as for Cluster. */
export interface PodAccess {
  /** Short commands only; long work runs as a durable step of the Agent. */
  exec(container: ContainerReference, options: ExecOptions): Promise<ExecResult>;
  /** Opens one connection to a port of the pod. */
  connect(pod: { namespace: string; pod: string }, port: number, options: CallOptions): Promise<Duplex>;
  /** The container's own log (`pods/log`). */
  logs(
    container: ContainerReference,
    options: CallOptions & { follow?: boolean; tailLines?: number; previous?: boolean },
  ): Promise<Readable>;
}
