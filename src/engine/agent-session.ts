import { DeadlineError } from '../base/errors.ts';
import { AgentError, type Agent, type Agents, type AgentSpec } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunEvent } from '../ports/events.ts';
import { podNameAfter } from './agent-names.ts';
import type { Ownership } from './ownership.ts';
import { startDeadline, unlessAborted } from './signals.ts';

/** What the session needs. */
export interface AgentSessionOptions {
  agents: Pick<Agents, 'acquire' | 'release'>;
  /** `spec.name` is that of the current pod. */
  spec: AgentSpec;
  /** Name of the agent in the plan. */
  name: string;
  /** Names that a pod which replaces another must not get: those of the plan's agents. */
  taken: ReadonlySet<string>;
  clock: Clock;
  emit: (event: RunEvent) => Promise<void>;
  /** Keeps the name of a pod that replaces another, for a resumed run to find it. */
  onReplaced: (name: string) => void;
  /** Pods are made and removed by the owner of the run alone. */
  ownership: Ownership;
}

/** One pod of an agent: the first one, or one that replaced a lost one. */
export interface AgentGeneration {
  /** From 1. */
  number: number;
  /** The pod is created; it may not be ready. */
  acquired: Promise<Agent>;
  /** Every container has answered. */
  ready: Promise<Agent>;
}

/**
 * One agent of a run: created at once and in the background, replaced after it was lost when a stage's retry asks for
 * it. Its pods are removed by the pool, with those of the run's other agents.
 */
export class AgentSession {
  readonly #options: AgentSessionOptions;
  readonly #ended = new AbortController();
  #generation: AgentGeneration | undefined;
  #replacing: Promise<AgentGeneration> | undefined;
  readonly #reported = new Set<number>();
  readonly #worked = new Set<number>();
  /** What the API has warned of. */
  readonly #warnings = new Set<string>();
  #pod: string | undefined;
  #spec: AgentSpec;

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    this.#spec = options.spec;
  }

  /** Name of the last pod that was made; undefined when none was. */
  get pod(): string | undefined {
    return this.#pod;
  }

  /** Whether a pod was ever asked for. */
  get isStarted(): boolean {
    return this.#generation !== undefined;
  }

  /** The containers that steps run in, by name. */
  get containers(): string[] {
    return this.#spec.containers.map(({ name }) => name);
  }

  /** The current pod; created by the first call. */
  current(): AgentGeneration {
    this.#generation ??= this.#begin(1);
    return this.#generation;
  }

  /** Whether the current pod was at work and is gone. */
  isLost(): boolean {
    const number = this.#generation?.number ?? 0;
    return this.#worked.has(number) && this.#reported.has(number);
  }

  /** Reports, once for each pod, that it cannot work. */
  async report(error: unknown): Promise<void> {
    const number = this.#generation?.number ?? 0;
    if (!(error instanceof AgentError) || this.#reported.has(number)) return;
    this.#reported.add(number);
    const { problem, message } = error;
    await this.#options.emit({ type: 'agent.problem', pod: this.#pod ?? '', problem, message });
  }

  /** A pod in place of the given one; the same for all who ask at once. */
  async replace(lost: AgentGeneration): Promise<AgentGeneration> {
    if (this.#generation !== undefined && this.#generation.number > lost.number) return this.#generation;
    this.#replacing ??= this.#makeNext(lost).finally(() => (this.#replacing = undefined));
    return this.#replacing;
  }

  /** Waits for the end of an aborted acquire, so that no pod comes after the removal. Never rejects. */
  async stop(ms: number): Promise<void> {
    this.#ended.abort();
    if (this.#generation === undefined) return;
    const reason = () => new DeadlineError('the creation of the agent pod', ms);
    const deadline = startDeadline(this.#options.clock, { ms, reason });
    try {
      await unlessAborted(this.#generation.acquired, deadline.signal);
    } catch {
      // It failed, or takes too long: the removal finds whatever is there.
    } finally {
      deadline.clear();
    }
  }

  /** Stops waiting and leaves the pod as it is. */
  abandon(): void {
    this.#ended.abort();
  }

  #begin(number: number): AgentGeneration {
    const { agents, clock, ownership } = this.#options;
    const signal = AbortSignal.any([this.#ended.signal, ownership.leaseLost]);
    const startedAt = clock.monotonicMs();
    const spec = this.#spec;
    const options = { ...ownership.fenced({ signal }), onWarning: (text: string) => this.#warn(text) };
    const acquired = agents.acquire(spec, options).then(async (agent) => {
      this.#pod = agent.pod;
      if (agent.adopted !== true)
        await this.#options.emit({ type: 'agent.created', pod: agent.pod, namespace: agent.namespace });
      return agent;
    });
    const ready = acquired.then(async (agent) => {
      await agent.ready({ signal });
      this.#worked.add(number);
      await this.#options.emit({
        type: 'agent.ready',
        pod: agent.pod,
        durationMs: clock.monotonicMs() - startedAt,
      });
      return agent;
    });
    ready.catch((error: unknown) => (signal.aborted ? undefined : this.report(error)));
    return { number, acquired, ready };
  }

  /** Tells what the API warns of when the pod is made, each text once, however many pods there are. */
  #warn(text: string): void {
    if (this.#warnings.has(text)) return;
    this.#warnings.add(text);
    const message = `the pod of agent ${this.#options.name}: ${text}`;
    this.#options.emit({ type: 'notice', level: 'warning', message }).catch(() => undefined); // a notice ends no run
  }

  async #makeNext(lost: AgentGeneration): Promise<AgentGeneration> {
    const { name, taken, onReplaced } = this.#options;
    await this.#release();
    const number = lost.number + 1;
    this.#spec = { ...this.#spec, name: podNameAfter(this.#spec.name, name, taken) };
    onReplaced(this.#spec.name);
    this.#generation = this.#begin(number);
    return this.#generation;
  }

  async #release(): Promise<void> {
    const { agents, clock, ownership } = this.#options;
    const { runId, namespace, name: agent, startTimeoutMs: ms } = this.#spec;
    const reason = () => new DeadlineError('removing the lost agent pod', ms);
    const deadline = startDeadline(clock, { ms, reason });
    try {
      const options = ownership.fenced({ signal: deadline.signal, priority: 'urgent' });
      await agents.release({ runId, namespace, agent }, options);
    } finally {
      deadline.clear();
    }
  }
}
