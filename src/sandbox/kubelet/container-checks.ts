import type { ContainerContext } from './container-context.ts';
import type { HandlerTarget } from './handlers.ts';
import { runHandler } from './handlers.ts';
import { residentMemory } from './leftovers.ts';
import type { Container, ContainerStatus, Probe } from './pod-types.ts';
import { pause, runProbe } from './probe-loop.ts';
import { quantityToNumber } from './quantity.ts';
import type { RunningContainer } from './runtime.ts';

const memoryPollMs = 500;

/** What the checks of a running container do to it. */
export interface CheckActions {
  update(change: Partial<Pick<ContainerStatus, 'started' | 'ready'>>): void;
  /** Ends the instance because of a failed check. */
  kill(graceSeconds: number | undefined): void;
}

/**
 * Starts the postStart hook, the probes and the memory check of an instance. The returned function stops them and
 * reports whether the instance was killed for its memory.
 */
export function startChecks(
  container: Container,
  running: RunningContainer,
  context: ContainerContext,
  actions: CheckActions,
): () => { outOfMemory: boolean } {
  const checks = new ContainerChecks(container, running, context, actions);
  checks.start();
  return () => checks.stop();
}

class ContainerChecks {
  readonly #container: Container;
  readonly #running: RunningContainer;
  readonly #context: ContainerContext;
  readonly #actions: CheckActions;
  readonly #target: HandlerTarget;
  readonly #stop = new AbortController();
  #outOfMemory = false;

  constructor(
    container: Container,
    running: RunningContainer,
    context: ContainerContext,
    actions: CheckActions,
  ) {
    this.#container = container;
    this.#running = running;
    this.#context = context;
    this.#actions = actions;
    this.#target = {
      container,
      running,
      podIP: context.podIP,
      connect: (port, signal) => context.connect(port, signal),
    };
  }

  start(): void {
    const memory = quantityToNumber(this.#container.resources?.limits?.['memory'] ?? '');
    void this.#runHookAndProbes();
    if (memory !== undefined && memory > 0) void this.#watchMemory(memory);
  }

  stop(): { outOfMemory: boolean } {
    this.#stop.abort();
    return { outOfMemory: this.#outOfMemory };
  }

  async #runHookAndProbes(): Promise<void> {
    if (!(await this.#runPostStart())) return;
    const isUp = await this.#awaitStartup();
    if (!isUp || this.#stop.signal.aborted) return;
    const { readinessProbe, livenessProbe } = this.#container;
    this.#actions.update({ started: true, ...(readinessProbe === undefined ? { ready: true } : {}) });
    await Promise.all([
      readinessProbe === undefined ? undefined : this.#checkReadiness(readinessProbe),
      livenessProbe === undefined ? undefined : this.#checkLiveness(livenessProbe),
    ]);
  }

  /** Whether the instance continues; it is killed when its hook fails. */
  async #runPostStart(): Promise<boolean> {
    const { signal } = this.#stop;
    const postStart = this.#container.lifecycle?.postStart;
    if (postStart === undefined) return true;
    const answer = await runHandler(postStart, this.#target, signal);
    if (answer.healthy || signal.aborted) return true;
    this.#context.event('Warning', 'FailedPostStartHook', answer.message || 'PostStartHook failed');
    this.#actions.kill(undefined);
    return false;
  }

  /** Whether the startup probe succeeded, or there is none. */
  async #awaitStartup(): Promise<boolean> {
    const probe = this.#container.startupProbe;
    if (probe === undefined) return true;
    let isUp = false;
    const decide = (healthy: boolean): void => {
      isUp = healthy;
      if (!healthy) this.#restart('startup', probe);
    };
    await this.#check('Startup', probe, decide, { once: true, eager: true });
    return isUp;
  }

  async #checkReadiness(probe: Probe): Promise<void> {
    await this.#check('Readiness', probe, (ready) => this.#actions.update({ ready }), { eager: true });
  }

  async #checkLiveness(probe: Probe): Promise<void> {
    let killed = false;
    const decide = (healthy: boolean): void => {
      if (healthy || killed) return;
      killed = true;
      this.#restart('liveness', probe);
    };
    await this.#check('Liveness', probe, decide, {});
  }

  async #check(
    kind: string,
    probe: Probe,
    onResult: (healthy: boolean) => void,
    options: { once?: boolean; eager?: boolean },
  ): Promise<void> {
    const ask = (signal: AbortSignal) => runHandler(probe, this.#target, signal);
    const onFailure = (message: string): void =>
      this.#context.event('Warning', 'Unhealthy', `${kind} probe failed: ${message}`);
    await runProbe(probe, ask, { onResult, onFailure }, { signal: this.#stop.signal, ...options });
  }

  #restart(kind: string, probe: Probe): void {
    const message = `Container ${this.#container.name} failed ${kind} probe, will be restarted`;
    this.#context.event('Normal', 'Killing', message);
    this.#actions.kill(probe.terminationGracePeriodSeconds);
  }

  async #watchMemory(limit: number): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if ((residentMemory(this.#running.pid) ?? 0) > limit) {
        this.#outOfMemory = true;
        this.#running.kill('SIGKILL');
        return;
      }
      await pause(memoryPollMs, signal);
    }
  }
}
