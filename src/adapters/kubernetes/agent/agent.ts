import type { Duplex, Readable } from 'node:stream';
import { posix } from 'node:path';
import { InternalError, messageOf } from '../../../base/errors.ts';
import {
  AgentError,
  type Agent,
  type AgentSpec,
  type RunStepOptions,
  type Step,
  type StepResult,
} from '../../../ports/agent.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CallOptions } from '../../../ports/cluster.ts';
import { LeaseLostError } from '../../../ports/leases.ts';
import type { Connection } from '../client/connection.ts';
import { portForward } from '../streams/port-forward.ts';
import type { KubernetesSettings } from '../settings.ts';
import type { Log } from '../log.ts';
import { cacheDirectory, keepsCache, workspaceDirectory } from './agent-pod.ts';
import { readAssignments } from './assignments.ts';
import { launchScript, checkStepId } from './launch-script.ts';
import { lossBehind } from './pod-loss.ts';
import type { PodMonitor } from './pod-monitor.ts';
import { queryContainer } from './query.ts';
import { readAgent } from './ready.ts';
import { environmentOf } from './step-environment.ts';
import { followContext } from './follow-context.ts';
import { followStep, type StepEnd } from './step-follow.ts';
import { scratchDirectory } from './step-script.ts';
import { StepSessions } from './step-sessions.ts';
import { receiveDownload, sendUpload, type TransferPlace } from './transfers.ts';

/** What an agent is made with. */
export interface AgentParts {
  connection: Connection;
  monitor: PodMonitor;
  spec: AgentSpec;
  pod: string;
  id: string;
  adopted: boolean;
  settings: KubernetesSettings;
  clock: Clock;
  log: Log;
}

const defaultGraceMs = 10_000;
/** What is waited for a cancelled step beyond its grace time. */
const cancelMarginMs = 15_000;

