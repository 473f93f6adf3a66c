import { SlipwayError } from '../base/errors.ts';
import type { PlanNode } from '../plan/plan.ts';
import type { AgentGeneration } from './agent-session.ts';
import { runAttempt, type Workbench } from './attempt.ts';
import { finishedStage } from './run-state.ts';
import { unlessAborted } from './signals.ts';

/** The files that earlier stages left were lost with the agent pod, and could not be made again. */
export class WorkspaceLostError extends SlipwayError {
  readonly code = 'workspace-lost';
  readonly fault = 'infrastructure';
}

/**
 * Brings back what a new agent pod lacks: the stages that fill the workspace and were done are run once more, in order,
 * before any other stage works in the pod.
 */
export class Workspace {
  private readonly bench: Workbench;
  private readonly resumed: boolean;
  private readonly restored = new Map<number, Promise<void>>();

  constructor(bench: Workbench, resumed: boolean) {
    this.bench = bench;
    this.resumed = resumed;
  }

  /**
   * Resolves when the pod holds what a stage may expect; true when it had to be brought back.
   * @throws WorkspaceLostError when a stage could not be repeated
   * @throws AgentError when the pod is not there
   */
  async ensure(generation: AgentGeneration, signal: AbortSignal): Promise<boolean> {
    if (!(await this.isNew(generation, signal))) return false;
    let restoring = this.restored.get(generation.number);
    if (restoring === undefined) {
      restoring = this.restore(signal);
      this.restored.set(generation.number, restoring);
    }
    await unlessAborted(restoring, signal);
    return true;
  }

  private async isNew({ number, acquired }: AgentGeneration, signal: AbortSignal): Promise<boolean> {
    if (number > 1) return true;
    if (!this.resumed) return false;
    const agent = await unlessAborted(acquired, signal);
    return agent.adopted === false;
  }

  private async restore(signal: AbortSignal): Promise<void> {
    const { state, events } = this.bench;
    const lost = state.plan.nodes.filter(
      (node) => state.recordOf(node).outcome === 'succeeded' && state.kindOf(node).restoresWorkspace === true,
    );
    if (lost.length === 0) return;
    const names = lost.map(({ name }) => name).join(', ');
    const message = `the agent pod is a new one: ${names} run again to bring their files back`;
    await events.emit({ type: 'notice', level: 'info', message });
    for (const node of lost) await this.repeat(node, signal);
  }

  private async repeat(node: PlanNode, signal: AbortSignal): Promise<void> {
    const { state, keeper, events } = this.bench;
    const before = state.recordOf(node);
    const number = before.attempt + 1;
    keeper.updateStage(node.name, { attempt: number, offsets: {} });
    await events.emit({ type: 'stage.started', stage: node.name, kind: node.kind, attempt: number });
    const restoring = before.outputs;
    const result = await runAttempt(this.bench, {
      node,
      number,
      offsets: {},
      elapsedMs: 0,
      restoring,
      signal,
    });
    signal.throwIfAborted();
    if (result.outcome !== 'succeeded') {
      const why = result.message ?? result.outcome;
      throw new WorkspaceLostError(
        `the agent pod was lost, and ${node.name} could not bring its files back: ${why}`,
      );
    }
    const sha = before.outputs['sha'];
    if (sha !== undefined && result.outputs['sha'] !== sha) {
      throw new WorkspaceLostError(
        `the agent pod was lost, and ${node.name} now finds another commit than ${sha}`,
      );
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
