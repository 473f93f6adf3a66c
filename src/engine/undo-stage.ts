import { DeadlineError, messageOf } from '../base/errors.ts';
import type { PlanNode } from '../plan/plan.ts';
import { prepareKind } from './attempt.ts';
import type { RunContext } from './run-context.ts';
import { reasonOf, startDeadline, unlessAborted } from './signals.ts';

/**
 * Undoes what a stage had begun that was stopped, by this runner or after an earlier one died. It has as long as a stage
 * has to end after its signal was aborted; when that is not enough, or it fails, a warning says so and the stage ends.
 * @throws LeaseLostError
 */
export async function undoStage(context: RunContext, node: PlanNode): Promise<void> {
  const { state, dependencies, options, leaseLost, events, ownership } = context;
  if (state.kindOf(node).undo === undefined) return;
  const ms = options.stageGraceMs;
  const deadline = startDeadline(dependencies.clock, {
    ms,
    reason: () => new DeadlineError(`undoing stage "${node.name}"`, ms),
    parents: [leaseLost],
  });
  const { signal } = deadline;
  const undo = async () => {
    await ownership.confirm({ signal });
    const { attempt: number, offsets } = state.recordOf(node);
    const stopped = { node, number, offsets, elapsedMs: 0, signal };
    const { kind, input, stageContext } = await prepareKind(context, stopped);
    await kind.undo?.(input as never, stageContext);
  };
  try {
    await unlessAborted(undo(), signal);
  } catch (error) {
    if (leaseLost.aborted) throw reasonOf(leaseLost);
    const message = `what stage "${node.name}" had begun could not be undone: ${messageOf(error)}`;
    await events.emit({ type: 'notice', stage: node.name, level: 'warning', message });
  } finally {
    deadline.clear();
  }
}
