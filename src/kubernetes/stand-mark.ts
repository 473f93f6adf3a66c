import * as z from '../base/zod.ts';
import type { Workload } from './workload-objects.ts';

/** On a held Deployment: that a person has paused its release. */
export const pauseAnnotation = 'slipway.dev/pause';

/** On a held Deployment: that its runner is to leave the release. */
export const detachAnnotation = 'slipway.dev/detach';

const pause = z.object({
  /** The revision whose release is paused. */
  revision: z.int(),
  /** Who has paused it: a person or a robot. */
  by: z.string(),
  /** ISO time, by the clock of who has paused it. */
  since: z.string(),
});

const detach = z.object({
  revision: z.int(),
  by: z.string(),
  /** The runner that is to leave, as in the Lease: one that continues the release later is not meant. */
  holder: z.string(),
});

/** A person's wish that a release stands still at its next point of rest. */
export type Pause = z.infer<typeof pause>;

/** A person's wish that a runner leaves its release as soon as that waits. */
export type Detach = z.infer<typeof detach>;

/** The pause of a Deployment; undefined where nothing stands, or what stands there is none of ours. */
export function pauseOf(workload: Workload): Pause | undefined {
  return markOf(workload, pauseAnnotation, pause);
}

/** As {@link pauseOf}, for the runner that is to leave. */
export function detachOf(workload: Workload): Detach | undefined {
  return markOf(workload, detachAnnotation, detach);
}

function markOf<T>({ metadata }: Workload, key: string, schema: z.ZodMiniType<T>): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(metadata.annotations?.[key] ?? ''));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
