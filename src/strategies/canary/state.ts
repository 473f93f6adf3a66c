import * as z from '../../base/zod.ts';
import { rolloutFields } from '../../kubernetes/hold-mark.ts';
import { rollingState, type RollingState } from '../rolling/state.ts';

const holdingPhases = [
  'comparing',
  'pinned',
  'starting',
  'previewing',
  'routing',
  'shifting',
  'stepping',
  'waiting',
  'measuring',
  'switched',
  'completing',
  'undoing',
  'unrouted',
] as const;

/**
 * What is kept of a canary release: its own phases, those of the way forward before that of the way back; and those of a
 * rolling release, which it ends as.
 */
export const canaryState = z.object({
  phase: z.enum([...holdingPhases, ...rollingState.shape.phase.options]),
  /** The step that is under way, counted from 0. */
  step: z.exactOptional(z.int()),
  /** From before the first change until the Deployment is at rest again. */
  hold: z.exactOptional(
    z.object({
      /** Hash of the old pods. */
      stable: z.string(),
      /** Hash of the new pods, once they are ready. */
      candidate: z.exactOptional(z.string()),
      /** The Deployment's rollout fields as they were. */
      before: rolloutFields,
      /** The selector of the Service as it was, where a router shares its traffic out. */
      selector: z.exactOptional(z.record(z.string(), z.string())),
    }),
  ),
  /** What is moved to, or was, by a router. */
  aim: z.exactOptional(
    z.object({
      /** Share of the traffic that the new pods get, in percent. */
      weight: z.int(),
      /** New pods, where a step says how many. */
      pods: z.exactOptional(z.int()),
      /** The step that is next then. */
      next: z.int(),
    }),
  ),
  /** The Service of the new pods was removed, or could not be. */
  isPreviewRemoved: z.exactOptional(z.boolean()),
});

/** {@link canaryState} as parsed. */
export type CanaryState = z.infer<typeof canaryState>;

/** Whether the release is in a phase that rolling decides. */
export function isRolling(state: CanaryState): state is CanaryState & RollingState {
  return !holdingPhases.some((phase) => phase === state.phase);
}
