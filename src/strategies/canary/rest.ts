import { defined } from '../../base/defined.ts';
import { heldFields, type RolloutFields } from '../../kubernetes/rollout-fields.ts';
import type { SeenDeployment } from '../holding.ts';
import type { CanaryDecision, Hold } from './input.ts';
import type { CanaryState } from './state.ts';

/** The Deployment at rest: whatever is written to it changes no pod. */
export function rest(
  deployment: SeenDeployment,
  hold: Hold,
  to: { step: string; next: CanaryState },
): CanaryDecision {
  return write(deployment, hold, { ...heldFields, ...sharesOf(deployment), paused: true }, to);
}

/** The shares that the Deployment was given last. */
export function sharesOf({ fields: { maxSurge, maxUnavailable } }: SeenDeployment): RolloutFields {
  return defined({ maxSurge, maxUnavailable });
}

/** A write of the Deployment's rollout, with a step for people. */
export function write(
  { reference, resourceVersion }: SeenDeployment,
  { before }: Pick<Hold, 'before'>,
  fields: RolloutFields,
  { step, next }: { step: string; next: CanaryState },
): CanaryDecision {
  return {
    type: 'act',
    action: { type: 'rollout', deployment: reference, resourceVersion, fields, before, step },
    next,
    message: step,
  };
}
