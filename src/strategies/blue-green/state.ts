import * as z from '../../base/zod.ts';
import { pinnedHold } from '../pinned/state.ts';
import { rollingState, type RollingState } from '../rolling/state.ts';

const holdingPhases = [
  'comparing',
  'pinned',
  'starting',
  'previewing',
  'measuring',
  'waiting',
  'switched',
  'completing',
  'undoing',
] as const;

/**
 * What is kept of a blue/green release: its own phases, those of the way forward before that of the way back; and those
 * of a rolling release, which it ends as.
 */
export const blueGreenState = z.object({
  phase: z.enum([...holdingPhases, ...rollingState.shape.phase.options]),
  /** The preview Service was removed, or could not be: it keeps nothing from going on. */
  isPreviewRemoved: z.exactOptional(z.boolean()),
  /** From before the first change until the Deployment is at rest again. */
  hold: z.exactOptional(pinnedHold),
});

/** {@link blueGreenState} as parsed. */
export type BlueGreenState = z.infer<typeof blueGreenState>;

/** Whether the release is in a phase that rolling decides. */
export function isRolling(state: BlueGreenState): state is BlueGreenState & RollingState {
  return !holdingPhases.some((phase) => phase === state.phase);
}
