import { defined } from '../base/defined.ts';
import { evaluateCondition } from '../expressions/evaluate.ts';
import type { PlanNode } from '../plan/plan.ts';
import { AgentError } from '../ports/agent.ts';
import type { StageOutcome } from '../ports/events.ts';
import type { AgentGeneration } from './agent-session.ts';
import { runAttempt, viewOptions } from './attempt.ts';
import { isStopped, outcomeOfAbort, outcomeOfError, type AttemptResult } from './outcome.ts';
import type { RunContext } from './run-context.ts';
import { finishedStage } from './run-state.ts';
import { blockersOf } from './schedule.ts';
import { reasonOf, unlessAborted } from './signals.ts';
import { viewOf } from './stage-scope.ts';
import { undoStage } from './undo-stage.ts';
import type { Workspace } from './workspace.ts';

/** Milliseconds; a backoff grows no longer than this. */
const longestBackoffMs = 300_000;

type Ending = Partial<Omit<AttemptResult, 'outcome'>> & { outcome: StageOutcome };

/** An attempt that is announced. */
interface BegunAttempt {
  /** From 1. */
  number: number;
  /** Not one that an earlier runner began. */
  fresh: boolean;
  offsets: Readonly<Record<string, number>>;
  elapsedMs: number;
}

/** Runs stages from their condition to their end, retries included, and records what happens. */
export class StageRunner {
  readonly #context: RunContext;
  readonly #workspace: Workspace;

  constructor(context: RunContext, workspace: Workspace) {
    this.#context = context;
    this.#workspace = workspace;
  }

