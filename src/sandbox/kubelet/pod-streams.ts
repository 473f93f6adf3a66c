import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { messageOf } from '../../base/errors.ts';
import type { ExecProcess, ExecRequest, ExecResult, LogRequest, PodStreams } from '../api/pod-streams.ts';
import { StatusError, badRequest } from '../api/status-error.ts';
import type { PodNetwork } from '../network/pod-network.ts';
import type { Objects } from '../store/objects.ts';
import { execProcess } from './exec-process.ts';
import { ContainerFinder } from './container-finder.ts';
import { logPath } from './instance-files.ts';
import { readLog } from './log-reader.ts';
import type { PodRunner } from './pod-runner.ts';
import type { ContainerStatus, Pod } from './pod-types.ts';

/** The kubelet's part of the API: logs, exec, attach and port-forward of the pods in `runners`. */
export function createPodStreams(
  objects: Objects,
  runners: ReadonlyMap<string, PodRunner>,
  { network, podsFolder }: { network: PodNetwork; podsFolder: string },
): PodStreams {
  return new KubeletPodStreams(new ContainerFinder(objects, runners), network, podsFolder);
}

class KubeletPodStreams implements PodStreams {
  readonly #finder: ContainerFinder;
  readonly #network: PodNetwork;
  readonly #podsFolder: string;

  constructor(finder: ContainerFinder, network: PodNetwork, podsFolder: string) {
    this.#finder = finder;
    this.#network = network;
    this.#podsFolder = podsFolder;
  }

  // The interface is asynchronous: what is thrown is a rejection.
  async logs(request: LogRequest): Promise<Readable> {
    const { pod, container, runner } = await Promise.resolve(this.#finder.find(request));
    const status = runner?.status ?? statusOf(pod, container);
    const previous = request.previous === true;
    const restart = (status?.restartCount ?? 0) - (previous ? 1 : 0);
    const path = logPath(join(this.#podsFolder, pod.metadata.uid, 'containers', container), restart);
    if (!existsSync(path))
      throw badRequest(whyNoLog(pod.metadata.name, container, previous ? undefined : status));
    return readLog(path, previous ? undefined : runner?.log, {
      follow: request.follow === true && !previous,
      timestamps: request.timestamps === true,
      tailLines: request.tailLines,
      sinceMs: sinceOf(request),
      limitBytes: request.limitBytes,
      signal: request.signal,
    });
  }

  async exec(request: ExecRequest): Promise<ExecProcess> {
    const { process } = await Promise.resolve(this.#finder.running(request));
    return execProcess(process.exec(request.command, request), request);
  }

  async attach(request: ExecRequest): Promise<ExecProcess> {
    const { runner, process } = await Promise.resolve(this.#finder.running(request));
    const follow = readLog(runner.log?.path ?? '', runner.log, {
      follow: true,
      timestamps: false,
      tailLines: 0,
      sinceMs: undefined,
      limitBytes: undefined,
      signal: request.signal,
    });
    const result = process.ended.then(({ exitCode }): ExecResult => ({ kind: 'exited', exitCode }));
    return {
      stdin: request.stdin ? process.stdin : undefined,
      stdout: follow,
      stderr: undefined,
      resize: () => undefined,
      result,
    };
  }

  async portForward({
    namespace,
    pod: name,
    port,
    signal,
  }: Parameters<PodStreams['portForward']>[0]): ReturnType<PodStreams['portForward']> {
    const { pod } = this.#finder.find({ namespace, pod: name });
    try {
      return await this.#network.connect(pod.metadata.uid, port, signal);
    } catch (error) {
      throw new StatusError(
        'InternalError',
        `error forwarding port ${port} to pod ${pod.metadata.uid}: ${messageOf(error)}`,
      );
    }
  }
}

function statusOf({ status }: Pod, container: string): ContainerStatus | undefined {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return all.find(({ name }) => name === container);
}

/** The kubelet's message where there is no log; without a status it is the previous instance's that is missing. */
function whyNoLog(pod: string, container: string, status: ContainerStatus | undefined): string {
  if (status === undefined) return `previous terminated container "${container}" in pod "${pod}" not found`;
  const { reason = 'ContainerCreating' } = status.state.waiting ?? {};
  const why = reason.includes('Pull') ? 'trying and failing to pull image' : reason;
  return `container "${container}" in pod "${pod}" is waiting to start: ${why}`;
}

function sinceOf({ sinceTime, sinceSeconds }: LogRequest): number | undefined {
  if (sinceTime !== undefined) return Date.parse(sinceTime);
  return sinceSeconds === undefined ? undefined : Date.now() - sinceSeconds * 1000;
}
