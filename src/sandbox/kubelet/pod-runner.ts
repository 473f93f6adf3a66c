import { defined } from '../../base/defined.ts';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { timestamp } from '../store/timestamp.ts';
import type { PodAttachment } from '../network/pod-network.ts';
import type { StoredObject } from '../store/objects.ts';
import { ContainerRunner } from './container-runner.ts';
import type { ContainerContext } from './container-context.ts';
import { calculatePodStatus } from './pod-status.ts';
import type { Container, ContainerStatus, Pod, Terminated } from './pod-types.ts';
import { isSidecar } from './pod-types.ts';
import type { PodContext } from './pod-context.ts';
import { comesFrom } from './volumes.ts';
import { isAborted, pause } from './probe-loop.ts';
import { removeTree } from './remove-tree.ts';

const prepareRetryMs = 500;
const repeatEventMs = 10_000;
/** How long after KILL a process may take to vanish. */
const killSlackMs = 2_000;

/** One pod from its binding to the node to its end: network, volumes, init containers, containers, status. */
export class PodRunner {
  readonly containers = new Map<string, ContainerRunner>();
  #pod: Pod;
  #podIP: string | undefined;
  #attached: PodAttachment | undefined;
  #volumes: ReadonlyMap<string, string> = new Map();
  #failure: { reason: string; message: string } | undefined;
  readonly #context: PodContext;
  readonly #startTime: string;
  /** What an earlier sandbox knew of the containers. */
  readonly #before: readonly ContainerStatus[];
  readonly #stop = new AbortController();
  #deadline: NodeJS.Timeout | undefined;
  #publishing = false;
  #over: Promise<void> | undefined;

  constructor(pod: Pod, context: PodContext) {
    this.#pod = pod;
    this.#context = context;
    this.#before = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    this.#startTime = pod.status?.startTime ?? timestamp(Date.now());
  }

  /** The pod has changed in the store. */
  update(pod: Pod): void {
    const { activeDeadlineSeconds } = this.#pod.spec;
    this.#pod = pod;
    if (pod.spec.activeDeadlineSeconds !== activeDeadlineSeconds) this.#watchDeadline();
    if (pod.spec.readinessGates !== undefined) this.#publish();
  }

  get uid(): string {
    return this.#pod.metadata.uid;
  }

  get ip(): string | undefined {
    return this.#podIP;
  }

