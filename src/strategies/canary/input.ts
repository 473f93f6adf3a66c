import type { DeploymentHolding } from '../holding.ts';
import type { Decision, DecisionInput, ObservedWorkload } from '../strategy.ts';
import type { CanarySettings } from './settings.ts';
import type { CanaryState } from './state.ts';

/** What the phases that hold a Deployment decide from. */
export interface CanaryInput extends DecisionInput<CanarySettings, CanaryState> {
  holding: DeploymentHolding;
  workloads: readonly ObservedWorkload[];
}

/** A decision of a canary release. */
export type CanaryDecision = Decision<CanaryState>;

/** What is kept while a Deployment is held. */
export type Hold = NonNullable<CanaryState['hold']>;
