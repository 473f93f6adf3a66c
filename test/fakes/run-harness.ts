import { defined } from '../../src/base/defined.ts';
import { CancelledError } from '../../src/base/errors.ts';
import type { EngineOptions, RunResult } from '../../src/engine/dependencies.ts';
import { resumeRun, startRun } from '../../src/engine/run.ts';
import { bindNamespace, compilePlan } from '../../src/plan/compile-plan.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { RunEvent, TimedEvent } from '../../src/ports/events.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { AnyStageKind } from '../../src/ports/stage.ts';
import { runLease, type RunRecord, type RunStore } from '../../src/ports/run-record.ts';
import { requirePipeline } from '../../src/spec/parse-pipeline.ts';
import { MemoryLeases } from './memory-leases.ts';
import { MemoryRunStore } from './memory-run-store.ts';
import type { StoppableProcess } from './stoppable-process.ts';
import { ScriptedAgents } from './scripted-agents.ts';
import { testKinds } from './stage-kinds.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A pipeline's head, so that tests write stages alone. */
export function pipelineOf(stages: string): string {
  return `apiVersion: slipway.dev/v1\nkind: Pipeline\nname: demo\n${stages}`;
}

/** The engine between fakes, in virtual time. */
export class RunHarness {
  readonly clock = new VirtualClock();
  readonly store = new MemoryRunStore();
  /** Of the process that starts the run. */
  readonly leases: MemoryLeases;
  /** The process that starts the run, when it is one that can be stopped; those that resume it are others. */
  readonly process: StoppableProcess | undefined;
  /** How the process that starts the run sees the records. */
  firstStore: RunStore;
  readonly agents: ScriptedAgents;
  readonly events: TimedEvent[] = [];
  readonly runId = '01RUN';
  /** Called with each event that the reporter gets, as a reporter that does something of its own. */
  onEvent: (event: TimedEvent) => void = () => undefined;
  /** Where the next runner keeps its logs. */
  logs: RunRecord['logs'];
  /** Set by tests of those who keep whole logs. */
  lacksLog: ((stepId: string) => boolean) | undefined;
  readonly #kinds: readonly AnyStageKind[];
  readonly #adapt: (plan: Plan) => Plan;
  readonly #text: string;
  readonly #parameters: Record<string, string>;
  readonly #trigger: Record<string, string>;

