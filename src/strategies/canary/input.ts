import type { DeploymentHolding, SeenDeployment, SeenReplicaSet } from '../holding.ts';
import type { Decision, DecisionInput, ObservedWorkload } from '../strategy.ts';
import type { CanarySettings } from './settings.ts';
import type { CanaryState } from './state.ts';

/** What the phases that hold a Deployment decide from. */
export interface CanaryInput extends DecisionInput<CanarySettings, CanaryState> {
  holding: DeploymentHolding;
  workloads: readonly ObservedWorkload[];
}

/** A held Deployment as its controller has seen it: its new pods are known. */
export interface LiveDeployment extends SeenDeployment {
  live: SeenReplicaSet;
}

/** A decision of a canary release. */
export type CanaryDecision = Decision<CanaryState>;

/** What is kept while a Deployment is held. */
export type Hold = NonNullable<CanaryState['hold']>;
