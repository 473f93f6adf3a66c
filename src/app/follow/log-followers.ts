import { defined } from '../../base/defined.ts';
import { messageOf } from '../../base/errors.ts';
import { parseStepId } from '../../engine/step-id.ts';
import { AgentError, type Agents, type AgentView, type StartedStep } from '../../ports/agent.ts';
import { NotFoundError } from '../../ports/cluster-errors.ts';
import type { RunEvent } from '../../ports/events.ts';
import type { RunRecord } from '../../ports/run-record.ts';

/** A step and whose it is. */
interface NamedStep {
  stage: string;
  step: string;
  started: StartedStep;
}

/** What the followers of a run's logs need. */
export interface LogFollowersOptions {
  agents: Pick<Agents, 'view'>;
  isWanted: (stage: string) => boolean;
  emit: (event: RunEvent) => Promise<void>;
  /** Ends every follower. */
  signal: AbortSignal;
}

/** Follows the logs of a run's steps in its agent pods, each step once. Reads only. */
export class LogFollowers {
  readonly #options: LogFollowersOptions;
  readonly #views = new Map<string, AgentView>();
  /** By pod and step id. */
  readonly #following = new Map<string, { stage: string; ended: Promise<void> }>();

  constructor(options: LogFollowersOptions) {
    this.#options = options;
  }

  /** Begins to follow the steps that were started since the last call. */
  async followNew(record: RunRecord): Promise<void> {
    await this.#findViews(record);
    for (const view of this.#views.values()) {
      for (const step of await this.#wantedSteps(view)) {
        const key = `${view.pod}/${step.started.id}`;
        if (this.#following.has(key)) continue;
        this.#following.set(key, { stage: step.stage, ended: this.#followInBackground(view, step) });
      }
    }
  }

  /** Shows what the steps have written so far, by the given order of stages; false when the run has no pod. */
  async showOnce(record: RunRecord, order: readonly string[]): Promise<boolean> {
    await this.#findViews(record);
    for (const view of this.#views.values()) {
      const steps = (await this.#wantedSteps(view)).sort(
        (a, b) => order.indexOf(a.stage) - order.indexOf(b.stage),
      );
      for (const step of steps) await ignoreLostPod(this.#show(view, step, 'once'));
    }
    return this.#views.size > 0;
  }

  /** Resolves when the output of the stage's steps that are followed is shown. */
  async ended(stage: string): Promise<void> {
    const own = [...this.#following.values()].filter((step) => step.stage === stage);
    await Promise.all(own.map((step) => step.ended));
  }

  /** Resolves when the output of all steps that are followed is shown. */
  async allEnded(): Promise<void> {
    await Promise.all([...this.#following.values()].map((step) => step.ended));
  }

  /** Whether a step of the stage was found. */
  hasSeen(stage: string): boolean {
    return [...this.#following.values()].some((step) => step.stage === stage);
  }

  /** Waits for the followers, which the signal has to have ended, and closes what they opened. */
  async close(): Promise<void> {
    await this.allEnded();
    for (const view of this.#views.values()) view.close();
  }

  async #findViews(record: RunRecord): Promise<void> {
    const { agents, signal } = this.#options;
    for (const view of await agents.view(record, { signal })) {
      if (this.#views.has(view.pod)) view.close();
      else this.#views.set(view.pod, view);
    }
  }

  async #wantedSteps(view: AgentView): Promise<NamedStep[]> {
    const { isWanted, signal } = this.#options;
    const steps = (await ignoreLostPod(view.steps({ signal }))) ?? [];
    return steps.flatMap((started): NamedStep[] => {
      const names = parseStepId(started.id);
      return names === undefined || !isWanted(names.stage) ? [] : [{ ...names, started }];
    });
  }

  /** Never rejects: what cannot be followed is reported. */
  async #followInBackground(view: AgentView, step: NamedStep): Promise<void> {
    const { emit, signal } = this.#options;
    try {
      await ignoreLostPod(this.#show(view, step, 'to its end'));
    } catch (error) {
      if (signal.aborted) return;
      const message = `step ${step.started.id} cannot be followed: ${messageOf(error)}`;
      await emit({ type: 'notice', level: 'warning', message });
    }
  }

  async #show(
    view: AgentView,
    { stage, step, started }: NamedStep,
    how: 'once' | 'to its end',
  ): Promise<void> {
    const { emit, signal } = this.#options;
    const { id } = started;
    const options = {
      signal,
      onOutput: (chunk: Buffer, offset: number) =>
        emit({ type: 'step.output', stage, step, id, chunk, offset }),
    };
    let exitCode: number | undefined;
    if (how === 'once') await view.readLog(started, options);
    else exitCode = await view.followStep(started, options);
    await emit({ type: 'step.end', stage, step, id, ...defined({ exitCode }) });
  }
}

/** The pod is removed when the run ends; what its steps wrote has been shown by then. */
async function ignoreLostPod<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof AgentError || error instanceof NotFoundError) return undefined;
    throw error;
  }
}
