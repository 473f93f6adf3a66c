import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { messageOf } from '../../base/errors.ts';
import type {
  ContainerKey,
  ExecProcess,
  ExecRequest,
  ExecResult,
  LogRequest,
  PodStreams,
} from '../api/pod-streams.ts';
import { StatusError, badRequest } from '../api/status-error.ts';
import type { PodNetwork } from '../network/pod-network.ts';
import type { Objects } from '../store/objects.ts';
import type { ContainerRunner } from './container-runner.ts';
import { logPath } from './instance-files.ts';
import { readLog } from './log-reader.ts';
import type { PodRunner } from './pod-runner.ts';
import type { ContainerStatus, Pod } from './pod-types.ts';
import type { CommandProcess } from './running-process.ts';

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** The kubelet's part of the API: logs, exec, attach and port-forward of the pods in `runners`. */
export function createPodStreams(
  objects: Objects,
  runners: ReadonlyMap<string, PodRunner>,
  { network, podsFolder }: { network: PodNetwork; podsFolder: string },
): PodStreams {
  function look({ namespace, pod: name, container: wanted }: ContainerKey): {
    pod: Pod;
    container: string;
    runner: ContainerRunner | undefined;
  } {
    const pod = objects.get<Pod>({ kind: 'Pod', namespace, name });
    if (pod === undefined)
      throw new StatusError('NotFound', `pods "${name}" not found`, { name, kind: 'pods' });
    const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
    const container =
      wanted ?? pod.metadata.annotations?.[DEFAULT_CONTAINER] ?? pod.spec.containers[0]?.name ?? '';
    if (!all.some((one) => one.name === container))
      throw badRequest(`container ${container} is not valid for pod ${name}`);
    return { pod, container, runner: runners.get(pod.metadata.uid)?.containers.get(container) };
  }

  async function logs(request: LogRequest): Promise<Readable> {
    const { pod, container, runner } = await find(request);
    const status = runner?.status ?? statusOf(pod, container);
    const previous = request.previous === true;
    const restart = (status?.restartCount ?? 0) - (previous ? 1 : 0);
    const path = logPath(join(podsFolder, pod.metadata.uid, 'containers', container), restart);
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

  // The interface is asynchronous: what is thrown is a rejection.
  const find = async (key: ContainerKey): Promise<ReturnType<typeof look>> => Promise.resolve(look(key));

  function running(request: ContainerKey): {
    runner: ContainerRunner;
    process: NonNullable<ContainerRunner['running']>;
  } {
    const { pod, container, runner } = look(request);
    if (runner?.running !== undefined) return { runner, process: runner.running };
    const { phase } = pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed')
      throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
    throw new StatusError(
      'InternalError',
      `unable to upgrade connection: container not found ("${container}")`,
    );
  }

  async function exec(request: ExecRequest): Promise<ExecProcess> {
    const { process } = await Promise.resolve(running(request));
    return execProcess(process.exec(request.command, request), request);
  }

  async function attach(request: ExecRequest): Promise<ExecProcess> {
    const { runner, process } = await Promise.resolve(running(request));
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

  async function portForward({
    namespace,
    pod: name,
    port,
    signal,
  }: Parameters<PodStreams['portForward']>[0]): ReturnType<PodStreams['portForward']> {
    const { pod } = look({ namespace, pod: name });
    try {
      return await network.connect(pod.metadata.uid, port, signal);
    } catch (error) {
      throw new StatusError(
        'InternalError',
        `error forwarding port ${port} to pod ${pod.metadata.uid}: ${messageOf(error)}`,
      );
    }
  }

  return { logs, exec, attach, portForward };
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

function execProcess(child: CommandProcess, { stdin, stdout, stderr, signal }: ExecRequest): ExecProcess {
  const stop = (): void => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  if (!stdout) child.stdout.resume();
  if (!stderr) child.stderr.resume();
  const result = child.ended.then(({ exitCode }): ExecResult => {
    signal.removeEventListener('abort', stop);
    return { kind: 'exited', exitCode };
  });
  return {
    stdin: stdin ? child.stdin : undefined,
    stdout: stdout ? child.stdout : undefined,
    stderr: stderr ? child.stderr : undefined,
    resize: (size) => child.resize(size),
    result,
  };
}
