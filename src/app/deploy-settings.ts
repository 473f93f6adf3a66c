import type { Plan, PlanNode } from '../plan/plan.ts';
import { evaluateStageInput } from '../plan/stage-input.ts';
import { deployDefinition } from '../stages/deploy/definition.ts';
import type { DeploySettings } from '../stages/deploy/settings.ts';

/**
 * A deploy stage's settings but for its images, with what is not known before the run as empty text.
 * @throws InputError for a wrong expression
 */
export async function deploySettings(
  node: Pick<PlanNode, 'input' | 'matrix'>,
  plan: Pick<Plan, 'parameters' | 'trigger'> & { nodes: readonly Pick<PlanNode, 'stage'>[] },
  git: Record<string, string>,
): Promise<DeploySettings> {
  const outputs = Object.fromEntries(plan.nodes.map(({ stage }) => [stage, { outcome: '', outputs: {} }]));
  const { images: _images, ...known } = (node.input['deploy'] ?? {}) as Record<string, unknown>;
  const scope = { params: plan.parameters, trigger: plan.trigger, git, matrix: node.matrix, stages: outputs };
  const input = await evaluateStageInput(deployDefinition, { ...node.input, deploy: known }, scope);
  return input['deploy'] as DeploySettings;
}
