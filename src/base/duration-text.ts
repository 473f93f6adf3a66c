import * as z from './zod.ts';

/** The schema of a duration in a pipeline file, which `parseDuration` reads. */
export const durationText = z
  .string()
  .check(z.regex(/^(?:\d+(?:ms|[smhd]))+$/, 'must be a duration like 90s, 2m or 1h30m'));
