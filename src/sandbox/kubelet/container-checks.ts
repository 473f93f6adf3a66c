import type { ContainerSurroundings } from './container-surroundings.ts';
import type { HandlerTarget } from './handlers.ts';
import { runHandler } from './handlers.ts';
import { residentMemory } from './leftovers.ts';
import type { Container, ContainerStatus, Probe } from './pod-types.ts';
import { pause, runProbe } from './probe-loop.ts';
import { quantityToNumber } from './quantity.ts';
import type { RunningContainer } from './runtime.ts';

const MEMORY_POLL_MS = 500;

/** What the checks of a running container do to it. */
export interface CheckActions {
  update(change: Partial<Pick<ContainerStatus, 'started' | 'ready'>>): void;
  /** Ends the instance because of a failed check. */
  kill(graceSeconds: number | undefined): void;
}

/**
 * Starts the postStart hook, the probes and the memory check of an instance. The returned function stops them and
 * tells whether the instance was killed for its memory.
 */
export function startChecks(
  container: Container,
  running: RunningContainer,
  around: ContainerSurroundings,
  actions: CheckActions,
): () => { outOfMemory: boolean } {
  const stop = new AbortController();
  const { signal } = stop;
  const target: HandlerTarget = {
    container,
    running,
    podIP: around.podIP,
    connect: (port, connectSignal) => around.connect(port, connectSignal),
  };
  const { startupProbe, readinessProbe, livenessProbe } = container;
  let outOfMemory = false;

  async function check(
    kind: string,
    probe: Probe,
    onResult: (healthy: boolean) => void,
    options: { once?: boolean; eager?: boolean },
  ): Promise<void> {
    const ask = (askSignal: AbortSignal) => runHandler(probe, target, askSignal);
    const onFailure = (message: string): void =>
      around.event('Warning', 'Unhealthy', `${kind} probe failed: ${message}`);
    await runProbe(probe, ask, { onResult, onFailure }, { signal, ...options });
  }

  function restart(kind: string, probe: Probe): void {
    around.event('Normal', 'Killing', `Container ${container.name} failed ${kind} probe, will be restarted`);
    actions.kill(probe.terminationGracePeriodSeconds);
  }

  async function whole(): Promise<void> {
    const postStart = container.lifecycle?.postStart;
    if (postStart !== undefined) {
      const answer = await runHandler(postStart, target, signal);
      if (!answer.healthy && !signal.aborted) {
        around.event('Warning', 'FailedPostStartHook', answer.message || 'PostStartHook failed');
        actions.kill(undefined);
        return;
      }
    }
    let isUp = true;
    if (startupProbe !== undefined) {
      isUp = false;
      const decide = (healthy: boolean): void => {
        isUp = healthy;
        if (!healthy) restart('startup', startupProbe);
      };
      await check('Startup', startupProbe, decide, { once: true, eager: true });
    }
    if (!isUp || signal.aborted) return;
    actions.update({ started: true, ...(readinessProbe === undefined ? { ready: true } : {}) });
    await Promise.all([
      readinessProbe === undefined
        ? undefined
        : check('Readiness', readinessProbe, (ready) => actions.update({ ready }), { eager: true }),
      livenessProbe === undefined ? undefined : liveness(livenessProbe),
    ]);
  }

  async function liveness(probe: Probe): Promise<void> {
    let killed = false;
    const decide = (healthy: boolean): void => {
      if (healthy || killed) return;
      killed = true;
      restart('liveness', probe);
    };
    await check('Liveness', probe, decide, {});
  }

  async function watchMemory(limit: number): Promise<void> {
    while (!signal.aborted) {
      if ((residentMemory(running.pid) ?? 0) > limit) {
        outOfMemory = true;
        running.kill('SIGKILL');
        return;
      }
      await pause(MEMORY_POLL_MS, signal);
    }
  }

  const memory = quantityToNumber(container.resources?.limits?.['memory'] ?? '');
  void whole();
  if (memory !== undefined && memory > 0) void watchMemory(memory);
  return () => {
    stop.abort();
    return { outOfMemory };
  };
}
