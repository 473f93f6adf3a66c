import * as z from '../base/zod.ts';
import type { RolloutFields } from './rollout-fields.ts';
import type { Workload } from './workload-objects.ts';

/** On a Deployment that a release holds: which, since when, and how to end it. */
export const holdAnnotation = 'slipway.dev/hold';

/** On a held Deployment: the revision that a person has answered for, and how: `7 promote 3` promotes its third step, `7 promote full` all. */
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
  /** Hash of the pods with which the rollout is completed when the release is not continued. */
  stable: z.exactOptional(z.string()),
  /** The release has let it roll out; missing: it was paused with this mark, or has just been applied. */
  rolls: z.exactOptional(z.literal(true)),
});

/** What {@link holdAnnotation} says. */
export interface HoldMark {
  revision: number;
  step: string;
  since: string;
  end: string;
  before: RolloutFields;
  stable?: string;
  rolls?: true;
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
  /** `promoteFull`: without the pauses and analyses that are left. */
  answer: 'promote' | 'promoteFull' | 'abort';
  /** The number of the step that is promoted; missing: the release as a whole. */
  step?: number;
}

const answers = ['promote', 'promoteFull', 'abort'] as const;

const words = { promote: 'promote', promoteFull: 'promote full', abort: 'abort' } as const;

/** The answer on a held Deployment. */
export function answerOf({ metadata }: Workload): Answer | undefined {
  const text = metadata.annotations?.[answerAnnotation] ?? '';
  const [, revision, word, step] = /^(\d+) (promote full|promote|abort)(?: (\d+))?$/.exec(text) ?? [];
  const answer = answers.find((each) => words[each] === word);
  if (answer === undefined) return undefined;
  return { revision: Number(revision), answer, ...(step === undefined ? {} : { step: Number(step) }) };
}

/** The text of an answer. */
export function answerText({ revision, answer, step }: Answer): string {
  return [revision, words[answer], ...(step === undefined ? [] : [step])].join(' ');
}
