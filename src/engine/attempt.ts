import { defined } from '../base/defined.ts';
import { DeadlineError, InternalError } from '../base/errors.ts';
import type { PlanNode } from '../plan/plan.ts';
import { evaluateStageInput } from '../plan/stage-input.ts';
import type { Agent } from '../ports/agent.ts';
import type { AnyStageKind, StageContext, StageResult } from '../ports/stage.ts';
import { hashFiles } from './hash-files.ts';
import { outcomeOfAbort, outcomeOfError, type AttemptResult } from './outcome.ts';
import type { AgentGeneration } from './agent-session.ts';
import type { RunContext } from './run-context.ts';
import { followOffsets, markShown } from './shown-output.ts';
import { reasonOf, startDeadline, unlessAborted, type Deadline } from './signals.ts';
import { containerOf, viewOf, type ViewOptions } from './stage-scope.ts';

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
  /** The pod that it works in; missing: its kind needs none. */
  pod?: AgentGeneration;
  signal: AbortSignal;
}

/**
 * Runs a stage once. Never throws but when the lease is lost. After its signal was aborted the stage has a while to end
 * by itself; every error after that counts as the abort.
 */
export async function runAttempt(context: RunContext, attempt: Attempt): Promise<AttemptResult> {
  const { node } = attempt;
  const ms = node.timeoutMs === undefined ? undefined : Math.max(0, node.timeoutMs - attempt.elapsedMs);
  let signal = attempt.signal;
  let deadline: Deadline | undefined;
  try {
    // The time that a pod takes to start is not the stage's.
    const agent = attempt.pod === undefined ? undefined : await unlessAborted(attempt.pod.ready, signal);
    const reason = () => new DeadlineError(`stage "${node.name}"`, node.timeoutMs ?? 0);
    deadline = startDeadline(context.dependencies.clock, { ms, reason, parents: [signal] });
    signal = deadline.signal;
    const work = runKind(context, { ...attempt, signal }, agent);
    const result = await waitForEnd(context, work, signal);
    return signal.aborted && result.outcome === 'failed' ? outcomeOfAbort(reasonOf(signal)) : result;
  } catch (error) {
    if (context.leaseLost.aborted) throw reasonOf(context.leaseLost);
    if (signal.aborted) return outcomeOfAbort(reasonOf(signal));
    await context.agents.of(node).report(error);
    return outcomeOfError(error);
  } finally {
    deadline?.clear();
  }
}

async function runKind(
  context: RunContext,
  attempt: Attempt,
  agent: Agent | undefined,
): Promise<StageResult> {
  const { kind, input, stageContext } = await prepareKind(context, attempt, agent);
  const result = await kind.run(input as never, stageContext);
  return context.state.outputLimits.hold(attempt.node.name, result);
}

/** A stage's kind, its input with every expression evaluated, and what it gets from the engine. */
export async function prepareKind(
  context: RunContext,
  attempt: Attempt,
  agent?: Agent,
): Promise<{ kind: AnyStageKind; input: unknown; stageContext: StageContext }> {
  const { state } = context;
  const { node, signal } = attempt;
  const kind = state.kindOf(node);
  const view = await viewOf(state, node, viewOptions(context, node, signal, agent));
  const container = await containerOf(state, node, view.scope);
  const input = await evaluateStageInput(kind.definition, node.input, view.scope);
  return { kind, input, stageContext: contextOf(context, attempt, { ...view, container }) };
}

/** How a node's expressions reach its files. */
export function viewOptions(
  context: RunContext,
  node: PlanNode,
  signal: AbortSignal,
  agent?: Agent,
): ViewOptions {
  return {
    hashFiles: async (patterns) => {
      const at = agent ?? (await unlessAborted(context.agents.of(node).current().ready, signal));
      const none = { hashFiles: () => Promise.reject(new InternalError('hashFiles while files are hashed')) };
      const { workingDirectory, scope } = await viewOf(context.state, { ...node, env: {} }, none);
      const container = await containerOf(context.state, node, scope);
      return hashFiles(patterns, { agent: at, container, directory: workingDirectory, signal });
    },
    ...(agent === undefined ? {} : { workspace: agent.workspace }),
  };
}

type EvaluatedContext = Pick<StageContext, 'env' | 'outputs' | 'workingDirectory' | 'container'>;

function contextOf(context: RunContext, attempt: Attempt, evaluated: EvaluatedContext): StageContext {
  const { state, writer, agents, events, dependencies, ownership } = context;
  const { node, signal, offsets, restoring, pod } = attempt;
  const { runId, pipeline, namespace } = state.record;
  const { env, outputs, workingDirectory, container } = evaluated;
  return {
    run: { id: runId, pipeline, namespace },
    stage: { name: node.name, attempt: attempt.number },
    ownership,
    agent: async () => {
      await ownership.confirm({ signal });
      return unlessAborted((pod ?? agents.of(node).current()).ready, signal);
    },
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
    ...defined({ restoring }),
    signal,
    offsets: followOffsets(offsets, dependencies.lacksLog ?? (() => false)),
    saveOffset: (stepId, offset) => {
      const current = state.recordOf(node).offsets;
      if (offset <= (current[stepId] ?? -1)) return; // read again by a resumed run
      writer.updateStage(node.name, { offsets: { ...current, [stepId]: offset } }, 'soon');
    },
  };
}

/** The work's result; rejects when the work takes too long to end after its signal was aborted. */
async function waitForEnd(
  context: RunContext,
  work: Promise<StageResult>,
  signal: AbortSignal,
): Promise<StageResult> {
  const { dependencies, options } = context;
  const patience = new AbortController();
  const giveUp = Promise.withResolvers<never>();
  const onAbort = () => {
    if (context.leaseLost.aborted) giveUp.reject(reasonOf(context.leaseLost));
    dependencies.clock.sleep(options.stageGraceMs, { signal: patience.signal }).then(
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
