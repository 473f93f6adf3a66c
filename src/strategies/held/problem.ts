import { failureOf } from '../rolling/failure.ts';
import type { DeploymentHolding } from '../holding.ts';
import type { ObservedWorkload, Problem } from '../strategy.ts';
import { healthFailure } from './health.ts';
import { foreignChange, type Expected } from './foreign-change.ts';

/** Why a release that holds its Deployment cannot continue: new pods that fail, or somebody else's change. */
export function heldProblem(
  { holding, workloads }: { holding: DeploymentHolding; workloads: readonly ObservedWorkload[] },
  expected: Expected,
): { message: string; cause?: Problem } | undefined {
  const { deployment, manifest } = holding;
  const { name } = manifest.deployment;
  if (deployment === undefined) return { message: `Deployment ${name} was deleted` };
  const failure = failureOf(workloads, {}) ?? healthFailure(workloads);
  if (failure !== undefined) return { message: failure.message, cause: failure };
  if (deployment.desired === 0) return { message: `somebody scaled Deployment ${name} to 0` };
  const change = deployment.isObserved ? foreignChange(deployment, expected) : undefined;
  return change === undefined ? undefined : { message: `somebody ${change} during the release` };
}
