import { removeOthers, restoreFields, stableHash } from '../held/complete.ts';
import { wayBack } from '../held/deadline.ts';
import type { SeenDeployment } from '../holding.ts';
import type { CanaryDecision, CanaryInput } from './input.ts';
import type { CanaryState } from './state.ts';

/**
 * Decides the way back: the rollout is completed with the template of the old pods, which removes a new pod only for an
 * old one that is ready; then the stable revision is applied, as rolling does.
 */
export function undo(now: CanaryInput): CanaryDecision {
  const { holding, state } = now;
  return wayBack(now, holding.deployment === undefined ? undefined : restore(holding.deployment, state));
}

/** The next step until the old pods are there alone, and the Deployment has its own fields; undefined: it is so. */
function restore(deployment: SeenDeployment, state: CanaryState): CanaryDecision | undefined {
  const before = state.hold?.before ?? deployment.mark?.before ?? deployment.fields;
  const toward = state.hold?.stable ?? stableHash(deployment);
  const completion = { toward, own: before, before, state };
  const step = removeOthers(deployment, completion);
  return step ?? (deployment.mark === undefined ? undefined : restoreFields(deployment, completion));
}
