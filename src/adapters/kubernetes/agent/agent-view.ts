import { Writable } from 'node:stream';
import { ClusterError } from '../../../ports/cluster-errors.ts';
import type { AgentView, RunStepOptions, StartedStep } from '../../../ports/agent.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CallOptions } from '../../../ports/cluster.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import type { Connection } from '../client/connection.ts';
import { ConnectionLostError } from '../streams/connection-lost.ts';
import { exec } from '../streams/exec.ts';
import type { Log } from '../log.ts';
import type { KubernetesSettings } from '../settings.ts';
import type { PodMonitor } from './pod-monitor.ts';
import { parsePod } from './pod-status.ts';
import { queryContainer } from './query.ts';
import { repeatWhereLost } from './repeat.ts';
import { followContext } from './follow-context.ts';
import { followStep } from './step-follow.ts';
import { scratchDirectory } from './step-script.ts';
import { TransferError } from './transfer-error.ts';

/** Lines `SECONDS ID`, in the order of their start. */
const listScript = `cat ${scratchDirectory}/"$1"/started 2>/dev/null || :`;

/** What a view is made with. */
export interface ViewParts {
  connection: Connection;
  monitor: PodMonitor;
  pod: KubernetesObject;
  settings: KubernetesSettings;
  clock: Clock;
  log: Log;
}

/** {@link AgentView} of a pod of Kubernetes. Each container reports its own steps. */
export class KubernetesAgentView implements AgentView {
  readonly pod: string;
  readonly namespace: string;
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
    this.pod = parts.pod.metadata.name;
    this.namespace = parts.pod.metadata.namespace ?? '';
  }

  async steps({ signal }: CallOptions): Promise<StartedStep[]> {
    const { pod } = this.#parts;
    const containers = parsePod(pod).spec.containers.filter(
      ({ volumeMounts }) => volumeMounts?.some(({ mountPath }) => mountPath === scratchDirectory) === true,
    );
    const steps = await Promise.all(containers.map(({ name }) => this.#stepsIn(name, signal)));
    return steps
      .flat()
      .toSorted((left, right) => left.seconds - right.seconds)
      .map(({ id, container }) => ({ id, container }));
  }

  async #stepsIn(name: string, signal: AbortSignal): Promise<(StartedStep & { seconds: number })[]> {
    const { monitor } = this.#parts;
    const container = { namespace: this.namespace, pod: this.pod, container: name };
    const command = ['/bin/sh', '-c', listScript, 'slipway', name];
    let listed: { stdout: string };
    try {
      listed = await queryContainer({ ...this.#parts, container }, command, { signal });
    } catch (error) {
      signal.throwIfAborted();
      // Steps begin when all containers run; the status of one that runs may say so later.
      if (!(error instanceof ClusterError) || monitor.isRunning(name)) throw error;
      return [];
    }
    return listed.stdout.split('\n').flatMap((line) => {
      const [seconds, id] = line.split(' ');
      return id === undefined ? [] : [{ container: name, id, seconds: Number(seconds) }];
    });
  }

  async followStep(step: StartedStep, options: RunStepOptions): Promise<number | undefined> {
    const { end } = await followStep(
      followContext(this.#parts, this, step),
      { id: step.id, fromOffset: options.fromOffset ?? 0, onOutput: options.onOutput },
      options.signal,
    );
    return end.cancelled ? undefined : end.exitCode;
  }

  async readLog(
    step: StartedStep,
    { signal, onOutput }: CallOptions & Pick<RunStepOptions, 'onOutput'>,
  ): Promise<void> {
    const container = { namespace: this.namespace, pod: this.pod, container: step.container };
    const log = `${scratchDirectory}/${step.container}/steps/${step.id}/log`;
    let offset = 0;
    const stdout = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        const at = offset;
        offset += chunk.length;
        void Promise.resolve(onOutput(chunk, at)).then(() => done(), done);
      },
    });
    const { connection, settings } = this.#parts;
    const { silenceMs } = settings;
    const failed = `the log of step ${step.id} in pod ${this.pod} could not be read`;
    await repeatWhereLost(this.#parts, signal, async (either) => {
      const command = ['tail', '-c', `+${String(offset + 1)}`, log];
      const result = await exec(connection, container, { command, stdout, signal: either, silenceMs });
      if (result.type === 'lost') throw new ConnectionLostError(`${failed}: ${result.reason}`);
      if (result.exitCode !== 0)
        throw new TransferError(`${failed}: tail ended with ${String(result.exitCode)}`);
    });
  }

  close(): void {
    this.#parts.monitor.dispose();
  }
}