/** {@link Agent} in a pod of Kubernetes. */
export class KubernetesAgent implements Agent {
  readonly namespace: string;
  readonly pod: string;
  readonly id: string;
  readonly adopted: boolean;
  readonly workspace = workspaceDirectory;
  readonly cache = cacheDirectory;
  readonly keepsCache: boolean;
  readonly #parts: AgentParts;
  readonly #sessions = new StepSessions();
  #ready: Promise<void> | undefined;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.namespace = parts.spec.namespace;
    this.pod = parts.pod;
    this.id = parts.id;
    this.adopted = parts.adopted;
    this.keepsCache = keepsCache(parts.spec);
  }

  async ready({ signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    // The wait is shared; each caller may leave it.
    this.#ready ??= readAgent({ ...this.#parts, sessions: this.#sessions });
    this.#ready.catch(() => undefined);
    await abandonable(this.#ready, signal);
  }

  async runStep(step: Step, options: RunStepOptions): Promise<StepResult> {
    checkStepId(step.id);
    const { signal } = options;
    const fromOffset = options.fromOffset ?? 0;
    if (signal.aborted) throw signal.reason;
    await this.ready({ signal });
    const env = await environmentOf(step, this.#parts.spec.secrets, signal);
    const directory = posix.resolve(workspaceDirectory, step.workingDirectory);
    const request = {
      id: step.id,
      launch: {
        script: launchScript(step, { env, directory }),
        logLimit: this.#parts.settings.stepLogBytes,
        timestamps: step.timestamps ?? false,
        background: step.background ?? false,
      },
      fromOffset,
      onOutput: options.onOutput,
    };
    const context = followContext({ ...this.#parts, sessions: this.#sessions }, this, step);
    const cancelling = new Cancellation(signal, (ending) => this.#cancel(step, ending));
    try {
      const { end, received } = await followStep(context, request, cancelling.follow);
      if (received < end.logBytes) {
        const details = { step: step.id, missingBytes: end.logBytes - received };
        this.#parts.log.warn(
          'a part of the log of a step was deleted in its pod before it was read',
          details,
        );
      }
      return this.#result(step, end, received);
    } catch (error) {
      if (!cancelling.started) throw error;
      this.#parts.log.debug('a cancelled step was not followed to its end', {
        step: step.id,
        reason: messageOf(error),
      });
      return { type: 'cancelled', logBytes: fromOffset };
    } finally {
      cancelling.dispose();
    }
  }

  async query(
    command: readonly string[],
    { signal, container, largest }: CallOptions & { container?: string; largest?: number },
  ): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    await this.ready({ signal });
    const target = { ...this.#parts, container: this.#container(container) };
    return queryContainer(target, command, { signal, largest });
  }

  async download<T>(
    paths: readonly string[],
    receive: (tar: Readable) => Promise<T>,
    options: CallOptions & { directory?: string; container?: string; excludes?: readonly string[] },
  ): Promise<T> {
    const { signal, excludes = [] } = options;
    await this.ready({ signal });
    return receiveDownload(this.#place(options), { paths, excludes }, { receive, signal });
  }

  async upload(
    open: () => Readable,
    options: CallOptions & { directory: string; container?: string },
  ): Promise<void> {
    const { signal } = options;
    const place = this.#place(options);
    if (place.directory === workspaceDirectory)
      throw new InternalError('an upload would replace the whole workspace');
    await this.ready({ signal });
    await sendUpload(place, open, signal);
  }

  async connect(port: number, { signal }: CallOptions): Promise<Duplex> {
    await this.ready({ signal });
    const { connection, monitor } = this.#parts;
    try {
      return await portForward(connection, this, { port, signal });
    } catch (error) {
      throw await lossBehind(error, monitor, signal);
    }
  }

  /** Ends what the agent holds in this process; the pod stays. */
  dispose(): void {
    this.#sessions.dispose();
    this.#parts.monitor.dispose();
  }

  #container(name: string | undefined): { namespace: string; pod: string; container: string } {
    const { namespace, pod } = this;
    return { namespace, pod, container: name ?? this.#parts.spec.containers[0].name };
  }

  #place({ directory = '.', container }: { directory?: string; container?: string }): TransferPlace {
    return {
      ...this.#parts,
      container: this.#container(container),
      directory: posix.resolve(workspaceDirectory, directory),
    };
  }

  async #cancel(step: Step, ending: AbortController): Promise<void> {
    const { log } = this.#parts;
    const graceMs = step.graceMs ?? defaultGraceMs;
    const deadline = AbortSignal.timeout(graceMs + cancelMarginMs);
    deadline.addEventListener('abort', () => ending.abort(deadline.reason), { once: true });
    const seconds = String(Math.max(0, Math.ceil(graceMs / 1000)));
    const command = ['/bin/sh', `${scratchDirectory}/${step.container}/step`, 'cancel', step.id, seconds];
    try {
      const target = { ...this.#parts, container: this.#container(step.container) };
      await queryContainer(target, command, { signal: deadline });
    } catch (error) {
      log.warn('a step could not be stopped', { step: step.id, reason: messageOf(error) });
      ending.abort(error);
    }
  }

  #result(step: Step, end: StepEnd, received: number): StepResult {
    if (end.cancelled) return { type: 'cancelled', logBytes: received };
    if (end.outOfMemory && end.exitCode !== 0) {
      throw new AgentError(
        'outOfMemory',
        `step ${step.id} ran out of memory: the kernel killed a process of container ${step.container} (exit code ${String(end.exitCode)})`,
        { hint: 'raise the memory limit of the container, or let the script use less' },
      );
    }
    return { type: 'exited', exitCode: end.exitCode, ...readAssignments(end.files), logBytes: received };
  }
}

/** Turns the abort of a step's signal into its cancellation in the pod, while its log is followed to the end. */
class Cancellation {
  readonly #signal: AbortSignal;
  readonly #ending = new AbortController();
  readonly #listener: () => void;
  #started = false;

  constructor(signal: AbortSignal, cancel: (ending: AbortController) => Promise<void>) {
    this.#signal = signal;
    this.#listener = () => {
      if (signal.reason instanceof LeaseLostError) {
        this.#ending.abort(signal.reason); // another runner follows the step now
        return;
      }
      this.#started = true;
      void cancel(this.#ending);
    };
    signal.addEventListener('abort', this.#listener, { once: true });
    if (signal.aborted) this.#listener();
  }

  /** Ends the follow itself. */
  get follow(): AbortSignal {
    return this.#ending.signal;
  }

  get started(): boolean {
    return this.#started;
  }

  dispose(): void {
    this.#signal.removeEventListener('abort', this.#listener);
  }
}

async function abandonable(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    if (leave !== undefined) signal.removeEventListener('abort', leave);
  }
}
