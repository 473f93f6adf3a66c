import { evaluateCondition } from '../expressions/evaluate.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';

/** Whether the condition of a stage is false whatever happens in the run. */
export async function isLeftOut(
  { when, matrix }: Pick<PlanNode, 'when' | 'matrix'>,
  { parameters, trigger }: Pick<Plan, 'parameters' | 'trigger'>,
): Promise<boolean> {
  if (when === undefined) return false;
  const { references, functions } = parseExpression(when);
  const isKnown = references.every(({ root }) => ['params', 'trigger', 'matrix'].includes(root));
  if (!isKnown || functions.includes('hashFiles')) return false;
  try {
    return !(await evaluateCondition(when, { params: parameters, trigger, matrix }));
  } catch {
    return false; // the stage says it
  }
}
