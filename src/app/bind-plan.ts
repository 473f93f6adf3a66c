import { bindNamespace } from '../plan/compile-plan.ts';
import type { Plan } from '../plan/plan.ts';
import { checkPlan } from '../policy/check.ts';
import { assertNoRefusal } from './allowed-pipeline.ts';
import type { PlannedFile } from './plan-file.ts';
import { policyContext } from './policies.ts';
import { stagePaths } from './stage-paths.ts';

/**
 * The plan where it will run, as the policies of the runner allow it there.
 * @param found the cluster, and its namespace for files that name none
 * @throws PipelineFileError with what policies do not allow
 */
export function bindPlan(planned: PlannedFile, found: { name: string; namespace: string }): Plan {
  const { file, policies, pipeline } = planned;
  const plan = bindNamespace(planned.plan, found.namespace);
  if (policies.length === 0) return plan;
  const paths = stagePaths(pipeline);
  const refusals = checkPlan(plan, policies, {
    ...policyContext(file.directory),
    cluster: found.name,
    pathOf: (stage) => paths.get(stage) ?? [],
  });
  assertNoRefusal(refusals, planned);
  return plan;
}
