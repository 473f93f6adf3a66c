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
 * Brings back what a new agent pod lacks. Before a stage works in the pod, the stages that it builds on and that fill
 * the workspace are run once more, in order; each at most once in a pod, whoever asks.
 */
export class Workspace {
  private readonly bench: Workbench;
  private readonly resumed: boolean;
  /** By number of the pod: what is back, and the restoring under way, which others wait for. */
  private readonly pods = new Map<number, { back: Set<string>; last: Promise<void> }>();

  constructor(bench: Workbench, resumed: boolean) {
    this.bench = bench;
    this.resumed = resumed;
  }

  /**
   * Resolves when the pod holds what the node may expect; true when the pod is a new one.
   * @throws WorkspaceLostError when a stage could not be repeated
   * @throws AgentError when the pod is not there
   */
  async ensure(node: PlanNode, generation: AgentGeneration, signal: AbortSignal): Promise<boolean> {
    if (!(await this.isNew(generation, signal))) return false;
    const pod = this.pods.get(generation.number) ?? { back: new Set<string>(), last: Promise.resolve() };
    this.pods.set(generation.number, pod);
    const restoring = pod.last.then(() => this.restore(node, pod.back, signal));
    pod.last = restoring.catch(() => undefined); // the next one tries for itself
    await unlessAborted(restoring, signal);
    return true;
  }

  private async isNew({ number, acquired }: AgentGeneration, signal: AbortSignal): Promise<boolean> {
    if (number > 1) return true;
    if (!this.resumed) return false;
    const agent = await unlessAborted(acquired, signal);
    return agent.adopted === false;
  }

  private async restore(node: PlanNode, back: Set<string>, signal: AbortSignal): Promise<void> {
    const lost = this.lostFor(node).filter(({ name }) => !back.has(name));
    if (lost.length === 0) return;
    const names = lost.map(({ name }) => name).join(', ');
    const message = `the agent pod is a new one: ${names} run again to bring their files back`;
    await this.bench.events.emit({ type: 'notice', level: 'info', message });
    for (const other of lost) {
      await this.repeat(other, signal);
      back.add(other.name);
    }
  }

  /** A finally stage gets the source alone: it is there to tell and to clean up, not to build again. */
  private lostFor(node: PlanNode): PlanNode[] {
    const { state } = this.bench;
    return state.visibleTo(node).filter((other) => {
      const kind = state.kindOf(other);
      const fills = node.phase === 'finally' ? kind.providesSource : kind.restoresWorkspace;
      return fills === true && state.recordOf(other).outcome === 'succeeded';
    });
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
