import * as z from '../base/zod.ts';
import type { RolloutFields } from './rollout-fields.ts';
import type { Workload } from './workload-objects.ts';

/** On a Deployment that a release holds: which, since when, and how to end it. */
export const holdAnnotation = 'slipway.dev/hold';

/** On a held Deployment: the revision that a person has answered for, and how: `7 promote`. */
export const answerAnnotation = 'slipway.dev/answer';

const count = z.union([z.number(), z.string()]);

/** The schema of {@link RolloutFields}, as records and annotations have them. */
export const rolloutFields = z.object({
  minReadySeconds: z.exactOptional(z.number()),
  progressDeadlineSeconds: z.exactOptional(z.number()),
  paused: z.exactOptional(z.boolean()),
  maxSurge: z.exactOptional(count),
  maxUnavailable: z.exactOptional(count),
});

const mark = z.object({
  /** The revision that holds it. */
  revision: z.int(),
  step: z.string(),
  /** ISO time. */
  since: z.string(),
  /** The command that ends it. */
  end: z.string(),
  /** The rollout fields as they were before. */
  before: rolloutFields,
});

/** What {@link holdAnnotation} says. */
export interface HoldMark {
  revision: number;
  step: string;
  since: string;
  end: string;
  before: RolloutFields;
}

/** The mark of a Deployment; undefined when no release holds it, or what stands there is none of ours. */
export function holdMarkOf({ metadata }: Workload): HoldMark | undefined {
  try {
    const parsed = mark.safeParse(JSON.parse(metadata.annotations?.[holdAnnotation] ?? ''));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** A person's answer to a release that waits. */
export interface Answer {
  revision: number;
  answer: 'promote' | 'abort';
}

/** The answer on a held Deployment. */
export function answerOf({ metadata }: Workload): Answer | undefined {
  const found = /^(\d+) (promote|abort)$/.exec(metadata.annotations?.[answerAnnotation] ?? '');
  if (found === null) return undefined;
  return { revision: Number(found[1]), answer: found[2] === 'promote' ? 'promote' : 'abort' };
}
