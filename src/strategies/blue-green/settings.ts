import { parseDuration } from '../../base/duration.ts';
import { durationText } from '../../base/duration-text.ts';
import * as z from '../../base/zod.ts';
import { analysisNames, longestMs } from '../analysis-names.ts';

const name = z
  .string()
  .check(
    z.regex(
      /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
      'must be the name of a Service: lowercase letters, digits and "-"',
    ),
    z.maxLength(63),
  );

/** `strategy.blueGreen`: when the traffic moves from the old pods to the new ones, and when the old ones go. */
export const blueGreenSettings = z.described(
  'Start all new pods beside the old ones, move the traffic to them in one write, keep the old ones for a while',
  z.strictObject({
    activeService: z.described(
      'The Service whose traffic moves; default: the one of the manifests that selects the pods',
      z.optional(name),
    ),
    previewService: z.described(
      'The Service that the release makes for the new pods and removes at its end; default: the active one with "-preview"',
      z.optional(name),
    ),
    autoPromote: z.described(
      'true (default): move the traffic when the new pods are ready; false: wait for "pipeline release promote"; after: wait at most that long',
      z.optional(z.union([z.boolean(), z.strictObject({ after: durationText })])),
    ),
    prePromotion: z.optional(
      analysisNames(
        'Analyses of deploy.analyses that must pass before the traffic moves: a name, or a list of them',
      ),
    ),
    postPromotion: z.optional(
      analysisNames(
        'Analyses that must pass after the traffic has moved, before the old pods go: a name, or a list of them',
      ),
    ),
    scaleDownDelay: z.described(
      'Time for which the old pods stay after the traffic has moved; default 30s',
      z.optional(durationText),
    ),
  }),
);

/** `strategy.blueGreen` as parsed. */
export type BlueGreenSettings = z.infer<typeof blueGreenSettings>;

/** Milliseconds to wait for a person before the traffic moves: 0 for none, Infinity for one without an end. */
export function promotionMs({ autoPromote = true }: BlueGreenSettings): number {
  if (typeof autoPromote === 'boolean') return autoPromote ? 0 : Infinity;
  return parseDuration(autoPromote.after);
}

/** Milliseconds that a release waits without a person: for one at most so long, and with the old pods kept. */
export function pausesMs(settings: BlueGreenSettings, analysisMs?: (name: string) => number): number {
  const promotion = promotionMs(settings);
  const after = Math.max(scaleDownDelayMs(settings), longestMs(settings.postPromotion, analysisMs));
  return longestMs(settings.prePromotion, analysisMs) + (Number.isFinite(promotion) ? promotion : 0) + after;
}

/** Milliseconds for which the old pods stay after the traffic has moved. */
export function scaleDownDelayMs({ scaleDownDelay = '30s' }: BlueGreenSettings): number {
  return parseDuration(scaleDownDelay);
}
