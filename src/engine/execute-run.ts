import { CancelledError, DeadlineError, InternalError, messageOf, SlipwayError } from '../base/errors.ts';
import type { StageOutcome } from '../ports/events.ts';
import { LeaseLostError, RunFinishedError } from '../ports/run-record.ts';
import { AgentSession } from './agent-session.ts';
import type { Workbench } from './attempt.ts';
import type { EngineDependencies, EngineOptions, ExecuteRequest, RunResult } from './dependencies.ts';
import { createEventStream, type EventStream } from './event-stream.ts';
import { foldOutcome, type FoldedOutcome } from './outcome.ts';
import { runPhase } from './phase.ts';
import { RecordKeeper } from './record-keeper.ts';
import { replayLogs, replayTrouble } from './replay-logs.ts';
import { resumeNotices } from './resume-notices.ts';
import { RunState } from './run-state.ts';
import { reasonOf, startDeadline, type Deadline } from './signals.ts';
import { StageRunner } from './stage-runner.ts';
import { Workspace } from './workspace.ts';

const defaultOptions: Required<EngineOptions> = {
  maxParallelStages: 8,
  keepAgent: false,
  settleMs: 60_000,
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
  const { stored } = request;
  if (stored.record.state === 'finished') throw new RunFinishedError(stored.record.runId);
  const execution = new Execution(request, dependencies);
  const follow = () => execution.halt(stopReason(signal));
  if (signal.aborted) follow();
  signal.addEventListener('abort', follow, { once: true });
  try {
    return await execution.run();
  } finally {
    signal.removeEventListener('abort', follow);
    await execution.close();
  }
}

function stopReason(signal: AbortSignal): Error {
  const reason = reasonOf(signal);
  return reason instanceof SlipwayError ? reason : new CancelledError(reason.message, { cause: reason });
}

class Execution {
  private readonly request: ExecuteRequest;
  private readonly dependencies: EngineDependencies;
  private readonly options: Required<EngineOptions>;
  private readonly stop = new AbortController();
  private readonly ended = new AbortController();
  private readonly events: EventStream;
  private readonly keeper: RecordKeeper;
  private readonly session: AgentSession;
  private readonly state: RunState;
  private readonly runner: StageRunner;
  private readonly lost: AbortSignal;

  constructor(request: ExecuteRequest, dependencies: EngineDependencies) {
    const { plan, stored, lease } = request;
    const { clock, store, agents, reporter, kinds } = dependencies;
    this.request = request;
    this.dependencies = dependencies;
    this.options = { ...defaultOptions, ...request.options };
    this.lost = lease.lost;
    this.events = createEventStream(reporter, clock);
    const { events, lost, options } = this;
    this.keeper = new RecordKeeper({
      store,
      clock,
      stored,
      lost,
      onCancel: (reason) => this.halt(reason),
      onTrouble: (error) => this.note(`the run's record cannot be written just now: ${messageOf(error)}`),
    });
    this.session = new AgentSession({
      agents,
      clock,
      lost,
      emit: (event) => events.emit(event),
      onReplaced: (agentName) => this.keeper.update((record) => ({ ...record, agentName })),
      spec: {
        ...plan.agent,
        runId: stored.record.runId,
        name: stored.record.agentName ?? 'main',
        deadlineSeconds: Math.ceil((plan.timeoutMs + options.finallyMs + options.cleanupMs) / 1000),
        owner: stored.owner,
        secrets: dependencies.secrets,
      },
    });
    this.state = new RunState(plan, this.keeper, kinds);
    const { keeper, session, state } = this;
    const bench: Workbench = { state, keeper, session, events, dependencies, options, lost };
    this.runner = new StageRunner(bench, new Workspace(bench, request.resumed));
    if (stored.record.state === 'cancelling') this.halt(new CancelledError('cancelled by `pipeline cancel`'));
  }

  /** Stops the main stages; the first reason counts. */
  halt(reason: Error): void {
    this.stop.abort(reason);
  }

  async run(): Promise<RunResult> {
    const announced = this.announce();
    if (this.state.plan.nodes.some((node) => node.needsAgent && this.state.recordOf(node).state !== 'done')) {
      this.session.current();
    }
    await announced;
    if (this.request.resumed) await this.bringLogs();
    void this.watchForCancel();
    const stopped = await this.guarded(() => this.runMain());
    const fault = await this.guarded(() => this.runFinally(stopped));
    const folded = foldOutcome(this.state.counted(), stopped ?? fault);
    await this.session.close({ keep: this.options.keepAgent, cleanupMs: this.options.cleanupMs });
    if (this.lost.aborted) throw reasonOf(this.lost);
    return this.finish(folded);
  }

  async close(): Promise<void> {
    this.ended.abort();
    this.session.abandon();
    await this.keeper.close();
  }