  /** Runs a node whose needs are done. @throws LeaseLostError */
  async run(node: PlanNode, signal: AbortSignal): Promise<void> {
    const { state } = this.#context;
    const record = state.recordOf(node);
    const resumed = record.state === 'running';
    if (!resumed) {
      const verdict = await this.#checkCondition(node, signal);
      if (verdict !== undefined) return this.#finish(node, verdict);
    }
    let number = resumed ? record.attempt : 1;
    let fresh = !resumed;
    for (;;) {
      const pod = node.needsAgent ? this.#context.agents.of(node).current() : undefined;
      const result = await this.#attempt(node, { number, fresh }, signal);
      fresh = true;
      if (!this.#retries(node, number, result) || signal.aborted) return this.#finish(node, result);
      number = this.#context.state.recordOf(node).attempt + 1;
      const stop = await this.#prepareRetry(node, { number, result, pod }, signal);
      if (stop !== undefined) return this.#finish(node, stop);
    }
  }

  /** Ends a node that never started because of what it needs. */
  async block(node: PlanNode): Promise<void> {
    const { state } = this.#context;
    const blockers = blockersOf(node, state.nodes, state.states());
    await this.#finish(node, {
      outcome: 'skipped',
      message: `needs ${blockers.join(', ')}, which did not succeed`,
    });
  }

  /** Ends a node because the run was stopped: it never started, or an earlier runner had started it. */
  async cancel(node: PlanNode, reason: Error): Promise<void> {
    await this.#finish(node, { outcome: 'cancelled', message: reason.message });
  }

  async #checkCondition(node: PlanNode, signal: AbortSignal): Promise<Ending | undefined> {
    if (node.when === undefined) return undefined;
    const { state } = this.#context;
    try {
      const { scope } = await viewOf(state, { ...node, env: {} }, viewOptions(this.#context, node, signal));
      if (await evaluateCondition(node.when, scope)) return undefined;
      return { outcome: 'skipped', message: `${node.when} is false` };
    } catch (error) {
      return this.#resultOf(node, error, signal);
    }
  }

  async #attempt(
    node: PlanNode,
    { number, fresh }: { number: number; fresh: boolean },
    signal: AbortSignal,
  ): Promise<AttemptResult> {
    try {
      await this.#context.ownership.confirm({ signal });
      const begun = await this.#begin(node, { number, fresh });
      const pod = await this.#prepareWorkspace(node, signal);
      const attempt = pod === undefined ? begun : await this.#enter(node, pod, begun, signal);
      return await runAttempt(this.#context, { node, ...attempt, signal });
    } catch (error) {
      return this.#resultOf(node, error, signal);
    }
  }

  async #begin(node: PlanNode, { number, fresh }: { number: number; fresh: boolean }): Promise<BegunAttempt> {
    const { state, writer, events, dependencies } = this.#context;
    const now = dependencies.clock.now();
    const { startedAt = now, attemptAtMs = 0, offsets } = state.recordOf(node);
    if (fresh) {
      const begun = { attempt: number, startedAt, attemptAtMs: writer.tookMs, offsets: {} };
      writer.updateStage(node.name, { state: 'running', ...begun });
    }
    await events.emit({ type: 'stage.started', stage: node.name, kind: node.kind, attempt: number });
    return fresh
      ? { number, fresh, offsets: {}, elapsedMs: 0 }
      : { number, fresh, offsets, elapsedMs: Math.max(0, writer.tookMs - attemptAtMs) };
  }

  /** Records the pod of an attempt. The pod that knew the steps of a resumed one may be gone, with what they showed. */
  async #enter(
    node: PlanNode,
    pod: AgentGeneration,
    begun: BegunAttempt,
    signal: AbortSignal,
  ): Promise<BegunAttempt & { pod: AgentGeneration }> {
    const { writer } = this.#context;
    const { id, isOther } = await this.#workspace.lookUp(node, pod, signal);
    if (!isOther || begun.fresh) {
      writer.updateStage(node.name, { pod: id }, 'soon');
      return { ...begun, pod };
    }
    const number = begun.number + 1;
    writer.updateStage(node.name, { attempt: number, offsets: {}, pod: id });
    return { ...begun, number, offsets: {}, pod };
  }

  /** What an error makes of an attempt. @throws LeaseLostError */
  async #resultOf(node: PlanNode, error: unknown, signal: AbortSignal): Promise<AttemptResult> {
    const { leaseLost, agents } = this.#context;
    if (leaseLost.aborted) throw reasonOf(leaseLost);
    if (signal.aborted) return outcomeOfAbort(reasonOf(signal));
    await agents.of(node).report(error);
    return outcomeOfError(error);
  }

  /** A finally stage gets a new pod when the run's was lost; other stages get one by their retry alone. */
  async #prepareWorkspace(node: PlanNode, signal: AbortSignal): Promise<AgentGeneration | undefined> {
    if (!node.needsAgent) return undefined;
    const session = this.#context.agents.of(node);
    const current = session.current();
    const generation =
      node.phase === 'finally' && session.isLost()
        ? await unlessAborted(session.replace(current), signal)
        : current;
    await this.#workspace.ensure(node, generation, signal);
    return generation;
  }

  #retries(node: PlanNode, number: number, { outcome, internal }: AttemptResult): boolean {
    if (internal === true || number > node.retry.max) return false;
    if (outcome === 'infrastructure') return node.retry.on.includes('infrastructure');
    return (outcome === 'failed' || outcome === 'timedOut') && node.retry.on.includes('failure');
  }

  async #prepareRetry(
    node: PlanNode,
    { number, result, pod }: { number: number; result: AttemptResult; pod: AgentGeneration | undefined },
    signal: AbortSignal,
  ): Promise<AttemptResult | undefined> {
    const { events, dependencies, agents } = this.#context;
    const delayMs = Math.min(node.retry.backoffMs * 2 ** (number - 2), longestBackoffMs);
    const message = result.message ?? result.outcome;
    await events.emit({ type: 'stage.retrying', stage: node.name, attempt: number, delayMs, message });
    try {
      await dependencies.clock.sleep(delayMs, { signal });
      if (result.error instanceof AgentError && pod !== undefined)
        await unlessAborted(agents.of(node).replace(pod), signal);
      return undefined;
    } catch (error) {
      return this.#resultOf(node, error, signal);
    }
  }

  async #finish(node: PlanNode, ending: Ending): Promise<void> {
    const { state, writer, events, dependencies, leaseLost } = this.#context;
    if (leaseLost.aborted) throw reasonOf(leaseLost);
    if (isStopped(ending.outcome) && state.recordOf(node).state === 'running')
      await undoStage(this.#context, node);
    if (ending.internal === true) state.markInternal(node);
    const { outcome, message, hint, outputs = {}, environment = {} } = ending;
    writer.updateStage(node.name, {
      state: 'done',
      outcome,
      finishedAt: dependencies.clock.now(),
      ...defined({ message, hint }),
      outputs,
      environment,
      offsets: {},
    });
    if (outcome === 'succeeded' && state.kindOf(node).definition.providesSource === true) {
      writer.update((record) => (Object.keys(record.git).length > 0 ? record : { ...record, git: outputs }));
    }
    const {
      attempts: _attempts,
      name,
      phase: _phase,
      ...finished
    } = finishedStage(node, state.recordOf(node));
    await events.emit({ type: 'stage.finished', stage: name, ...finished });
  }
}
