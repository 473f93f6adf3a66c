import { evaluateCondition } from '../plan/evaluate.ts';
import type { PlanNode } from '../plan/plan.ts';
import { AgentError } from '../ports/agent.ts';
import type { StageOutcome } from '../ports/events.ts';
import type { AgentGeneration } from './agent-session.ts';
import { runAttempt, viewOptions, type Workbench } from './attempt.ts';
import { outcomeOfAbort, outcomeOfError, type AttemptResult } from './outcome.ts';
import { finishedStage } from './run-state.ts';
import { blockersOf } from './schedule.ts';
import { reasonOf, unlessAborted } from './signals.ts';
import { viewOf } from './stage-scope.ts';
import type { Workspace } from './workspace.ts';

/** Milliseconds; a backoff grows no longer than this. */
const longestBackoffMs = 300_000;

type Ending = Partial<Omit<AttemptResult, 'outcome'>> & { outcome: StageOutcome };

/** Runs stages from their condition to their end, retries included, and writes down what happens. */
export class StageRunner {
  private readonly bench: Workbench;
  private readonly workspace: Workspace;

  constructor(bench: Workbench, workspace: Workspace) {
    this.bench = bench;
    this.workspace = workspace;
  }

  /** Runs a node whose needs are done. @throws LeaseLostError */
  async run(node: PlanNode, signal: AbortSignal): Promise<void> {
    const { state } = this.bench;
    const record = state.recordOf(node);
    const resumed = record.state === 'running';
    if (!resumed) {
      const verdict = await this.checkCondition(node, signal);
      if (verdict !== undefined) return this.finish(node, verdict);
    }
    let number = resumed ? record.attempt : 1;
    let fresh = !resumed;
    for (;;) {
      const pod = node.needsAgent ? this.bench.session.current() : undefined;
      const result = await this.attempt(node, { number, fresh }, signal);
      fresh = true;
      if (!this.retries(node, number, result) || signal.aborted) return this.finish(node, result);
      number = this.bench.state.recordOf(node).attempt + 1;
      const stop = await this.prepareRetry(node, { number, result, pod }, signal);
      if (stop !== undefined) return this.finish(node, stop);
    }
  }

  /** Ends a node that never started because of what it needs. */
  async block(node: PlanNode): Promise<void> {
    const { state } = this.bench;
    const blockers = blockersOf(node, state.nodes, state.states());
    await this.finish(node, {
      outcome: 'skipped',
      message: `needs ${blockers.join(', ')}, which did not succeed`,
    });
  }

  /** Ends a node that never started because the run was stopped. */
  async cancel(node: PlanNode, reason: Error): Promise<void> {
    await this.finish(node, { outcome: 'cancelled', message: reason.message });
  }

  private async checkCondition(node: PlanNode, signal: AbortSignal): Promise<Ending | undefined> {
    if (node.when === undefined) return undefined;
    const { state, lost } = this.bench;
    try {
      const { scope } = await viewOf(state, { ...node, env: {} }, viewOptions(this.bench, node, signal));
      if (await evaluateCondition(node.when, scope)) return undefined;
      return { outcome: 'skipped', message: `${node.when} is false` };
    } catch (error) {
      if (lost.aborted) throw reasonOf(lost);
      return signal.aborted ? outcomeOfAbort(reasonOf(signal)) : outcomeOfError(error);
    }
  }

  private async attempt(
    node: PlanNode,
    { number, fresh }: { number: number; fresh: boolean },
    signal: AbortSignal,
  ): Promise<AttemptResult> {
    const { state, keeper, events, dependencies } = this.bench;
    const now = dependencies.clock.now();
    const before = state.recordOf(node);
    if (fresh) {
      const startedAt = before.startedAt ?? now;
      keeper.updateStage(node.name, { state: 'running', attempt: number, startedAt, offsets: {} });
    }
    await events.emit({ type: 'stage.started', stage: node.name, kind: node.kind, attempt: number });
    const elapsedMs = fresh ? 0 : Math.max(0, now - (before.startedAt ?? now));
    const offsets = fresh ? {} : before.offsets;
    try {
      const restored = await this.prepareWorkspace(node, signal);
      // The pod that knew the steps of this attempt is gone, and what it had shown with it.
      if (restored && !fresh) {
        keeper.updateStage(node.name, { attempt: number + 1, offsets: {} });
        return await runAttempt(this.bench, { node, number: number + 1, offsets: {}, elapsedMs, signal });
      }
    } catch (error) {
      if (this.bench.lost.aborted) throw reasonOf(this.bench.lost);
      if (signal.aborted) return outcomeOfAbort(reasonOf(signal));
      await this.bench.session.report(error);
      return outcomeOfError(error);
    }
    return runAttempt(this.bench, { node, number, offsets, elapsedMs, signal });
  }

  /** A finally stage gets a new pod when the run's was lost; other stages get one by their retry alone. */
  private async prepareWorkspace(node: PlanNode, signal: AbortSignal): Promise<boolean> {
    if (!node.needsAgent) return false;
    const { session } = this.bench;
    const current = session.current();
    const generation =
      node.phase === 'finally' && session.isLost()
        ? await unlessAborted(session.replace(current), signal)
        : current;
    return this.workspace.ensure(node, generation, signal);
  }

  private retries(node: PlanNode, number: number, { outcome, internal }: AttemptResult): boolean {
    if (internal === true || number > node.retry.max) return false;
    if (outcome === 'infrastructure') return node.retry.on.includes('infrastructure');
    return (outcome === 'failed' || outcome === 'timedOut') && node.retry.on.includes('failure');
  }

  private async prepareRetry(
    node: PlanNode,
    { number, result, pod }: { number: number; result: AttemptResult; pod: AgentGeneration | undefined },
    signal: AbortSignal,
  ): Promise<AttemptResult | undefined> {
    const { events, dependencies, session, lost } = this.bench;
    const delayMs = Math.min(node.retry.backoffMs * 2 ** (number - 2), longestBackoffMs);
    const message = result.message ?? result.outcome;
    await events.emit({ type: 'stage.retrying', stage: node.name, attempt: number, delayMs, message });
    try {
      await dependencies.clock.sleep(delayMs, { signal });
      if (result.error instanceof AgentError && pod !== undefined)
        await unlessAborted(session.replace(pod), signal);
      return undefined;
    } catch (error) {
      if (lost.aborted) throw reasonOf(lost);
      return signal.aborted ? outcomeOfAbort(reasonOf(signal)) : outcomeOfError(error);
    }
  }

  private async finish(node: PlanNode, ending: Ending): Promise<void> {
    const { state, keeper, events, dependencies, lost } = this.bench;
    if (lost.aborted) throw reasonOf(lost);
    if (ending.internal === true) state.markInternal(node);
    const { outcome, message, hint, outputs = {}, environment = {} } = ending;
    keeper.updateStage(node.name, {
      state: 'done',
      outcome,
      finishedAt: dependencies.clock.now(),
      ...(message === undefined ? {} : { message }),
      ...(hint === undefined ? {} : { hint }),
      outputs,
      environment,
      offsets: {},
    });
    if (outcome === 'succeeded' && state.kindOf(node).providesSource === true) {
      keeper.update((record) => (Object.keys(record.git).length > 0 ? record : { ...record, git: outputs }));
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
