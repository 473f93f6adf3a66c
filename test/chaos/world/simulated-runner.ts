import { CancelledError, messageOf } from '../../../src/base/errors.ts';
import { exitCodeOf } from '../../../src/base/exit-code.ts';
import { KubernetesCluster } from '../../../src/adapters/kubernetes/cluster.ts';
import { Requests } from '../../../src/adapters/kubernetes/client/requests.ts';
import { KubernetesLeases } from '../../../src/adapters/kubernetes/lease/kubernetes-leases.ts';
import { silentLog } from '../../../src/adapters/kubernetes/log.ts';
import { KubernetesRunStore } from '../../../src/adapters/kubernetes/record/run-store.ts';
import { defaultSettings } from '../../../src/adapters/kubernetes/settings.ts';
import { exitCodeOfRun } from '../../../src/app/run-file.ts';
import type { EngineDependencies } from '../../../src/engine/dependencies.ts';
import { resumeRun, startRun } from '../../../src/engine/run.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { TimedEvent } from '../../../src/ports/events.ts';
import { deployStage } from '../../../src/stages/deploy/deploy-stage.ts';
import { testKinds } from '../../fakes/stage-kinds.ts';
import { PodAgents } from './pod-agents.ts';
import { SimulatedNetwork, type Fate } from './simulated-network.ts';
import type { WireRequest } from './simulated-api.ts';
import type { World } from './world.ts';

/** How a runner's work ended, as its caller sees it. */
export interface Ending {
  code: number;
  /** Outcome of the run, or the error's code. */
  what: string;
  message: string;
  stages: Record<string, string>;
}

/** One runner: a process with a client, clocks and a way to the cluster of its own. */
export class SimulatedRunner {
  readonly name: string;
  readonly events: TimedEvent[] = [];
  readonly store: KubernetesRunStore;
  /** Requests that it has sent. */
  sent = 0;
  /** Decides what becomes of its requests, by their number from 1. */
  fate: (request: WireRequest, number: number) => Fate = () => 'pass';
  /** What its machine's wall clock is wrong by, in milliseconds. */
  wallShiftMs = 0;
  isCut = false;
  /** Set when it has ended by itself. */
  ending: Ending | undefined;
  readonly #world: World;
  readonly #clock: Clock;
  readonly #leases: KubernetesLeases;
  readonly #dependencies: EngineDependencies;
  readonly #stop = new AbortController();
  #gate: PromiseWithResolvers<void> | undefined;
  #isDead = false;

  constructor(world: World, name: string) {
    this.name = name;
    this.#world = world;
    const { time, api } = world;
    const running = () => this.#running();
    const network = new SimulatedNetwork({
      ...{ time, api, sender: name, running },
      latencyMs: () => world.latencyMs(),
      isCut: () => this.isCut,
      fate: (request) => this.fate(request, (this.sent += 1)),
      onArrival: (request, sender) => world.onArrival(request, sender),
    });
    const cluster = new KubernetesCluster(new Requests(network.connection(), defaultSettings));
    this.#clock = this.#gated(time.clock(() => this.wallShiftMs));
    const clock = this.#clock;
    const { leaseMs } = defaultSettings;
    this.#leases = new KubernetesLeases({ cluster, clock, leaseMs, log: silentLog });
    const leases = this.#leases;
    this.store = new KubernetesRunStore({ cluster, log: silentLog });
    const pods = { logs: () => Promise.reject(new Error('no logs in a simulated world')) };
    this.#dependencies = {
      kinds: [...testKinds, deployStage({ cluster, leases, clock, pods, who: name })],
      agents: new PodAgents(cluster, world.agents, { connected: () => this.#connected() }),
      store: this.store,
      leases,
      clock,
      secrets: { read: () => Promise.resolve(new Map<string, Buffer>()) },
      reporter: {
        handle: (event: TimedEvent) => void this.events.push(event),
        close: () => Promise.resolve(),
      },
    };
  }

  /** Alive and able to do something. */
  get isRunning(): boolean {
    return !this.#isDead && this.#gate === undefined && this.ending === undefined;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Starts the run of this world. */
  start(): Promise<Ending> {
    const { plan, runId, text } = this.#world;
    const source = { file: 'app.yaml', text };
    const request = { plan, runId, source, parameters: {}, cluster: 'test', holder: this.name };
    return this.#toItsEnd(() => startRun(request, this.#dependencies, { signal: this.#stop.signal }));
  }

  /** Goes on with the run; undefined: there is none. */
  resume(): Promise<Ending | undefined> {
    const { signal } = this.#stop;
    const { plan, runId } = this.#world;
    return this.#toItsEnd(async () => {
      const stored = await this.store.load({ runId, namespace: 'ci' }, { signal });
      if (stored === undefined) throw new CancelledError('there is no such run');
      const request = { plan, stored, cluster: 'test', holder: this.name };
      return resumeRun(request, this.#dependencies, { signal });
    });
  }

  /** As by SIGTERM. */
  interrupt(): void {
    this.#stop.abort(new CancelledError('interrupted by SIGTERM', { fault: 'interrupted' }));
  }

  /** As by SIGSTOP. */
  freeze(): void {
    this.#gate ??= Promise.withResolvers();
  }

  /** As by SIGCONT. */
  wake(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** As by SIGKILL. */
  kill(): void {
    this.#isDead = true;
    this.#leases.dispose();
  }

  async #toItsEnd(work: () => ReturnType<typeof startRun>): Promise<Ending> {
    let ending: Ending;
    try {
      const { outcome, stages, message = '' } = await work();
      const outcomes = Object.fromEntries(stages.map(({ name, outcome: each }) => [name, each]));
      ending = { code: exitCodeOfRun(outcome), what: outcome, message, stages: outcomes };
    } catch (error) {
      const what = (error as { code?: string }).code ?? 'unknown';
      ending = { code: exitCodeOf(error), what, message: messageOf(error), stages: {} };
      if (ending.code === 70) ending.message = (error as Error).stack ?? ending.message;
    }
    await this.#running();
    this.#leases.dispose();
    this.ending = ending;
    return ending;
  }

  async #running(): Promise<void> {
    for (;;) {
      if (this.#isDead) await new Promise<never>(() => undefined);
      if (this.#gate === undefined) return;
      await this.#gate.promise;
    }
  }

  async #connected(): Promise<void> {
    await this.#running();
    while (this.isCut) {
      await this.#world.time.sleep(1000);
      await this.#running();
    }
  }

  #gated(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: async (ms, options) => {
        try {
          await clock.sleep(ms, options);
        } finally {
          await this.#running();
        }
      },
    };
  }
}
