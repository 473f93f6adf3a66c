import type { Duplex, Readable } from 'node:stream';
import type { CallOptions } from '../../ports/cluster.ts';
import type { ContainerReference, ExecOptions, ExecResult, PodAccess } from '../../ports/pod-access.ts';
import { queryOf } from './client/paths.ts';
import type { Requests } from './client/requests.ts';
import { exec } from './streams/exec.ts';
import { portForward } from './streams/port-forward.ts';

/** {@link PodAccess} over WebSockets and the log subresource. */
export class KubernetesPodAccess implements PodAccess {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  exec(container: ContainerReference, options: ExecOptions): Promise<ExecResult> {
    return exec(this.#requests.connection, container, options);
  }

  connect(pod: { namespace: string; pod: string }, port: number, { signal }: CallOptions): Promise<Duplex> {
    return portForward(this.#requests.connection, pod, { port, signal });
  }

  logs(
    { namespace, pod, container }: ContainerReference,
    options: CallOptions & { follow?: boolean; tailLines?: number; previous?: boolean },
  ): Promise<Readable> {
    const { follow, tailLines, previous } = options;
    const base = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`;
    const what = `read the log of container "${container}" of pod "${pod}" in namespace "${namespace}"`;
    const path = base + queryOf({ container, follow, tailLines, previous });
    return this.#requests.open({ method: 'GET', path, what }, options);
  }
}
