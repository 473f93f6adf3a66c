import { parseDuration } from '../../base/duration.ts';
import { durationText } from '../../base/duration-text.ts';
import * as z from '../../base/zod.ts';
import { analysisNames, longestMs, namesOf } from '../analysis-names.ts';

const step = z.union([
  z.strictObject({
    weight: z.described(
      'New pods as a share of all pods, in percent; they get that share of the traffic',
      z.int().check(z.minimum(1), z.maximum(100)),
    ),
  }),
  z.strictObject({ replicas: z.described('New pods in all', z.int().check(z.minimum(1))) }),
  z.strictObject({
    pause: z.described(
      'Time before the next step; true: until "pipeline release promote"',
      z.union([durationText, z.literal(true)]),
    ),
  }),
  z.strictObject({
    analysis: analysisNames(
      'Analyses of deploy.analyses that must pass before the next step: a name, or a list of them',
    ),
  }),
]);

/** A step of a canary release. */
export type CanaryStep = z.infer<typeof step>;

/** `strategy.canary`: which share of the pods is new, and for how long. */
export const canarySettings = z.described(
  'Replace a share of the pods at a time, wait, replace more; back to none when new pods fail',
  z.strictObject({
    steps: z.described(
      'What is done in order, before all pods are replaced; default: one new pod for a minute',
      z.optional(
        z.array(step).check(
          z.minLength(1),
          z.refine(
            ([first]) => first === undefined || 'weight' in first || 'replicas' in first,
            'must begin with a weight or replicas',
          ),
          z.refine(
            (steps) => isRising(steps),
            'must rise: each weight and number of replicas above the one before it',
          ),
        ),
      ),
    ),
  }),
);

/** `strategy.canary` as parsed. */
export type CanarySettings = z.infer<typeof canarySettings>;

/** The steps of a release. */
export function stepsOf({
  steps = [{ replicas: 1 }, { pause: '1m' }],
}: CanarySettings): readonly CanaryStep[] {
  return steps;
}

/** How long a step pauses, as the file says it; undefined for a step that is no pause. */
export function pauseOf(step: CanaryStep | undefined): string | true | undefined {
  return step !== undefined && 'pause' in step ? step.pause : undefined;
}

/** Milliseconds of a pause; Infinity for one that a person ends. */
export function pauseMs(pause: string | true): number {
  return pause === true ? Infinity : parseDuration(pause);
}

/** Names of the analyses of a step. */
export function analysesOf(one: CanaryStep | undefined): readonly string[] {
  return one !== undefined && 'analysis' in one ? namesOf(one.analysis) : [];
}

/** Milliseconds of all pauses that end by themselves, and of analyses. */
export function pausesMs(settings: CanarySettings, analysisMs?: (name: string) => number): number {
  const pauses = stepsOf(settings).map((step) =>
    'pause' in step ? pauseMs(step.pause) : longestMs(analysesOf(step), analysisMs),
  );
  return pauses.filter(Number.isFinite).reduce((sum, ms) => sum + ms, 0);
}

/** What a step does, in a few words. */
export function stepText(one: CanaryStep): string {
  if ('weight' in one) return `weight ${String(one.weight)} %`;
  if ('replicas' in one) return `replicas ${String(one.replicas)}`;
  if ('analysis' in one) return `analysis ${analysesOf(one).join(', ')}`;
  return one.pause === true ? 'pause until promote' : `pause ${one.pause}`;
}

/** Weights and numbers are compared each with their own kind: how many pods there will be is not known here. */
function isRising(steps: readonly CanaryStep[]): boolean {
  return (['weight', 'replicas'] as const).every((key) => {
    const values = steps.flatMap((each) => (key in each ? [(each as Record<typeof key, number>)[key]] : []));
    return values.every((value, index) => value > (values[index - 1] ?? 0));
  });
}
