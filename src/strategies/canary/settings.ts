import { parseDuration } from '../../base/duration.ts';
import { durationText } from '../../base/duration-text.ts';
import * as z from '../../base/zod.ts';
import { analysisNames, longestMs, namesOf } from '../analysis-names.ts';

const step = z.union([
  z.strictObject({
    weight: z.described(
      'Share of the traffic that the new pods get, in percent; without "traffic" they are that share of the pods',
      z.int().check(z.minimum(0), z.maximum(100)),
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

const name = z
  .string()
  .check(
    z.regex(
      /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/,
      'must be a name of Kubernetes: lowercase letters, digits and "-"',
    ),
    z.maxLength(253),
  );

const traffic = z.described(
  'Share the traffic out by a router, exactly, with new pods beside all old ones; default: each pod gets the same',
  z
    .strictObject({
      httpRoute: z.described(
        'The HTTPRoute (Gateway API) that sends traffic to the Service',
        z.optional(z.strictObject({ name })),
      ),
      ingress: z.described(
        'The Ingress of ingress-nginx that sends traffic to the Service; the release makes a second one with its canary annotations',
        z.optional(z.strictObject({ name })),
      ),
      service: z.described(
        'The Service whose traffic is shared out; default: the one of the manifests that selects the pods',
        z.optional(name),
      ),
      candidateService: z.described(
        'The Service that the release makes for the new pods and removes at its end; default: the other one with "-canary"',
        z.optional(name),
      ),
      testerHeader: z.described(
        'Requests with this header get the new pods, whatever the weight is',
        z.optional(
          z.strictObject({
            name: z
              .string()
              .check(z.regex(/^[-A-Za-z0-9!#$%&'*+.^_`|~]{1,256}$/, 'must be the name of a header')),
            value: z.string().check(z.minLength(1), z.maxLength(4096)),
          }),
        ),
      ),
      scaleDownDelay: z.described(
        'Time for which the old pods stay after the new ones have all traffic; default 30s',
        z.optional(durationText),
      ),
    })
    .check(
      z.refine(
        ({ httpRoute, ingress }) => (httpRoute === undefined) !== (ingress === undefined),
        'must have either httpRoute or ingress',
      ),
    ),
);

/** `strategy.canary`: which share of the traffic new pods get, and for how long. */
export const canarySettings = z.described(
  'Give new pods a share of the traffic at a time, wait, give them more; back to none when they fail',
  z
    .strictObject({
      traffic: z.optional(traffic),
      steps: z.described(
        'What is done in order, before all pods are replaced; default: one new pod for a minute',
        z.optional(
          z.array(step).check(
            z.minLength(1),
            z.refine(
              ([first]) => first === undefined || 'weight' in first || 'replicas' in first,
              'must begin with a weight or replicas',
            ),
          ),
        ),
      ),
    })
    .check(
      z.refine(({ traffic: routed, steps = [] }) => routed !== undefined || isRising(steps), {
        path: ['steps'],
        error:
          'must rise: each weight and number of replicas above the one before it (with "traffic" weights may fall)',
      }),
    ),
);

/** `strategy.canary` as parsed. */
export type CanarySettings = z.infer<typeof canarySettings>;

/** `strategy.canary.traffic` as parsed. */
export type CanaryTraffic = z.infer<typeof traffic>;

/** Milliseconds for which the old pods stay after the new ones have got all traffic; 0 where there is no router. */
export function scaleDownDelayMs({ traffic: routed }: CanarySettings): number {
  return routed === undefined ? 0 : parseDuration(routed.scaleDownDelay ?? '30s');
}

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
  return pauses.filter(Number.isFinite).reduce((sum, ms) => sum + ms, scaleDownDelayMs(settings));
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
