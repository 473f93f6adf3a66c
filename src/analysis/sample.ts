import * as z from '../base/zod.ts';

/** A measurement that was taken, as the release's record keeps it. */
export const sample = z.object({
  /** `noData`: there was nothing to judge; `error`: it could not be taken. */
  verdict: z.enum(['passed', 'failed', 'inconclusive', 'noData', 'error']),
  /** What was measured, or why nothing was; one bounded line. */
  text: z.string(),
  /** Milliseconds of the phase at which it was there. */
  atMs: z.number(),
});

/** {@link sample} as parsed. */
export type Sample = z.infer<typeof sample>;

/** Characters of a sample's text that are kept. */
const longestText = 200;

/** A text as a sample keeps it: of what others have written, no control character gets into objects of the cluster. */
export function sampleText(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > longestText ? `${line.slice(0, longestText)} …` : line;
}
