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
import { readLog } from './log-reader.ts';
import type { PodRunner } from './pod-runner.ts';
import type { ContainerStatus, Pod } from './pod-types.ts';
import type { CommandProcess } from './processes.ts';

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** The kubelet's part of the API: logs, exec, attach and port-forward of the pods in `runners`. */
export function createPodStreams(
  objects: Objects,
  runners: ReadonlyMap<string, PodRunner>,
  { network, podsFolder }: { network: PodNetwork; podsFolder: string },
): PodStreams {
  function find({ namespace, pod: name, container: wanted }: ContainerKey): {
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
    const { pod, container, runner } = find(request);
    const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const status: ContainerStatus | undefined = runner?.status ?? all.find(({ name }) => name === container);
    const { previous = false, follow = false, timestamps = false } = request;
    const restart = (status?.restartCount ?? 0) - (previous ? 1 : 0);
    const path = join(podsFolder, pod.metadata.uid, 'containers', container, `${restart}.log`);
    if (previous && (restart < 0 || !existsSync(path)))
      throw badRequest(
        `previous terminated container "${container}" in pod "${pod.metadata.name}" not found`,
      );
    const why = status?.state.waiting;
    if (!existsSync(path)) {
      const reason = why?.reason ?? 'ContainerCreating';
      const told = reason.includes('Pull') ? `trying and failing to pull image` : (why?.message ?? reason);
      throw badRequest(`container "${container}" in pod "${pod.metadata.name}" is waiting to start: ${told}`);
    }
    const since =
      request.sinceTime ??
      (request.sinceSeconds === undefined ? undefined : Date.now() - request.sinceSeconds * 1000);
    return readLog(path, previous ? undefined : runner?.log, {
      follow: follow && !previous,
      timestamps,
      tailLines: request.tailLines,
      sinceMs: since === undefined ? undefined : new Date(since).getTime(),
      limitBytes: request.limitBytes,
      signal: request.signal,
    });
  }

  function running(request: ContainerKey): {
    runner: ContainerRunner;
    process: NonNullable<ContainerRunner['running']>;
  } {
    const { pod, container, runner } = find(request);
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
    const { process } = running(request);
    return execProcess(process.exec(request.command, request), request);
  }

  async function attach(request: ExecRequest): Promise<ExecProcess> {
    const { runner, process } = running(request);
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
    const { pod } = find({ namespace, pod: name });
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
