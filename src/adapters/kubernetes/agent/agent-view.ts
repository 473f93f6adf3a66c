import { Writable } from 'node:stream';
import { UnreachableError } from '../../../ports/cluster-errors.ts';
import type { AgentView, RunStepOptions, StartedStep } from '../../../ports/agent.ts';
import type { CallOptions } from '../../../ports/cluster.ts';
import type { KubernetesObject } from '../../../ports/kubernetes-object.ts';
import type { Connection } from '../client/connection.ts';
import { exec } from '../streams/exec.ts';
import type { Log } from '../log.ts';
import type { KubernetesSettings } from '../settings.ts';
import type { PodMonitor } from './pod-monitor.ts';
import { parsePod } from './pod-status.ts';
import { queryContainer } from './query.ts';
import { followContext } from './follow-context.ts';
import { followStep } from './step-follow.ts';
import { scratchDirectory } from './step-script.ts';

/** Lines `CONTAINER SECONDS ID`, those of each container in the order of their start. */
const listScript = `cd ${scratchDirectory} || exit
for list in */started; do
  [ -r "$list" ] || continue
  while read -r at id; do printf '%s %s %s\\n' "\${list%/started}" "$at" "$id"; done <"$list"
done`;

/** What a view is made with. */
export interface ViewParts {
  connection: Connection;
  monitor: PodMonitor;
  pod: KubernetesObject;
  settings: KubernetesSettings;
  log: Log;
}

/** {@link AgentView} of a pod of Kubernetes. All containers share the steps' folders, so any of them can tell. */
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
    const { connection, monitor, pod } = this.#parts;
    const [first] = parsePod(pod).spec.containers;
    if (first === undefined) return [];
    const container = { namespace: this.namespace, pod: this.pod, container: first.name };
    const listed = await queryContainer(
      { connection, monitor, container },
      ['/bin/sh', '-c', listScript],
      signal,
    );
    const lines = listed.stdout.split('\n').map((line) => line.split(' '));
    return lines
      .toSorted(([, left], [, right]) => Number(left ?? 0) - Number(right ?? 0))
      .flatMap(([name, , id]) => (name === undefined || id === undefined ? [] : [{ container: name, id }]));
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
    const result = await exec(this.#parts.connection, container, { command: ['cat', log], stdout, signal });
    if (result.type === 'exited' && result.exitCode === 0) return;
    const why = result.type === 'lost' ? result.reason : `exit code ${String(result.exitCode)}`;
    throw new UnreachableError(`the log of step ${step.id} in pod ${this.pod} could not be read: ${why}`);
  }

  close(): void {
    this.#parts.monitor.dispose();
  }
}
