import { messageOf } from '../../../base/errors.ts';
import { AgentError } from '../../../ports/agent.ts';
import type { Clock } from '../../../ports/clock.ts';
import { ClusterError, ForbiddenError, UnauthorizedError } from '../../../ports/cluster-errors.ts';
import { startingMs } from '../client/retry.ts';
import { sendStdin, channels } from '../streams/exec.ts';
import { parseExecStatus } from '../streams/exec-status.ts';
import type { ChannelSocket } from '../streams/channel-socket.ts';
import { backoffMs } from '../watch/watch-loop.ts';
import { ControlParser, type ControlRecord } from './control-records.ts';
import { Watchdog } from './watchdog.ts';

/** How a step ended, as its pod says. */
export type StepEnd = Extract<ControlRecord, { type: 'end' }>;

/** What following needs of the pod. */
export interface FollowContext {
  /** Lets the wrapper in the step's container do something; for `run`, what it starts is to be sent to the exec. */
  open(args: readonly string[], signal: AbortSignal): Promise<ChannelSocket>;
  /** Takes back the exec of a `run` whose step has ended; without it, and for all others, the exec is closed. */
  keep?(socket: ChannelSocket, state: { control: ControlParser; idle: boolean }): void;
  /** Aborted with an AgentError when the pod cannot work any more. */
  failure: AbortSignal;
  /** How long the processes of a pod that is being deleted may still run and write. Milliseconds. */
  graceMs(): number;
  /** Looks whether the pod is still there. */
  confirm(signal: AbortSignal): Promise<void>;
  clock: Clock;
  silenceMs: number;
  budgetMs: number;
  /** Called at each reconnection. */
  onReconnect(details: { reason: string; offset: number }): void;
}

/** What to follow. */
export interface FollowRequest {
  id: string;
  /** What `run` is given: the launch script by standard input, the rest as arguments; missing: only follow. */
  launch?: { script: Buffer; logLimit: number; timestamps: boolean; background: boolean };
  fromOffset: number;
  onOutput: (chunk: Buffer, offset: number) => Promise<void> | void;
}

/** How long output that is under way is still read from a pod that has failed, beyond its grace period. Milliseconds. */
const drainMs = 3000;

/**
 * Starts a step, or resumes the one of the same id, and follows it to its end: one exec, reopened at the byte where it broke.
 * @throws AgentError when the pod is gone, the step is lost, or the API was not reached within the budget; `signal.reason`
 */
export async function followStep(
  context: FollowContext,
  request: FollowRequest,
  signal: AbortSignal,
): Promise<{ end: StepEnd; received: number }> {
  const follow = new StepFollow(context, request);
  let failures = 0;
  let failingSince: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    const before = follow.progress;
    let reason: string;
    try {
      const end = await follow.session(signal);
      if (typeof end === 'object') return { end, received: follow.offset };
      reason = end;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ClusterError)) throw error;
      const refused = error instanceof ForbiddenError || error instanceof UnauthorizedError;
      const refusedMs = context.clock.monotonicMs() - (failingSince ?? context.clock.monotonicMs());
      // One that has let the step begin, and was away: it may not have read its rules yet.
      if (refused && (follow.progress === 0 || failures === 0 || refusedMs > startingMs)) {
        throw new AgentError('forbidden', `the agent cannot run steps: ${error.message}`, { cause: error });
      }
      reason = error.message;
    }
    if (follow.progress > before && !follow.ending) {
      failures = 0;
      failingSince = undefined;
    }
    failures += 1;
    failingSince ??= context.clock.monotonicMs();
    const spentMs = context.clock.monotonicMs() - failingSince;
    if (spentMs > context.budgetMs) {
      const seconds = String(Math.round(spentMs / 1000));
      throw new AgentError('stepLost', `no contact with step ${request.id} for ${seconds} s: ${reason}`, {
        hint: 'the step may still be running; `pipeline resume` continues it',
      });
    }
    context.onReconnect({ reason, offset: follow.offset });
    await waitToReconnect(context, failures, signal);
  }
}

async function waitToReconnect(context: FollowContext, failures: number, signal: AbortSignal): Promise<void> {
  const either = AbortSignal.any([signal, context.failure]);
  if (failures > 1) {
    await context.confirm(either).catch((error: unknown) => {
      either.throwIfAborted();
      if (!(error instanceof ClusterError)) throw error; // else: the next attempt shows more
    });
  }
  // A first break is most often the connection's alone; reconnecting at once costs nothing.
  const waitMs = failures === 1 ? 20 : backoffMs(failures - 1, Math.random()) / 2;
  await context.clock.sleep(waitMs, { signal: either });
}

class StepFollow {
  /** The next byte of the log that is wanted. */
  offset: number;
  /** Grows with everything that comes from the pod. */
  progress = 0;
  /** The step was stopped with its container, which the pod itself will report in a moment. */
  ending = false;
  readonly #context: FollowContext;
  readonly #request: FollowRequest;
  #started = false;
  #end: StepEnd | undefined;
  /** The wrapper has said that it waits for the next step. */
  #idle = false;

