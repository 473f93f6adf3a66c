import type { IncomingHttpHeaders } from 'node:http';
import type { ConnectionOptions } from 'node:tls';
import type { Dispatcher } from 'undici';

/** Which cluster: a kubeconfig file (default: $KUBECONFIG, ~/.kube/config, then in-cluster) and a context of it. */
export interface KubeConfigOptions {
  kubeconfig?: string;
  context?: string;
}

/** Where the API answers, and what it takes to be let in; loaded once a process and shared. */
export interface Connection {
  /** How people name it: the context's name. */
  readonly name: string;
  /** `https://host:port` with the path prefix, if any, without a slash at the end. */
  readonly server: string;
  /** The namespace of the context. */
  readonly namespace: string;
  /** The pool for HTTP requests. */
  readonly dispatcher: Dispatcher;
  /** Authorization and the like; fetched again (token files, exec plugins) as they need. */
  headers(): Promise<Record<string, string>>;
  /** TLS and proxy options for a WebSocket. */
  socketOptions(): Promise<ConnectionOptions & { headers: Record<string, string>; agent?: unknown }>;
  /** Forgets the credentials after a 401, so that they are fetched again. */
  forgetCredentials(): void;
  close(): Promise<void>;
}

/** The header's single value. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
