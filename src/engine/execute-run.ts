import { defined } from '../base/defined.ts';
import { DeadlineError, InternalError, messageOf } from '../base/errors.ts';
import { LeaseLostError } from '../ports/leases.ts';
import { RecordTooLargeError, type UnusableRecordError } from '../ports/record-errors.ts';
import { AgentPool } from './agent-pool.ts';
import { announceRun } from './announce-run.ts';
import type { EngineDependencies, EngineOptions, ExecuteRequest, RunResult } from './dependencies.ts';
import { createEventStream, type EventStream } from './event-stream.ts';
import { foldOutcome, isStopped, type FoldedOutcome } from './outcome.ts';
import { Ownership } from './ownership.ts';
import { runPhase } from './phase.ts';
import { outcomeWithoutRecord, withoutOutputs } from './record-failure.ts';
import { elapsedMs, RecordWriter } from './record-writer.ts';
import { replayLogs, replayTrouble } from './replay-logs.ts';
import type { RunContext } from './run-context.ts';
import { RunState } from './run-state.ts';
import { reasonOf, startDeadline, type Deadline } from './signals.ts';
import { StageRunner } from './stage-runner.ts';
import { stopOf, stopReasonOf, storedStop } from './stop-reason.ts';
import { watchForCancel } from './watch-for-cancel.ts';
import { Workspace } from './workspace.ts';

const defaultOptions: Required<EngineOptions> = {
  maxParallelStages: 8,
  keepAgent: false,
  stageGraceMs: 60_000,
  finallyMs: 600_000,
  cleanupMs: 30_000,
  cancelPollMs: 5000,
};

/**
 * Runs a plan from where its record stands to its end.
 *
 * Events come in this order: `run.started`; for a resumed run notices and `stage.finished` of what was done before; then
 * the agent's and the stages' as they happen; the agent's removal; `run.finished`, last, after the record says so.
 *
 * When the signal is aborted, or somebody cancels the run, running stages get the aborted signal, pending ones are
 * cancelled, and the finally stages run; the first reason counts.
 * @throws LeaseLostError when another runner took the run over: nothing more was written or removed by then
 */
export async function executeRun(
  request: ExecuteRequest,
  dependencies: EngineDependencies,
  { signal }: { signal: AbortSignal },
): Promise<RunResult> {
  const execution = new Execution(request, dependencies);
  const follow = () => execution.halt(stopOf(signal));
  if (signal.aborted) follow();
  signal.addEventListener('abort', follow, { once: true });
  try {
    return await execution.run();
  } finally {
    signal.removeEventListener('abort', follow);
    await execution.close();
  }
}

class Execution {
  readonly #request: ExecuteRequest;
  readonly #dependencies: EngineDependencies;
  readonly #options: Required<EngineOptions>;
  readonly #stop = new AbortController();
  readonly #ended = new AbortController();
  readonly #events: EventStream;
  readonly #writer: RecordWriter;
  readonly #agents: AgentPool;
  readonly #state: RunState;
  readonly #runner: StageRunner;
  readonly #leaseLost: AbortSignal;
  #recordError: UnusableRecordError | undefined;