  constructor(context: FollowContext, request: FollowRequest) {
    this.#context = context;
    this.#request = request;
    this.offset = request.fromOffset;
  }

  /** One exec. @returns the end of the step, or why the exec ended without one */
  async session(signal: AbortSignal): Promise<StepEnd | string> {
    const { id, launch } = this.#request;
    const beginning = this.#started ? undefined : launch;
    const args =
      beginning === undefined
        ? ['follow', id, String(this.offset)]
        : [
            'run',
            id,
            String(beginning.script.length),
            String(this.offset),
            String(beginning.logLimit),
            (beginning.timestamps ? 't' : '') + (beginning.background ? 'b' : ''),
          ];
    this.#context.failure.throwIfAborted();
    const socket = await this.#context.open(args, signal);
    const control = new ControlParser();
    let reusable = false;
    const { clock, silenceMs } = this.#context;
    const abort = () => socket.close();
    let draining: Watchdog | undefined;
    const drain = () => (draining = new Watchdog(clock, drainMs + this.#context.graceMs(), abort));
    const watchdog = new Watchdog(clock, silenceMs, () => {
      socket.close(`no data for ${String(silenceMs / 1000)} s`);
    });
    signal.addEventListener('abort', abort, { once: true });
    this.#context.failure.addEventListener('abort', drain, { once: true });
    try {
      // Not awaited: a follower of a step that runs already does not read it.
      if (beginning !== undefined) void sendStdin(socket, beginning.script);
      const ended = await this.#read(socket, control, watchdog);
      if (typeof ended === 'object') {
        reusable = beginning !== undefined;
        return ended;
      }
      signal.throwIfAborted();
      this.#context.failure.throwIfAborted();
      return ended;
    } finally {
      watchdog.stop();
      draining?.stop();
      signal.removeEventListener('abort', abort);
      this.#context.failure.removeEventListener('abort', drain);
      if (reusable && this.#context.keep) this.#context.keep(socket, { control, idle: this.#idle });
      else socket.close();
    }
  }

  /** Reads one exec to its end. */
  async #read(socket: ChannelSocket, control: ControlParser, watchdog: Watchdog): Promise<StepEnd | string> {
    for (;;) {
      watchdog.refresh();
      const message = await socket.next();
      if (message === undefined) return `the connection ended (${socket.closeReason ?? 'no reason given'})`;
      switch (message.channel) {
        case channels.stdout:
          await this.#output(message.data, watchdog);
          break;
        case channels.stderr:
          for (const record of control.push(message.data)) this.#handle(record);
          break;
        case channels.status:
          if (this.ending) return 'its container is being stopped';
          // What is missing now was deleted by the step: nothing that is asked again would bring it.
          if (this.#end !== undefined && this.offset >= this.#end.availableBytes) return this.#end;
          return statusReason(message.data, control.diagnostics);
        default:
          break;
      }
      if (this.#end !== undefined && this.offset >= this.#end.logBytes) return this.#end;
    }
  }

  async #output(data: Buffer, watchdog: Watchdog): Promise<void> {
    // What a process that was left behind writes after the end is no part of the step.
    const wanted =
      this.#end === undefined ? data : data.subarray(0, Math.max(0, this.#end.logBytes - this.offset));
    if (wanted.length === 0) return;
    const at = this.offset;
    this.offset += wanted.length;
    this.progress += 1;
    const delivered = this.#request.onOutput(wanted, at);
    if (delivered === undefined) return;
    // The reader is slow, not the connection.
    watchdog.hold();
    try {
      await delivered;
    } finally {
      watchdog.refresh();
    }
  }

  #handle(record: ControlRecord): void {
    const { id } = this.#request;
    switch (record.type) {
      case 'started':
        this.#started = true;
        this.progress += 1;
        break;
      case 'alive':
        this.progress += 1;
        break;
      case 'lost':
        throw new AgentError('stepLost', `step ${id} has no exit code: its supervisor in the pod was killed`);
      case 'unknown':
        throw new AgentError('stepLost', `the agent pod has no step ${id}, though it was started there`);
      case 'ending':
        this.ending = true;
        break;
      case 'broken': // the launch script did not arrive whole; nothing was started
      case 'usage':
        break;
      case 'idle':
        this.#idle = this.#end !== undefined;
        break;
      case 'end':
        this.progress += 1;
        this.#end = record;
        break;
    }
  }
}

function statusReason(data: Buffer, diagnostics: string): string {
  const result = parseExecStatus(data.toString('utf8'));
  const ending =
    result.type === 'lost' ? result.reason : `the follower ended with ${String(result.exitCode)}`;
  return diagnostics === '' ? ending : `${ending}: ${messageOf(diagnostics)}`;
}