  /** What stopped a phase: its own reason, or a fault of ours, which must not keep the rest of the run from its end. */
  private async guarded(phase: () => Promise<Error | undefined>): Promise<Error | undefined> {
    try {
      return await phase();
    } catch (error) {
      if (this.lost.aborted) throw reasonOf(this.lost);
      return error instanceof Error ? error : new InternalError(messageOf(error));
    }
  }

  /** Brings the logs of what is done to those who keep them whole; trouble in doing so ends no run. */
  private async bringLogs(): Promise<void> {
    const { dependencies, events, lost, stop } = this;
    const parts = { dependencies, events, record: this.state.record, parents: [lost, stop.signal] };
    await replayLogs(parts).catch((error: unknown) => this.note(replayTrouble(error)));
    if (lost.aborted) throw reasonOf(lost);
  }

  /** Says what the run is about to do, and what a resumed one has behind it. */
  private async announce(): Promise<void> {
    const { request, state, events } = this;
    const { runId, pipeline, namespace } = state.record;
    const stages = state.plan.nodes.map(({ name, kind, needs, phase }) => ({ name, kind, needs, phase }));
    const { cluster, resumed } = request;
    const started = events.emit({
      type: 'run.started',
      runId,
      pipeline,
      cluster,
      namespace,
      stages,
      resumed,
    });
    if (resumed) {
      for (const line of resumeNotices(state.plan, state.record)) this.note(line, 'info');
      for (const { attempts: _attempts, name, phase: _phase, ...finished } of state.finished()) {
        await events.emit({ type: 'stage.finished', stage: name, ...finished });
      }
    }
    await started;
  }

  /** Why the main stages were stopped, when that kept any of them from ending by itself. */
  private async runMain(): Promise<Error | undefined> {
    const { state, runner, options } = this;
    const limit = state.plan.timeoutMs;
    const elapsed = Math.max(0, this.dependencies.clock.now() - state.record.createdAt);
    const deadline = startDeadline(this.dependencies.clock, {
      ms: Math.max(0, limit - (this.request.resumed ? elapsed : 0)),
      reason: () =>
        new DeadlineError('the run', limit, { hint: 'raise `timeout` of the file if it needs more' }),
      parents: [this.lost, this.stop.signal],
    });
    const { signal } = deadline;
    const onStop = () => this.recordStop(reasonOf(signal));
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
  private recordStop(reason: Error): void {
    if (reason instanceof LeaseLostError) return;
    this.keeper.update((record) => ({ ...record, state: 'cancelling' }));
  }

  private async runFinally(stopped: Error | undefined): Promise<undefined> {
    const { state, runner, options, dependencies } = this;
    if (state.nodesOf('finally').length === 0) return undefined;
    const fault = new AbortController();
    const deadline: Deadline = startDeadline(dependencies.clock, {
      ms: options.finallyMs,
      reason: () => new DeadlineError('the finally stages', options.finallyMs),
      parents: [this.lost, fault.signal],
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

  private async finish({ outcome, message, hint }: FoldedOutcome): Promise<RunResult> {
    const { state, keeper, events, options } = this;
    const { clock } = this.dependencies;
    const finishedAt = clock.now();
    keeper.update((record) => ({ ...record, state: 'finished', outcome, finishedAt }));
    const ms = options.cleanupMs;
    const deadline = startDeadline(clock, {
      ms,
      reason: () => new DeadlineError('writing the last record of the run', ms),
      parents: [this.lost],
    });
    try {
      await keeper.flush({ signal: deadline.signal });
    } catch (error) {
      if (this.lost.aborted) throw reasonOf(this.lost);
      this.note(`the run's end could not be recorded: ${messageOf(error)}`);
    } finally {
      deadline.clear();
    }
    const durationMs = Math.max(0, finishedAt - state.record.createdAt);
    const words = { ...(message === undefined ? {} : { message }), ...(hint === undefined ? {} : { hint }) };
    await events.emit({ type: 'run.finished', outcome, durationMs, ...words });
    return { runId: state.record.runId, outcome, durationMs, ...words, stages: state.finished() };
  }

  /** Looks at the stored record now and then; trouble in doing so is left to the next look. */
  private async watchForCancel(): Promise<void> {
    const { signal } = this.ended;
    const watched = AbortSignal.any([signal, this.stop.signal, this.lost]);
    const freshMs = this.options.cancelPollMs;
    while (!watched.aborted) {
      try {
        await this.dependencies.clock.sleep(freshMs, { signal: watched });
        await this.keeper.look({ signal: watched, freshMs });
      } catch {
        continue; // ended, or unreachable just now
      }
    }
  }

  private note(message: string, level: 'info' | 'warning' = 'warning'): void {
    this.events.emit({ type: 'notice', level, message }).catch(() => undefined); // a notice ends no run
  }
}

function isStopped(outcome: StageOutcome | undefined): boolean {
  return outcome === 'cancelled' || outcome === 'timedOut';
}
