import { InputError } from '../base/errors.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { isLeftOut } from './left-out.ts';

/**
 * What `look` finds at the deploy stages that are not left out. It finds nothing at one that it cannot read: manifests may
 * come with the checkout or be made by the run; what is wrong with others, `plan` and the stage itself tell.
 */
export async function atDeployStages<Node extends Pick<PlanNode, 'kind' | 'matrix' | 'when'>, Found>(
  plan: Pick<Plan, 'parameters' | 'trigger'> & { nodes: readonly Node[] },
  look: (node: Node) => Promise<Found[]>,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const node of plan.nodes) {
    if (node.kind !== 'deploy' || (await isLeftOut(node, plan))) continue;
    try {
      found.push(...(await look(node)));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
  return found;
}
