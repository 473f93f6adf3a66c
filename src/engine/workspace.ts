import { SlipwayError } from '../base/errors.ts';
import type { PlanNode } from '../plan/plan.ts';
import type { Agent } from '../ports/agent.ts';
import type { AgentGeneration } from './agent-session.ts';
import { runAttempt } from './attempt.ts';
import type { RunContext } from './run-context.ts';
import { finishedStage } from './run-state.ts';
import { unlessAborted } from './signals.ts';

/** The files that earlier stages left were lost with the agent pod, and could not be made again. */
export class WorkspaceLostError extends SlipwayError {
  readonly code = 'workspace-lost';
  readonly fault = 'infrastructure';
}

/**
 * Brings back what a new agent pod lacks. Before a stage works in the pod, the stages that it builds on and that fill
 * the workspace are run once more, in order; each at most once in a pod. What succeeded in a pod is there: the record
 * knows of each stage the pod it ran in last, so that a resumed run knows it too.
 */
export class Workspace {
  readonly #context: RunContext;
  /** The restoring under way in each pod, which others wait for. */
  readonly #restoring = new Map<AgentGeneration, Promise<void>>();

  constructor(context: RunContext) {
    this.#context = context;
  }

  /**
   * Resolves when the pod holds what the node may expect.
   * @throws WorkspaceLostError when a stage could not be repeated
   * @throws AgentError when the pod is not there
   */
  async ensure(node: PlanNode, pod: AgentGeneration, signal: AbortSignal): Promise<void> {
    const agent = await unlessAborted(pod.acquired, signal);
    const before = this.#restoring.get(pod) ?? Promise.resolve();
    const restoring = before.then(() => this.#restore(node, { pod, agent }, signal));
    // The next stage tries for itself.
    const ended = restoring.catch(() => undefined);
    this.#restoring.set(pod, ended);
    await unlessAborted(restoring, signal);
  }

  /** The pod's id, and whether it is another than that in which the stage's current attempt began. */
  async lookUp(
    node: PlanNode,
    pod: AgentGeneration,
    signal: AbortSignal,
  ): Promise<{ id: string; isOther: boolean }> {
    const agent = await unlessAborted(pod.acquired, signal);
    const known = this.#context.state.recordOf(node).pod;
    return { id: agent.id, isOther: known === undefined ? agent.adopted === false : known !== agent.id };
  }

  async #restore(
    node: PlanNode,
    place: { pod: AgentGeneration; agent: Agent },
    signal: AbortSignal,
  ): Promise<void> {
    const lost = this.#filling(node).filter((other) => !this.#isIn(place.agent, other));
    if (lost.length === 0) return;
    const names = lost.map(({ name }) => name).join(', ');
    const message = `the agent pod is a new one: ${names} run again to bring their files back`;
    await this.#context.events.emit({ type: 'notice', level: 'info', message });
    for (const other of lost) await this.#repeat(other, place, signal);
  }

  #isIn(agent: Agent, node: PlanNode): boolean {
    const { pod, restoring } = this.#context.state.recordOf(node);
    if (pod === undefined) return agent.adopted === true; // written by a version that did not keep it
    return pod === agent.id && restoring !== true;
  }

  /** A finally stage gets the source alone: it is there to report and to clean up, not to build again. */
  #filling(node: PlanNode): PlanNode[] {
    const { state } = this.#context;
    return state.visibleTo(node).filter((other) => {
      if (other.agent !== node.agent || !other.needsAgent) return false;
      const { definition } = state.kindOf(other);
      const fills = node.phase === 'finally' ? definition.providesSource : definition.restoresWorkspace;
      return fills === true && state.recordOf(other).outcome === 'succeeded';
    });
  }

  async #repeat(
    node: PlanNode,
    { pod, agent }: { pod: AgentGeneration; agent: Agent },
    signal: AbortSignal,
  ): Promise<void> {
    const { state, writer, events } = this.#context;
    const before = state.recordOf(node);
    // An earlier runner began to bring it back in this very pod: its steps are there.
    const isBegun = before.restoring === true && before.pod === agent.id;
    const number = isBegun ? before.attempt : before.attempt + 1;
    const offsets = isBegun ? before.offsets : {};
    writer.updateStage(node.name, { attempt: number, offsets, pod: agent.id, restoring: true });
    await events.emit({ type: 'stage.started', stage: node.name, kind: node.kind, attempt: number });
    const restoring = before.outputs;
    const result = await runAttempt(this.#context, {
      node,
      number,
      offsets,
      elapsedMs: 0,
      restoring,
      pod,
      signal,
    });
    const succeeded = result.outcome === 'succeeded';
    // Without a pod it is in none: the next who needs its files runs it again.
    writer.updateStage(node.name, { restoring: false, pod: succeeded ? agent.id : '' });
    signal.throwIfAborted();
    if (!succeeded) {
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
