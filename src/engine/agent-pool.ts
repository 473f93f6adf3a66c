import { DeadlineError, InternalError, messageOf } from '../base/errors.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import type { Agents, AgentSpec } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunEvent } from '../ports/events.ts';
import { AgentSession } from './agent-session.ts';
import type { Ownership } from './ownership.ts';
import { startDeadline } from './signals.ts';

/** What all agents of a run have in common. */
type CommonSpec = Pick<AgentSpec, 'runId' | 'deadlineSeconds' | 'owner' | 'secrets'>;

/** What the pool needs. */
export interface AgentPoolOptions {
  agents: Pick<Agents, 'acquire' | 'release'>;
  plan: Pick<Plan, 'namespace' | 'agents'>;
  /** Current names of agents whose pod was replaced, as in the run's record. */
  replaced: Readonly<Record<string, string>>;
  common: CommonSpec;
  /** Another runner had the run before, which may have left pods that no stage of this one asks for. */
  resumed: boolean;
  clock: Clock;
  ownership: Ownership;
  emit: (event: RunEvent) => Promise<void>;
  /** Keeps the name of a pod that replaces another, for a resumed run to find it. */
  onReplaced: (agent: string, name: string) => void;
}

/** The agents of a run: a session for each agent of the plan, and the removal of their pods together at the end. */
export class AgentPool {
  readonly #options: AgentPoolOptions;
  readonly #sessions: ReadonlyMap<string, AgentSession>;

  constructor(options: AgentPoolOptions) {
    this.#options = options;
    const { plan, replaced, common, agents, clock, ownership, emit } = options;
    const taken = new Set(Object.keys(plan.agents));
    this.#sessions = new Map(
      Object.entries(plan.agents).map(([name, agent]) => {
        const session = new AgentSession({
          ...{ agents, clock, ownership, emit, name, taken },
          spec: { ...agent, ...common, name: replaced[name] ?? name },
          onReplaced: (next) => options.onReplaced(name, next),
        });
        return [name, session];
      }),
    );
  }

  /** The agent that a stage works in. */
  of({ agent }: Pick<PlanNode, 'agent'>): AgentSession {
    const session = this.#sessions.get(agent);
    if (session === undefined) throw new InternalError(`there is no agent "${agent}"`);
    return session;
  }

  /** Begins to make the agents that any of these stages works in. */
  start(nodes: readonly PlanNode[]): void {
    for (const node of nodes) if (node.needsAgent) this.of(node).current();
  }

  /**
   * Removes the pods of all agents, or leaves them (`keep`). Never throws: what could not be removed is reported, and
   * Kubernetes ends it by its deadline.
   */
  async close(options: { keep: boolean; cleanupMs: number }): Promise<void> {
    await (options.keep ? this.#keep() : this.#remove(options.cleanupMs));
  }

  /** Stops waiting and leaves the pods to the runner that has the run now. */
  abandon(): void {
    for (const session of this.#sessions.values()) session.abandon();
  }

  async #keep(): Promise<void> {
    const { namespace } = this.#options.plan;
    for (const { pod, containers } of this.#sessions.values())
      if (pod !== undefined) await this.#options.emit({ type: 'agent.kept', pod, namespace, containers });
    this.abandon();
  }

  async #remove(cleanupMs: number): Promise<void> {
    const { emit, ownership, resumed } = this.#options;
    const sessions = [...this.#sessions.values()].filter((session) => session.isStarted);
    if (sessions.length === 0 && !resumed) return;
    try {
      await Promise.all(sessions.map((session) => session.stop(cleanupMs)));
      await this.#release(cleanupMs);
      for (const { pod } of sessions) if (pod !== undefined) await emit({ type: 'agent.removed', pod });
    } catch (error) {
      if (ownership.leaseLost.aborted) return; // the pods are another runner's
      const what = sessions.length === 1 ? 'the agent pod' : 'the agent pods';
      const message = `${what} could not be removed: ${messageOf(error)}; \`pipeline gc\` removes what is left`;
      await emit({ type: 'notice', level: 'warning', message });
    }
  }

  async #release(ms: number): Promise<void> {
    const { agents, clock, ownership, common, plan } = this.#options;
    const reason = () => new DeadlineError('removing the agent pods', ms);
    const deadline = startDeadline(clock, { ms, reason });
    const { signal } = deadline;
    try {
      const run = { runId: common.runId, namespace: plan.namespace };
      await agents.release(run, ownership.fenced({ signal, priority: 'urgent' }));
    } finally {
      deadline.clear();
    }
  }
}