  constructor(
    text: string,
    options: {
      parameters?: Record<string, string>;
      trigger?: Record<string, string>;
      agents?: ScriptedAgents;
      process?: StoppableProcess;
      /** In place of those of ./stage-kinds.ts. */
      kinds?: readonly AnyStageKind[];
      /** Changes the plan of each runner, for what the file cannot say yet. */
      adapt?: (plan: Plan) => Plan;
    } = {},
  ) {
    this.#text = text;
    this.process = options.process;
    this.#kinds = options.kinds ?? testKinds;
    this.#adapt = options.adapt ?? ((plan) => plan);
    this.firstStore = this.#seen<RunStore>(this.store);
    this.leases = new MemoryLeases(this.#seen<Clock>(this.clock));
    this.#parameters = options.parameters ?? {};
    this.#trigger = options.trigger ?? {};
    this.agents = options.agents ?? new ScriptedAgents(this.clock);
  }

  plan(record?: RunRecord): Plan {
    const text = record?.source.text ?? this.#text;
    const definitions = this.#kinds.map(({ definition }) => definition);
    const { pipeline } = requirePipeline({ file: 'app.yaml', text, definitions });
    const plan = compilePlan(pipeline, {
      parameters: record?.parameters ?? this.#parameters,
      trigger: record?.trigger ?? this.#trigger,
      defaultAgentImage: 'agent:1',
      definitions,
    });
    return this.#adapt(bindNamespace(plan, 'ci'));
  }

  start(options: EngineOptions = {}, signal: AbortSignal = new AbortController().signal): Promise<RunResult> {
    const { runId } = this;
    const parameters = this.#parameters;
    const text = this.#text;
    const source = { file: 'app.yaml', text };
    const request = {
      plan: this.plan(),
      runId,
      source,
      parameters,
      cluster: 'test',
      holder: 'first',
      options,
      ...defined({ logs: this.logs }),
    };
    const agents = this.#seen(this.agents);
    const clock = this.#seen<Clock>(this.clock);
    const own = { agents, clock, store: this.firstStore, leases: this.leases };
    return this.clock.unlessStopped(startRun(request, { ...this.#dependencies(), ...own }, { signal }));
  }

  /** Goes on with the stored run, as another process would. */
  async resume(
    options: EngineOptions = {},
    signal: AbortSignal = new AbortController().signal,
    holder = 'second',
  ): Promise<RunResult> {
    const stored = await this.store.load(
      { runId: this.runId, namespace: 'ci' },
      { signal: new AbortController().signal },
    );
    if (stored === undefined) throw new Error('there is no stored run');
    const logs = defined({ logs: this.logs });
    const request = { plan: this.plan(stored.record), stored, cluster: 'test', holder, options, ...logs };
    return this.clock.unlessStopped(resumeRun(request, this.#dependencies(), { signal }));
  }

  /** Takes the run away from its runner, which hears of it at once. */
  steal(): void {
    this.leases.steal(runLease({ runId: this.runId, namespace: 'ci' }));
  }

  /** Does something after a while of virtual time. */
  after(ms: number, action: () => void): void {
    void this.clock.sleep(ms, { signal: new AbortController().signal }).then(action);
  }

  /** A signal that is aborted after a while, as by Ctrl-C. */
  interruptAfter(ms: number): AbortSignal {
    const controller = new AbortController();
    this.after(ms, () =>
      controller.abort(new CancelledError('interrupted by SIGINT', { fault: 'interrupted' })),
    );
    return controller.signal;
  }

  /** The events, a short line each, without output. */
  story(): string[] {
    return this.events.map(tell).filter((line) => line !== '');
  }

  /** What all steps of a stage printed. */
  outputOf(stage: string): string {
    return this.events
      .flatMap((event) =>
        event.type === 'step.output' && event.stage === stage && event.shownBefore !== true
          ? [event.chunk.toString()]
          : [],
      )
      .join('');
  }

  /** As the process sees it that starts the run. */
  #seen<T extends object>(target: T): T {
    return this.process?.view(target) ?? target;
  }

  #dependencies() {
    const { agents, store, clock, events, lacksLog } = this;
    const leases = this.leases.process(clock);
    return {
      ...defined({ lacksLog }),
      kinds: this.#kinds,
      agents,
      store,
      leases,
      clock,
      secrets: { read: () => Promise.resolve(new Map<string, Buffer>()) },
      reporter: {
        handle: (event: TimedEvent) => {
          events.push(event);
          this.onEvent(event);
        },
        close: () => Promise.resolve(),
      },
    };
  }
}

/** Outcomes by stage. */
export function outcomesOf(result: RunResult): Record<string, string> {
  return Object.fromEntries(result.stages.map(({ name, outcome }) => [name, outcome]));
}

/** An event as a short line; empty for output. */
export function tell(event: RunEvent): string {
  switch (event.type) {
    case 'run.started':
      return `run.started${event.resumed ? ' resumed' : ''}`;
    case 'run.finished':
      return `run.finished ${event.outcome}`;
    case 'stage.started':
      return `stage.started ${event.stage} ${String(event.attempt)}`;
    case 'stage.retrying':
      return `stage.retrying ${event.stage} ${String(event.attempt)} after ${String(event.delayMs)}`;
    case 'stage.finished':
      return `stage.finished ${event.stage} ${event.outcome}`;
    case 'agent.created':
    case 'agent.ready':
    case 'agent.removed':
    case 'agent.kept':
      return `${event.type} ${event.pod}`;
    case 'agent.problem':
      return `agent.problem ${event.problem}`;
    case 'notice':
      return `notice ${event.message}`;
    default:
      return '';
  }
}
