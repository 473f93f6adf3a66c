import { durationText } from '../../base/duration-text.ts';
import * as z from '../../base/zod.ts';

const count = z.union([
  z.int().check(z.minimum(0)),
  z.string().check(z.regex(/^\d+%$/, 'must be a number or a percentage like 25%')),
]);

/** `strategy.rolling`: how Kubernetes replaces the pods, and when that counts as failed. */
export const rollingSettings = z.described(
  'Replace the pods a few at a time, watch the new ones, roll back when they fail',
  z.strictObject({
    maxSurge: z.described(
      'Pods above the wanted number while replacing; default: the manifest, or 25%',
      z.optional(count),
    ),
    maxUnavailable: z.described(
      'Pods that may be missing while replacing; default: the manifest, or 0, so that no capacity is lost',
      z.optional(count),
    ),
    progressDeadline: z.described(
      'Time without progress after which a Deployment has failed; default: the manifest, or 10m',
      z.optional(durationText),
    ),
    restartLimit: z.described(
      'Restarts after which a container in CrashLoopBackOff counts as failed; default 1',
      z.optional(z.int().check(z.minimum(1))),
    ),
  }),
);

/** `strategy.rolling` as parsed. */
export type RollingSettings = z.infer<typeof rollingSettings>;
