import type { Holding } from '../holding.ts';
import type { Decision, DecisionInput, ObservedWorkload } from '../strategy.ts';
import type { BlueGreenSettings } from './settings.ts';
import type { BlueGreenState } from './state.ts';

/** What the phases that hold a Deployment decide from. */
export interface HoldingInput extends DecisionInput<BlueGreenSettings, BlueGreenState> {
  holding: Holding;
  workloads: readonly ObservedWorkload[];
}

/** A decision of a blue/green release. */
export type BlueGreenDecision = Decision<BlueGreenState>;

/** What is kept while a Deployment is held. */
export type Hold = NonNullable<BlueGreenState['hold']>;
