import * as z from '../../base/zod.ts';
import { rolloutFields } from '../../kubernetes/hold-mark.ts';
import type { Holding } from '../holding.ts';
import type { DecisionInput, ObservedWorkload, StrategyState } from '../strategy.ts';

/** What is kept from before the first change until Deployment and Service are the team's own again. */
export const pinnedHold = z.object({
  /** Hash of the pods that serve. */
  stable: z.string(),
  /** Hash of the new pods, once they are ready. */
  candidate: z.exactOptional(z.string()),
  /** The Deployment's rollout fields, and the Service's selector, as they were. */
  before: rolloutFields,
  selector: z.record(z.string(), z.string()),
});

/** {@link pinnedHold} as parsed. */
export type PinnedHold = z.infer<typeof pinnedHold>;

/** What a strategy that pins a Service keeps of a release, beside what is its own. */
export interface PinnedState extends StrategyState {
  hold?: PinnedHold;
  /** The Service of the new pods was removed, or could not be: it keeps nothing from continuing. */
  isPreviewRemoved?: boolean;
}

/** What such a strategy decides from. */
export interface PinnedInput<State extends PinnedState> extends DecisionInput<object, State> {
  holding: Holding;
  workloads: readonly ObservedWorkload[];
}
