import { DeadlineError, messageOf } from '../base/errors.ts';
import { AgentError, type Agent, type Agents, type AgentSpec } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunEvent } from '../ports/events.ts';
import { startDeadline, unlessAborted } from './signals.ts';

/** What the session needs. */
export interface AgentSessionOptions {
  agents: Pick<Agents, 'acquire' | 'release'>;
  spec: AgentSpec;
  clock: Clock;
  emit(event: RunEvent): Promise<void>;
  /** Keeps the name of a pod that replaces another, for a resumed run to find it. */
  onReplaced(name: string): void;
  /** Aborted when the lease is lost: the pod belongs to another runner then. */
  lost: AbortSignal;
}

/** One pod of the run: the first one, or one that replaced a lost one. */
export interface AgentGeneration {
  /** From 1. */
  number: number;
  /** The pod is created; it may not be ready. */
  acquired: Promise<Agent>;
  /** Every container has answered. */
  ready: Promise<Agent>;
}

/**
 * The agent of a run: created at once and in the background, replaced after it was lost when a stage's retry asks for
 * it, removed at the end.
 */
export class AgentSession {
  private readonly options: AgentSessionOptions;
  private readonly ended = new AbortController();
  private generation: AgentGeneration | undefined;
  private replacing: Promise<AgentGeneration> | undefined;
  private readonly told = new Set<number>();
  private readonly worked = new Set<number>();
  private pod = '';
  private spec: AgentSpec;

  constructor(options: AgentSessionOptions) {
    this.options = options;
    this.spec = options.spec;
  }

  /** The current pod; created by the first call. */
  current(): AgentGeneration {
    this.generation ??= this.begin(1);
    return this.generation;
  }

  /** Whether the current pod was at work and is gone. */
  isLost(): boolean {
    const number = this.generation?.number ?? 0;
    return this.worked.has(number) && this.told.has(number);
  }

  /** Tells, once for each pod, that it cannot work. */
  async report(error: unknown): Promise<void> {
    const number = this.generation?.number ?? 0;
    if (!(error instanceof AgentError) || this.told.has(number)) return;
    this.told.add(number);
    const { problem, message } = error;
    await this.options.emit({ type: 'agent.problem', pod: this.pod, problem, message });
  }

  /** A pod in place of the given one; the same for all who ask at once. */
  async replace(lost: AgentGeneration): Promise<AgentGeneration> {
    if (this.generation !== undefined && this.generation.number > lost.number) return this.generation;
    this.replacing ??= this.makeNext(lost).finally(() => (this.replacing = undefined));
    return this.replacing;
  }

  /**
   * Removes the pods, or leaves them (`keep`). Never throws: what could not be removed is told, and Kubernetes ends it
   * by its deadline.
   */
  async close(options: { keep: boolean; cleanupMs: number }): Promise<void> {
    const { generation } = this;
    if (generation === undefined) return;
    if (options.keep) {
      const { pod } = this;
      const containers = this.spec.containers.map(({ name }) => name);
      if (pod !== '')
        await this.options.emit({ type: 'agent.kept', pod, namespace: this.spec.namespace, containers });
      this.ended.abort();
      return;
    }
    this.ended.abort();
    try {
      await this.settled(generation, options.cleanupMs);
      await this.release(options.cleanupMs);
      const { pod } = this;
      if (pod !== '') await this.options.emit({ type: 'agent.removed', pod });
    } catch (error) {
      const message = `the agent pod could not be removed: ${messageOf(error)}; \`pipeline gc\` removes it`;
      await this.options.emit({ type: 'notice', level: 'warning', message });
    }
  }

  /** Stops waiting and leaves the pods to the runner that has the run now. */
  abandon(): void {
    this.ended.abort();
  }

  private begin(number: number): AgentGeneration {
    const { agents, clock, lost } = this.options;
    const signal = AbortSignal.any([this.ended.signal, lost]);
    const startedAt = clock.now();
    const { spec } = this;
    const acquired = agents.acquire(spec, { signal }).then(async (agent) => {
      this.pod = agent.pod;
      if (agent.adopted !== true)
        await this.options.emit({ type: 'agent.created', pod: agent.pod, namespace: agent.namespace });
      return agent;
    });
    const ready = acquired.then(async (agent) => {
      await agent.ready({ signal });
      this.worked.add(number);
      await this.options.emit({ type: 'agent.ready', pod: agent.pod, durationMs: clock.now() - startedAt });
      return agent;
    });
    acquired.catch(() => undefined); // looked at by whoever needs the agent
    ready.catch((error: unknown) => (signal.aborted ? undefined : this.report(error)));
    return { number, acquired, ready };
  }

  private async makeNext(lost: AgentGeneration): Promise<AgentGeneration> {
    await this.release(this.spec.startTimeoutMs);
    const number = lost.number + 1;
    const before = /-(?<count>\d+)$/.exec(this.spec.name)?.groups?.['count'] ?? '1';
    this.spec = { ...this.spec, name: `main-${String(Number(before) + 1)}` };
    this.options.onReplaced(this.spec.name);
    this.generation = this.begin(number);
    return this.generation;
  }

  /** Waits for the end of an aborted acquire, so that no pod comes after the removal. */
  private async settled({ acquired }: AgentGeneration, ms: number): Promise<void> {
    const reason = () => new DeadlineError('the creation of the agent pod', ms);
    const deadline = startDeadline(this.options.clock, { ms, reason });
    try {
      await unlessAborted(acquired, deadline.signal);
    } catch {
      // It failed, or takes too long: the removal finds whatever is there.
    } finally {
      deadline.clear();
    }
  }

  private async release(ms: number): Promise<void> {
    const { agents, clock } = this.options;
    const { runId, namespace } = this.spec;
    const deadline = startDeadline(clock, {
      ms,
      reason: () => new DeadlineError('removing the agent pod', ms),
    });
    try {
      await agents.release({ runId, namespace }, { signal: deadline.signal, priority: 'urgent' });
    } finally {
      deadline.clear();
    }
  }
}
