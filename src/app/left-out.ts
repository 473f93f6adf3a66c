import { evaluateCondition } from '../expressions/evaluate.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { isKnownBeforeRun } from './known-before-run.ts';

/** Whether the condition of a stage is false whatever happens in the run. */
export async function isLeftOut(
  { when, matrix }: Pick<PlanNode, 'when' | 'matrix'>,
  { parameters, trigger }: Pick<Plan, 'parameters' | 'trigger'>,
): Promise<boolean> {
  if (when === undefined) return false;
  if (!isKnownBeforeRun(when)) return false;
  try {
    return !(await evaluateCondition(when, { params: parameters, trigger, matrix }));
  } catch {
    return false; // the stage says it
  }
}
