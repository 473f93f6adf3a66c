import { parseDuration } from '../../base/duration.ts';
import { durationText } from '../../base/duration-text.ts';
import * as z from '../../base/zod.ts';

const container = z.looseObject({ name: z.string(), image: z.optional(z.string()) });

/** `job:` of an analysis: a Job is made for each measurement, and how it ends is the verdict. */
export const jobSource = z.strictObject({
  template: z.described(
    'The pod template; its containers get SLIPWAY_CANDIDATE_HASH and SLIPWAY_STABLE_HASH',
    z.looseObject({
      metadata: z.optional(
        z.strictObject({
          labels: z.optional(z.record(z.string(), z.string())),
          annotations: z.optional(z.record(z.string(), z.string())),
        }),
      ),
      spec: z.looseObject({
        containers: z.array(container).check(z.minLength(1)),
        initContainers: z.optional(z.array(container)),
        restartPolicy: z.optional(z.enum(['Never', 'OnFailure'])),
      }),
    }),
  ),
  timeout: z.described(
    'A Job that has not ended by then has failed; default 5m',
    z.optional(durationText.check(z.refine((text) => parseDuration(text) >= 1000, 'must be 1s at least'))),
  ),
  backoffLimit: z.described(
    'How often a pod that fails is made again; default 0',
    z.optional(z.int().check(z.minimum(0), z.maximum(10))),
  ),
});

/** {@link jobSource} as parsed. */
export type JobSource = z.infer<typeof jobSource>;
