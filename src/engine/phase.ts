import type { PlanNode } from '../plan/plan.ts';
import type { RunState } from './run-state.ts';
import { decideNode } from './schedule.ts';
import { reasonOf } from './signals.ts';
import type { StageRunner } from './stage-runner.ts';

/** What a phase is run with. */
export interface PhaseOptions {
  state: RunState;
  runner: StageRunner;
  maxParallelStages: number;
  /** When it is aborted nothing more is started, and what is pending is cancelled. */
  signal: AbortSignal;
  /** Stops the phase because of a fault that is not a stage's. */
  halt(error: Error): void;
}

/**
 * Runs the nodes of a phase, each as soon as its needs are done, until all are.
 * @throws the first error that was not a stage's own, after everything that ran has ended
 */
export async function runPhase(phase: PlanNode['phase'], options: PhaseOptions): Promise<void> {
  const { state, runner, signal } = options;
  const running = new Map<string, Promise<void>>();
  let fault: Error | undefined;
  for (;;) {
    if (!signal.aborted) {
      await blockWhatCannotRun(phase, options);
      for (const node of startable(phase, options, running)) {
        const run = runner.run(node, signal).catch((error: unknown) => {
          fault ??= error instanceof Error ? error : new Error(String(error));
          options.halt(fault);
        });
        running.set(
          node.name,
          run.finally(() => running.delete(node.name)),
        );
      }
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  if (fault !== undefined) throw fault;
  if (!signal.aborted) return;
  for (const node of state.nodesOf(phase)) {
    if (state.recordOf(node).state !== 'done') await runner.cancel(node, reasonOf(signal));
  }
}

/** Until no more is found: what is blocked blocks others. */
async function blockWhatCannotRun(phase: PlanNode['phase'], { state, runner }: PhaseOptions): Promise<void> {
  for (const node of state.nodesOf(phase)) {
    if (state.recordOf(node).state !== 'pending') continue;
    if (decideNode(node, state.nodes, state.states()) === 'blocked') await runner.block(node);
  }
}

function startable(
  phase: PlanNode['phase'],
  { state, maxParallelStages }: PhaseOptions,
  running: ReadonlyMap<string, unknown>,
): PlanNode[] {
  const states = state.states();
  return state
    .nodesOf(phase)
    .filter((node) => states.get(node.name)?.state !== 'done' && !running.has(node.name))
    .filter((node) => decideNode(node, state.nodes, states) === 'start')
    .slice(0, Math.max(0, maxParallelStages - running.size));
}
