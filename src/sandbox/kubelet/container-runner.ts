import { randomBytes } from 'node:crypto';
import { messageOf } from '../../base/errors.ts';
import { timestamp } from '../store/timestamp.ts';
import { createBackOff, goSeconds } from './back-off.ts';
import { startChecks } from './container-checks.ts';
import type { ContainerContext } from './container-context.ts';
import { PullFailed } from './container-context.ts';
import { ConfigurationMissing, expand, limitsAsEnvironment } from './environment.ts';
import { runHandler } from './handlers.ts';
import type { ImageFiles } from './image-files.ts';
import { afterSandboxRestart, newStatus } from './new-container-status.ts';
import { openLog, prepareMessageFile, terminationMessage } from './instance-files.ts';
import type { LogFile } from './log-file.ts';
import { isRestarted } from './pod-status.ts';
import type { Container, ContainerStatus, Terminated } from './pod-types.ts';
import { pause } from './probe-loop.ts';
import type { RunningContainer } from './runtime.ts';
import { StartError } from './runtime.ts';
import { MountFailed } from './volumes.ts';

const configurationRetryMs = 1_000;
/** As the kubelet: an event of a repeating failure is written again only after a while. */
const repeatEventMs = 10_000;
/** What is left for TERM when the preStop hook has used up the grace period. */
const leastGraceMs = 2_000;

/** One container of a pod over all its instances: gets its image, starts it, watches it, starts it again. */
export class ContainerRunner {
  readonly container: Container;
  status: ContainerStatus;
  /** The process of the instance that runs now. */
  running: RunningContainer | undefined;
  log: LogFile | undefined;
  readonly #context: ContainerContext;
  readonly #backOff = createBackOff();
  #killAt = Number.POSITIVE_INFINITY;
  #killTimer: NodeJS.Timeout | undefined;
  #restarting = false;

  constructor(container: Container, context: ContainerContext, before?: ContainerStatus) {
    this.container = container;
    this.#context = context;
    this.status = before === undefined ? newStatus(container) : afterSandboxRestart(before);
  }

  /** Runs instance after instance until one is not to be followed by another, or `signal` ends. Never rejects. */
  async run(signal: AbortSignal): Promise<Terminated | undefined> {
    let end = this.status.state.terminated;
    while (!signal.aborted) {
      if (end !== undefined) {
        if (!isRestarted(this.#context.pod().spec.restartPolicy, this.container, end)) return end;
        await this.#waitForRestart(end, signal);
      }
      const image = await this.#pullImage(signal);
      const next = image === undefined ? undefined : await this.#runInstance(image, signal);
      if (next === undefined) break;
      end = next;
    }
    return this.status.state.terminated;
  }

  async #waitForRestart(end: Terminated, signal: AbortSignal): Promise<void> {
    const delay = this.#backOff.next(Date.parse(end.finishedAt) - Date.parse(end.startedAt));
    this.#restarting = true;
    if (delay === 0) return;
    const { name, namespace = '', uid } = this.#context.pod().metadata;
    const pod = `${name}_${namespace}(${uid})`;
    const message = `back-off ${goSeconds(delay)} restarting failed container=${this.container.name} pod=${pod}`;
    this.#wait('CrashLoopBackOff', message);
    const until = Date.now() + delay;
    while (Date.now() < until && !signal.aborted) {
      this.#context.event('Warning', 'BackOff', 'Back-off restarting failed container');
      await pause(Math.min(until - Date.now(), repeatEventMs), signal);
    }
  }

  async #pullImage(signal: AbortSignal): Promise<ImageFiles | undefined> {
    const backOff = createBackOff();
    backOff.next(0);
    while (!signal.aborted) {
      try {
        return await this.#context.pull(this.container, signal);
      } catch (error) {
        const failure =
          error instanceof PullFailed ? error : new PullFailed('ErrImagePull', messageOf(error));
        await this.#waitForImage(failure, backOff.next(0), signal);
      }
    }
    return undefined;
  }

