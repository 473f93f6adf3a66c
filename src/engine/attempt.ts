import { DeadlineError, InternalError } from '../base/errors.ts';
import type { PlanNode } from '../plan/plan.ts';
import { evaluateStageInput } from '../plan/stage-input.ts';
import type { Agent } from '../ports/agent.ts';
import type { StageContext, StageResult } from '../ports/stage.ts';
import type { AgentSession } from './agent-session.ts';
import type { EngineDependencies, EngineOptions } from './dependencies.ts';
import type { EventStream } from './event-stream.ts';
import { hashFiles } from './hash-files.ts';
import { outcomeOfAbort, outcomeOfError, type AttemptResult } from './outcome.ts';
import type { RecordKeeper } from './record-keeper.ts';
import type { RunState } from './run-state.ts';
import { followOffsets, markShown } from './shown-output.ts';
import { reasonOf, startDeadline, unlessAborted, type Deadline } from './signals.ts';
import { containerOf, viewOf, type ViewOptions } from './stage-scope.ts';

/** What everything that runs stages shares. */
export interface Workbench {
  state: RunState;
  keeper: RecordKeeper;
  session: AgentSession;
  events: EventStream;
  dependencies: EngineDependencies;
  options: Required<EngineOptions>;
  /** Aborted when the lease is lost. */
  lost: AbortSignal;
}

/** One try of one stage. */
export interface Attempt {
  node: PlanNode;
  /** From 1. */
  number: number;
  /** Bytes of step logs that an earlier runner has shown. */
  offsets: Readonly<Record<string, number>>;
  /** Milliseconds since the stage was started by an earlier runner. */
  elapsedMs: number;
  /** Outputs of the earlier success, when the stage only brings its files back. */
  restoring?: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/**
 * Runs a stage once. Never throws but when the lease is lost. After its signal was aborted the stage has a while to end
 * by itself; every error after that counts as the abort.
 */
export async function runAttempt(bench: Workbench, attempt: Attempt): Promise<AttemptResult> {
  const { node } = attempt;
  const ms = node.timeoutMs === undefined ? undefined : Math.max(0, node.timeoutMs - attempt.elapsedMs);
  let signal = attempt.signal;
  let deadline: Deadline | undefined;
  try {
    // The time that a pod takes to start is not the stage's.
    const agent = node.needsAgent ? await unlessAborted(bench.session.current().ready, signal) : undefined;
    const reason = () => new DeadlineError(`stage "${node.name}"`, node.timeoutMs ?? 0);
    deadline = startDeadline(bench.dependencies.clock, { ms, reason, parents: [signal] });
    signal = deadline.signal;
    const work = runKind(bench, { ...attempt, signal }, agent);
    const result = await settled(bench, work, signal);
    return signal.aborted && result.outcome === 'failed' ? outcomeOfAbort(reasonOf(signal)) : result;
  } catch (error) {
    if (bench.lost.aborted) throw reasonOf(bench.lost);
    if (signal.aborted) return outcomeOfAbort(reasonOf(signal));
    await bench.session.report(error);
    return outcomeOfError(error);
  } finally {
    deadline?.clear();
  }
}

async function runKind(bench: Workbench, attempt: Attempt, agent: Agent | undefined): Promise<StageResult> {
  const { state } = bench;
  const { node, signal } = attempt;
  const kind = state.kindOf(node);
  const view = await viewOf(state, node, viewOptions(bench, node, signal, agent));
  const container = await containerOf(state, node, view.scope);
  const input = await evaluateStageInput(kind, node.input, view.scope);
  return kind.run(input as never, contextOf(bench, attempt, { ...view, container }));
}

/** How a node's expressions reach its files. */
export function viewOptions(
  bench: Workbench,
  node: PlanNode,
  signal: AbortSignal,
  agent?: Agent,
): ViewOptions {
  return {
    hashFiles: async (patterns) => {
      const at = agent ?? (await unlessAborted(bench.session.current().ready, signal));
      const none = { hashFiles: () => Promise.reject(new InternalError('hashFiles while files are hashed')) };
      const { workingDirectory, scope } = await viewOf(bench.state, { ...node, env: {} }, none);
      const container = await containerOf(bench.state, node, scope);
      return hashFiles(patterns, { agent: at, container, directory: workingDirectory, signal });
    },
    ...(agent === undefined ? {} : { workspace: agent.workspace }),
  };
}

type Surroundings = Pick<StageContext, 'env' | 'outputs' | 'workingDirectory' | 'container'>;

function contextOf(bench: Workbench, attempt: Attempt, surroundings: Surroundings): StageContext {
  const { state, keeper, session, events, dependencies } = bench;
  const { node, signal, offsets, restoring } = attempt;
  const { runId, pipeline, namespace } = state.record;
  const { env, outputs, workingDirectory, container } = surroundings;
  return {
    run: { id: runId, pipeline, namespace },
    stage: { name: node.name, attempt: attempt.number },
    agent: () => unlessAborted(session.current().ready, signal),
    container,
    env,
    workingDirectory,
    secrets: dependencies.secrets,
    outputs,
    emit: async (event) => {
      const marked = event.type === 'step.output' ? markShown(event, offsets) : [event];
      for (const each of marked) await events.emit(each);
    },
    clock: dependencies.clock,
    ...(restoring === undefined ? {} : { restoring }),
    signal,
    offsets: followOffsets(offsets, dependencies.lacksLog ?? (() => false)),
    saveOffset: (stepId, offset) => {
      const current = state.recordOf(node).offsets;
      if (offset <= (current[stepId] ?? -1)) return; // read again by a resumed run
      keeper.updateStage(node.name, { offsets: { ...current, [stepId]: offset } }, 'soon');
    },
  };
}

/** The work's result; rejects when the work goes on for too long after its signal was aborted. */
async function settled(
  bench: Workbench,
  work: Promise<StageResult>,
  signal: AbortSignal,
): Promise<StageResult> {
  const { dependencies, options } = bench;
  const patience = new AbortController();
  const giveUp = Promise.withResolvers<never>();
  const onAbort = () => {
    if (bench.lost.aborted) giveUp.reject(reasonOf(bench.lost));
    dependencies.clock.sleep(options.settleMs, { signal: patience.signal }).then(
      () => giveUp.reject(reasonOf(signal)),
      () => undefined, // the work ended
    );
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, giveUp.promise]);
  } finally {
    patience.abort();
    signal.removeEventListener('abort', onAbort);
  }
}