  constructor(request: ExecuteRequest, dependencies: EngineDependencies) {
    const { plan, stored, lease } = request;
    const { clock, store, agents, reporter, kinds } = dependencies;
    this.#request = request;
    this.#dependencies = dependencies;
    this.#options = { ...defaultOptions, ...request.options };
    const ownership = new Ownership(lease);
    this.#leaseLost = ownership.leaseLost;
    this.#events = createEventStream(stored.record.runId, reporter, clock);
    const leaseLost = this.#leaseLost;
    const events = this.#events;
    const options = this.#options;
    this.#writer = new RecordWriter({
      store,
      clock,
      stored,
      ownership,
      onCancel: (reason) => this.halt(reason),
      onTrouble: (error) => this.#note(`the run's record cannot be written just now: ${messageOf(error)}`),
      onUnusable: (error) => {
        this.#recordError ??= error;
        this.halt(error);
      },
    });
    this.#agents = new AgentPool({
      ...{ agents, plan, clock, ownership },
      emit: (event) => events.emit(event),
      replaced: stored.record.agents,
      resumed: request.resumed,
      onReplaced: (agent, name) =>
        this.#writer.update((record) => ({ ...record, agents: { ...record.agents, [agent]: name } })),
      common: {
        runId: stored.record.runId,
        deadlineSeconds: Math.ceil((plan.timeoutMs + options.finallyMs + options.cleanupMs) / 1000),
        owner: stored.owner,
        secrets: dependencies.secrets,
      },
    });
    this.#state = new RunState(plan, this.#writer, kinds);
    const state = this.#state;
    const writer = this.#writer;
    const context: RunContext = {
      state,
      writer,
      agents: this.#agents,
      events,
      dependencies,
      options,
      leaseLost,
      ownership,
    };
    this.#runner = new StageRunner(context, new Workspace(context));
    if (stored.record.state === 'cancelling') this.halt(storedStop(stored.record));
  }

  /** Stops the main stages; the first reason counts. */
  halt(reason: Error): void {
    this.#stop.abort(reason);
  }

  async run(): Promise<RunResult> {
    const announced = announceRun(this.#request, this.#state, this.#events);
    const state = this.#state;
    this.#agents.start(state.plan.nodes.filter((node) => state.recordOf(node).state !== 'done'));
    await announced;
    if (this.#request.resumed) await this.#replayLogs();
    void watchForCancel(this.#writer, {
      clock: this.#dependencies.clock,
      everyMs: this.#options.cancelPollMs,
      signal: AbortSignal.any([this.#ended.signal, this.#stop.signal, this.#leaseLost]),
    });
    const stopped = await this.#guarded(() => this.#runMain());
    const fault = await this.#guarded(() => this.#runFinally(stopped));
    const folded = foldOutcome(this.#state.counted(), stopped ?? fault);
    // Until it is written, the pods alone say which steps have ended: a runner that resumes would run them again.
    await this.#flush(`the run's stages could not be recorded before the agent pods are removed`);
    await this.#agents.close({ keep: this.#options.keepAgent, cleanupMs: this.#options.cleanupMs });
    if (this.#leaseLost.aborted) throw reasonOf(this.#leaseLost);
    return this.#finish(folded);
  }

  async close(): Promise<void> {
    this.#ended.abort();
    this.#agents.abandon();
    await this.#writer.close();
  }

  /** What stopped a phase: its own reason, or a fault of ours, which must not keep the rest of the run from its end. */
  async #guarded(phase: () => Promise<Error | undefined>): Promise<Error | undefined> {
    try {
      return await phase();
    } catch (error) {
      if (this.#leaseLost.aborted) throw reasonOf(this.#leaseLost);
      return error instanceof Error ? error : new InternalError(messageOf(error));
    }
  }

  /** Brings the logs of what is done to those who keep them whole; an error in doing so ends no run. */
  async #replayLogs(): Promise<void> {
    const leaseLost = this.#leaseLost;
    const events = this.#events;
    const stop = this.#stop;
    const dependencies = this.#dependencies;
    const parts = { dependencies, events, record: this.#state.record, parents: [leaseLost, stop.signal] };
    await replayLogs(parts).catch((error: unknown) => this.#note(replayTrouble(error)));
    if (leaseLost.aborted) throw reasonOf(leaseLost);
  }

  /** Why the main stages were stopped, when that kept any of them from ending by itself. */
  async #runMain(): Promise<Error | undefined> {
    const runner = this.#runner;
    const state = this.#state;
    const options = this.#options;
    const limit = state.plan.timeoutMs;
    const deadline = startDeadline(this.#dependencies.clock, {
      ms: Math.max(0, limit - (this.#request.resumed ? elapsedMs(state.record) : 0)),
      reason: () =>
        new DeadlineError('the run', limit, { hint: 'raise `timeout` of the file if it needs more' }),
      parents: [this.#leaseLost, this.#stop.signal],
    });
    const { signal } = deadline;
    const onStop = () => this.#recordStop(reasonOf(signal));
    if (signal.aborted) onStop();
    else signal.addEventListener('abort', onStop, { once: true });
    try {
      const halt = (error: Error) => this.halt(error);
      await runPhase('main', { state, runner, maxParallelStages: options.maxParallelStages, signal, halt });
    } finally {
      signal.removeEventListener('abort', onStop);
      deadline.clear();
    }
    const stopped = state.nodesOf('main').some((node) => isStopped(state.recordOf(node).outcome));
    return signal.aborted && stopped ? reasonOf(signal) : undefined;
  }

  /** So that a runner that takes over from here does not start stages again. */
  #recordStop(reason: Error): void {
    if (reason instanceof LeaseLostError) return;
    const stop = stopReasonOf(reason);
    this.#writer.update((record) => ({ ...record, state: 'cancelling', stop: record.stop ?? stop }));
  }

  async #runFinally(stopped: Error | undefined): Promise<undefined> {
    const runner = this.#runner;
    const state = this.#state;
    const options = this.#options;
    const dependencies = this.#dependencies;
    const fault = new AbortController();
    const deadline: Deadline = startDeadline(dependencies.clock, {
      ms: options.finallyMs,
      reason: () => new DeadlineError('the finally stages', options.finallyMs),
      parents: [this.#leaseLost, fault.signal],
    });
    const { signal } = deadline;
    state.setStopped(stopped);
    try {
      const halt = (error: Error) => fault.abort(error);
      await runPhase('finally', {
        state,
        runner,
        maxParallelStages: options.maxParallelStages,
        signal,
        halt,
      });
    } finally {
      deadline.clear();
    }
  }

  async #finish(folded: FoldedOutcome): Promise<RunResult> {
    const state = this.#state;
    const events = this.#events;
    const finishedAt = this.#dependencies.clock.now();
    const refused = this.#recordError;
    const due = refused === undefined ? folded : outcomeWithoutRecord(folded, refused);
    this.#writer.update((record) => ({
      ...(refused instanceof RecordTooLargeError ? withoutOutputs(record) : record),
      ...{ state: 'finished', outcome: due.outcome, finishedAt },
    }));
    const error = await this.#flush(`the run's end could not be recorded`);
    if (this.#leaseLost.aborted) throw reasonOf(this.#leaseLost);
    const { outcome, message, hint } = error === undefined ? due : outcomeWithoutRecord(due, error);
    const durationMs = Math.max(0, finishedAt - state.record.createdAt);
    const words = { ...defined({ message, hint }) };
    await events.emit({ type: 'run.finished', outcome, durationMs, ...words });
    return { runId: state.record.runId, outcome, durationMs, ...words, stages: state.finished() };
  }

  /**
   * Waits until the record is written.
   * @returns why it is not, after a notice that begins with `trouble`
   * @throws LeaseLostError
   */
  async #flush(trouble: string): Promise<unknown> {
    const ms = this.#options.cleanupMs;
    const deadline = startDeadline(this.#dependencies.clock, {
      ms,
      reason: () => new DeadlineError('writing the last record of the run', ms),
    });
    try {
      await this.#writer.flush({ signal: deadline.signal });
      return undefined;
    } catch (error) {
      if (this.#leaseLost.aborted) throw reasonOf(this.#leaseLost);
      this.#note(`${trouble}: ${messageOf(error)}`);
      return error;
    } finally {
      deadline.clear();
    }
  }

  #note(message: string): void {
    this.#events.emit({ type: 'notice', level: 'warning', message }).catch(() => undefined); // a notice ends no run
  }
}