  async #waitForImage(failure: PullFailed, delayMs: number, signal: AbortSignal): Promise<void> {
    const { image } = this.container;
    const event = (message: string): void => this.#context.event('Warning', 'Failed', message);
    this.#wait(failure.reason, failure.message);
    if (failure.reason === 'InvalidImageName') {
      this.#context.event('Warning', 'InspectFailed', failure.message);
      event('Error: InvalidImageName');
    } else if (failure.reason === 'ErrImageNeverPull') {
      this.#context.event('Warning', 'ErrImageNeverPull', failure.message);
      event('Error: ErrImageNeverPull');
    } else {
      event(`Failed to pull image "${image}": ${failure.message}`);
      event('Error: ErrImagePull');
      // Both states are seen: the failure first, then that it is waited for.
      await pause(configurationRetryMs, signal);
      this.#wait('ImagePullBackOff', `Back-off pulling image "${image}"`);
      this.#context.event('Normal', 'BackOff', `Back-off pulling image "${image}"`);
      event('Error: ImagePullBackOff');
    }
    await pause(delayMs, signal);
  }

  /** One instance from start to end; undefined when it was not started because `signal` ended. */
  async #runInstance(image: ImageFiles, signal: AbortSignal): Promise<Terminated | undefined> {
    const configured = await this.#configure(signal);
    if (configured === undefined) return undefined;
    const { container } = this;
    const context = this.#context;
    const containerID = `sandbox://${randomBytes(32).toString('hex')}`;
    const startedAt = timestamp(Date.now());
    this.status.imageID = image.id;
    this.status.containerID = containerID;
    const restartCount = this.status.restartCount + (this.#restarting ? 1 : 0);
    this.#restarting = false;
    const messageFile = prepareMessageFile(context.folder);
    const log = openLog(context.folder, restartCount);
    this.log = log;
    try {
      const { environment } = configured;
      const expanded = (words: readonly string[] | undefined): string[] | undefined =>
        words?.map((word) => expand(word, environment));
      const command = expanded(container.command) ?? image.entrypoint;
      const commandArguments = expanded(container.args) ?? (container.command === undefined ? image.cmd : []);
      if (command.length + commandArguments.length === 0)
        throw new StartError(`no command specified: ${image.standIn ?? 'the image has none'}`);
      context.event('Normal', 'Created', `Created container ${container.name}`);
      this.running = await context.runtime.start({
        folder: context.folder,
        hostname: environment['HOSTNAME'] ?? context.pod().metadata.name,
        command: [...command, ...commandArguments],
        environment: { ...limitsAsEnvironment(container), ...image.environment, ...environment },
        workingDir: container.workingDir ?? image.workingDir,
        image,
        mounts: [
          ...configured.mounts,
          {
            source: messageFile,
            target: container.terminationMessagePath ?? '/dev/termination-log',
            readOnly: false,
          },
        ],
        networkOf: context.networkOf,
        stdin: container.stdin === true,
      });
    } catch (error) {
      log.close();
      this.status.restartCount = restartCount;
      const message = messageOf(error);
      context.event('Warning', 'Failed', `Error: failed to start container "${container.name}": ${message}`);
      return this.#terminated({ exitCode: 128, reason: 'StartError', message, startedAt, containerID });
    }
    this.status.restartCount = restartCount;
    log.capture(this.running.stdout);
    log.capture(this.running.stderr);
    context.event('Normal', 'Started', `Started container ${container.name}`);
    return this.#watch(this.running, { log, messageFile, startedAt, containerID, signal });
  }

  async #configure(signal: AbortSignal): Promise<ReturnType<ContainerContext['configure']> | undefined> {
    let lastEventMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      try {
        return this.#context.configure(this.container);
      } catch (error) {
        const isKnown = error instanceof ConfigurationMissing || error instanceof MountFailed;
        this.#wait(isKnown ? 'CreateContainerConfigError' : 'CreateContainerError', messageOf(error));
        if (Date.now() - lastEventMs >= repeatEventMs) {
          lastEventMs = Date.now();
          this.#context.event('Warning', 'Failed', `Error: ${messageOf(error)}`);
        }
        await pause(configurationRetryMs, signal);
      }
    }
    return undefined;
  }

  async #watch(
    running: RunningContainer,
    instance: {
      log: LogFile;
      messageFile: string;
      startedAt: string;
      containerID: string;
      signal: AbortSignal;
    },
  ): Promise<Terminated> {
    const { log, messageFile, startedAt, containerID, signal } = instance;
    this.status.lastState =
      this.status.state.terminated === undefined
        ? this.status.lastState
        : { terminated: this.status.state.terminated };
    this.status.state = { running: { startedAt } };
    const stopChecks = startChecks(this.container, running, this.#context, {
      update: (change) => {
        Object.assign(this.status, change);
        this.#context.changed();
      },
      kill: (graceSeconds) => void this.terminate(Date.now() + 1000 * (graceSeconds ?? this.#graceSeconds())),
    });
    if (signal.aborted) running.kill('SIGKILL');
    this.#context.changed();
    const end = await running.ended;
    const { outOfMemory } = stopChecks();
    clearTimeout(this.#killTimer);
    this.#killAt = Number.POSITIVE_INFINITY;
    this.running = undefined;
    log.close();
    const reason = outOfMemory ? 'OOMKilled' : end.exitCode === 0 ? 'Completed' : 'Error';
    const message = terminationMessage(this.container, {
      messageFile,
      log: log.path,
      exitCode: end.exitCode,
    });
    return this.#terminated({
      exitCode: end.exitCode,
      reason,
      startedAt,
      containerID,
      ...(message === '' ? {} : { message }),
    });
  }

  /** Ends the instance that runs: preStop, TERM, and KILL at `killAtMs`; may be called again with an earlier time. */
  async terminate(killAtMs: number): Promise<void> {
    const { running, container } = this;
    if (running === undefined || killAtMs >= this.#killAt) return;
    const isFirst = this.#killAt === Number.POSITIVE_INFINITY;
    this.#killAt = killAtMs;
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => running.kill('SIGKILL'), Math.max(0, killAtMs - Date.now()));
    if (!isFirst) return;
    const preStop = container.lifecycle?.preStop;
    if (preStop !== undefined && killAtMs > Date.now()) {
      const deadline = AbortSignal.timeout(Math.max(1, killAtMs - Date.now()));
      const target = {
        container,
        running,
        podIP: this.#context.podIP,
        connect: (port: number, signal: AbortSignal) => this.#context.connect(port, signal),
      };
      const answer = await runHandler(preStop, target, deadline);
      if (!answer.healthy)
        this.#context.event('Warning', 'FailedPreStopHook', answer.message || 'PreStopHook failed');
      if (Date.now() >= this.#killAt) {
        clearTimeout(this.#killTimer);
        this.#killTimer = setTimeout(() => running.kill('SIGKILL'), leastGraceMs);
      }
    }
    running.kill('SIGTERM');
    await running.ended;
  }

  #graceSeconds(): number {
    return this.#context.pod().spec.terminationGracePeriodSeconds ?? 30;
  }

  #wait(reason: string, message: string): void {
    const { terminated } = this.status.state;
    if (terminated !== undefined) this.status.lastState = { terminated };
    Object.assign(this.status, { state: { waiting: { reason, message } }, ready: false, started: false });
    this.#context.changed();
  }

  #terminated(how: Omit<Terminated, 'finishedAt'>): Terminated {
    const terminated = { ...how, finishedAt: timestamp(Date.now()) };
    if (this.status.state.terminated !== undefined)
      this.status.lastState = { terminated: this.status.state.terminated };
    Object.assign(this.status, { state: { terminated }, ready: false, started: false });
    this.#context.changed();
    return terminated;
  }
}
