import type { Duplex, Readable, Writable } from 'node:stream';

/** Which container of which pod; without `container` the pod's first (or its default-container annotation). */
export interface ContainerKey {
  namespace: string;
  pod: string;
  container?: string;
}

/** What of a log is wanted; all that are given apply. */
export interface LogRequest extends ContainerKey {
  follow?: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  /** RFC 3339. */
  sinceTime?: string;
  /** The log of the container's previous instance. */
  previous?: boolean;
  timestamps?: boolean;
  limitBytes?: number;
  signal: AbortSignal;
}

/** A command to run in a container (`exec`), or its own process to join (`attach`, where `command` is empty). */
export interface ExecRequest extends ContainerKey {
  command: readonly string[];
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
  signal: AbortSignal;
}

/** How a command ended. */
export type ExecResult =
  | { kind: 'exited'; exitCode: number }
  /** It could not be started or was killed; the text goes to the client. */
  | { kind: 'failed'; message: string };

/** A running command of a container. Streams that were not asked for are undefined; with a tty stderr is part of stdout. */
export interface ExecProcess {
  stdin: Writable | undefined;
  stdout: Readable | undefined;
  stderr: Readable | undefined;
  /** The terminal's new size in characters; does nothing without a tty. */
  resize(size: { width: number; height: number }): void;
  /** Resolves after the command's end, when its output has been delivered. Never rejects. */
  result: Promise<ExecResult>;
}

/**
 * Log, exec, attach and port-forward of pods: the kubelet's part of the API, which the API server carries over
 * HTTP and WebSocket. Each method throws a `StatusError` (`NotFound`, `BadRequest` with the kubelet's message)
 * when the container is not there or not running. Ending `signal` kills what was started.
 */
export interface PodStreams {
  logs(request: LogRequest): Promise<Readable>;
  exec(request: ExecRequest): Promise<ExecProcess>;
  attach(request: ExecRequest): Promise<ExecProcess>;
  /** A connection to a port on which a process of the pod listens. */
  portForward(request: {
    namespace: string;
    pod: string;
    port: number;
    signal: AbortSignal;
  }): Promise<Duplex>;
}
