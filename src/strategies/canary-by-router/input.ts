import type { CanaryDecision, CanaryInput, LiveDeployment } from '../canary/input.ts';
import type { CanaryState } from '../canary/state.ts';
import type { Holding, SeenRouter } from '../holding.ts';
import type { PinnedHold, PinnedState } from '../pinned/state.ts';

/** What is kept of a canary release whose traffic a router shares out: a Service is pinned in it. */
export type RoutedState = Omit<CanaryState, 'hold'> & Pick<PinnedState, 'hold'>;

/** What its phases decide from. */
export interface RoutedInput extends CanaryInput {
  state: RoutedState;
  holding: Holding;
}

/** What is seen while new pods are there, or come: the Deployment as its controller has seen it, and the router. */
export interface Seen {
  deployment: LiveDeployment;
  router: SeenRouter;
  hold: PinnedHold;
}

/** A decision of such a release. */
export type RoutedDecision = CanaryDecision;

/** What new pods are to get. */
export type Aim = NonNullable<RoutedState['aim']>;