  /** Runs the pod to its end. Resolves when nothing of it runs any more and its last status is written. Never rejects. */
  run(): Promise<void> {
    this.#over ??= this.#lifecycle().catch((error: unknown) => {
      this.#failure ??= { reason: 'Error', message: messageOf(error) };
      this.#event('Warning', 'Failed', `Error: ${messageOf(error)}`);
      this.#writeNow();
    });
    return this.#over;
  }

  async #lifecycle(): Promise<void> {
    const { signal } = this.#stop;
    mkdirSync(this.#context.folder, { recursive: true, mode: 0o755 });
    this.#publish();
    this.#watchDeadline();
    try {
      if (!(await this.#prepare(signal))) return;
      const sidecars = await this.#runInit(signal);
      if (sidecars === undefined) return;
      const main = this.#pod.spec.containers.map((container) => this.#runner(container));
      this.#publish();
      await Promise.all(main.map((runner) => runner.run(signal)));
      await this.#endSidecars(sidecars);
    } finally {
      clearTimeout(this.#deadline);
      await this.#settle();
      this.#context.network.detach(this.#pod.metadata.uid);
      this.#writeNow();
    }
  }

  /** Network and volumes; false when the pod was ended before it had them. */
  async #prepare(signal: AbortSignal): Promise<boolean> {
    const attach = async (): Promise<void> => {
      this.#attached = await this.#context.network.attach(this.#pod, this.#context.folder);
      this.#podIP = this.#attached.ip;
    };
    const makeVolumes = (): void => {
      this.#volumes = this.#context.makeVolumes(this.#pod, this.#podIP ?? '');
    };
    return (
      (await this.#untilDone('FailedCreatePodSandBox', attach, signal)) &&
      (await this.#untilDone('FailedMount', makeVolumes, signal))
    );
  }

  /** Tries until it succeeds, telling now and then why it does not; false when `signal` ended first. */
  async #untilDone(
    reason: string,
    attempt: () => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<boolean> {
    let lastEventMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      try {
        await attempt();
        return true;
      } catch (error) {
        if (Date.now() - lastEventMs >= repeatEventMs) {
          lastEventMs = Date.now();
          this.#event('Warning', reason, messageOf(error));
        }
        await pause(prepareRetryMs, signal);
      }
    }
    return false;
  }

  /** Runs the init containers in order; the sidecars among them, which keep running, or undefined when one failed. */
  async #runInit(signal: AbortSignal): Promise<ContainerRunner[] | undefined> {
    const sidecars: ContainerRunner[] = [];
    for (const container of this.#pod.spec.initContainers ?? []) {
      if (signal.aborted) return undefined;
      const runner = this.#runner(container);
      if (isSidecar(container)) {
        sidecars.push(runner);
        void runner.run(signal);
        while (!runner.status.started && !isAborted(signal)) await pause(20, signal);
        continue;
      }
      const end: Terminated | undefined = await runner.run(signal);
      if (end?.exitCode === 0) continue;
      await this.#endSidecars(sidecars);
      return undefined;
    }
    return isAborted(signal) ? undefined : sidecars;
  }

  #runner(container: Container): ContainerRunner {
    const context = this.#context;
    const runner = new ContainerRunner(
      container,
      {
        pod: () => this.#pod,
        folder: join(context.folder, 'containers', container.name),
        runtime: context.runtime,
        pull: (wanted, signal) => context.pull(this.#pod, wanted, signal),
        configure: (wanted) => this.#configure(wanted),
        networkOf: this.#attached?.processId,
        connect: (port, signal) => context.network.connect(this.#pod.metadata.uid, port, signal),
        podIP: this.#podIP ?? '',
        event: (type, reason, message) => this.#event(type, reason, message),
        changed: () => this.#publish(),
      },
      this.#before.find(({ name, containerID }) => name === container.name && containerID !== undefined),
    );
    this.containers.set(container.name, runner);
    return runner;
  }

  #configure(container: Container): ReturnType<ContainerContext['configure']> {
    const made = { volumes: this.#volumes, podIP: this.#podIP ?? '' };
    const configured = this.#context.configure(this.#pod, container, made);
    const { environment = {}, mounts = [] } = this.#attached ?? {};
    const taken = new Set(configured.mounts.map(({ target }) => target));
    const nodeOptions = [environment['NODE_OPTIONS'], configured.environment['NODE_OPTIONS']].filter(
      (options) => options !== undefined,
    );
    return {
      environment: {
        ...environment,
        ...configured.environment,
        ...(nodeOptions.length === 0 ? {} : { NODE_OPTIONS: nodeOptions.join(' ') }),
      },
      mounts: [...configured.mounts, ...mounts.filter(({ target }) => !taken.has(target))],
    };
  }

  /**
   * Ends the pod: the containers get until `graceSeconds` are over, the sidecars after them. May be called again with
   * a shorter time. Resolves when all have ended.
   */
  async terminate(graceSeconds: number): Promise<void> {
    const killAtMs = Date.now() + graceSeconds * 1000;
    const wasStopping = this.#stop.signal.aborted;
    const running = [...this.containers.values()].filter((runner) => runner.running !== undefined);
    for (const { container } of wasStopping ? [] : running)
      this.#event('Normal', 'Killing', `Stopping container ${container.name}`);
    // Ended before the abort, which kills at once what is only starting.
    const ended = this.#endAll(running, killAtMs);
    this.#stop.abort();
    await ended;
    await this.run();
  }

  async #endAll(runners: readonly ContainerRunner[], killAtMs: number): Promise<void> {
    const main = runners.filter(({ container }) => !isSidecar(container));
    await Promise.all(main.map((runner) => runner.terminate(killAtMs)));
    for (const sidecar of runners.filter(({ container }) => isSidecar(container)).reverse())
      await sidecar.terminate(Math.max(killAtMs, Date.now() + killSlackMs));
  }

  /** The sidecars' turn, when all others have ended: they are not started again. */
  async #endSidecars(sidecars: readonly ContainerRunner[]): Promise<void> {
    this.#stop.abort();
    await this.#endAll(sidecars, Date.now() + this.#graceMs());
  }

  /** Waits until the last processes are gone. */
  async #settle(): Promise<void> {
    const left = [...this.containers.values()].flatMap(({ running }) =>
      running === undefined ? [] : [running],
    );
    await Promise.all(left.map((running) => running.ended));
    await pause(0, AbortSignal.timeout(killSlackMs));
  }

  #watchDeadline(): void {
    clearTimeout(this.#deadline);
    const seconds = this.#pod.spec.activeDeadlineSeconds;
    if (seconds === undefined || this.#stop.signal.aborted) return;
    const left = Date.parse(this.#startTime) + seconds * 1000 - Date.now();
    const message = 'Pod was active on the node longer than the specified deadline';
    const end = (): void => {
      this.#failure = { reason: 'DeadlineExceeded', message };
      this.#event('Normal', 'DeadlineExceeded', message);
      void this.terminate(this.#graceMs() / 1000);
    };
    this.#deadline = setTimeout(end, Math.max(0, Math.min(left, 2 ** 31 - 1)));
  }

  #graceMs(): number {
    return (this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
  }

  /** A ConfigMap or Secret has changed: brings the files that come from it up to date. */
  refreshVolumes({ kind, metadata }: StoredObject): void {
    if (this.#volumes.size === 0 || this.#stop.signal.aborted) return;
    if (metadata.namespace !== this.#pod.metadata.namespace) return;
    if (!(this.#pod.spec.volumes ?? []).some((volume) => comesFrom(volume, kind, metadata.name))) return;
    try {
      this.#context.makeVolumes(this.#pod, this.#podIP ?? '');
    } catch (error) {
      this.#event('Warning', 'FailedMount', messageOf(error));
    }
  }

  /** Removes volumes, roots and logs; the pod is gone. */
  removeFiles(): Promise<void> {
    return removeTree(this.#context.folder);
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.event(this.#pod, { type, reason, message });
  }

  /** Writes the status soon, once for all changes of this turn. */
  #publish(): void {
    if (this.#publishing) return;
    this.#publishing = true;
    setImmediate(() => {
      this.#publishing = false;
      this.#writeNow();
    });
  }

  #writeNow(): void {
    const containers = new Map([...this.containers].map(([name, { status }]) => [name, status]));
    const status = calculatePodStatus(this.#pod, {
      containers,
      podIP: this.#podIP,
      startTime: this.#startTime,
      now: timestamp(Date.now()),
      ...defined({ failure: this.#failure }),
    });
    this.#context.writeStatus(this.#pod, status);
  }
}
