import * as z from '../../base/zod.ts';

/** What is kept of a rolling release: the phases of the way forward, then those of the way back. */
export const rollingState = z.object({
  phase: z.enum(['applying', 'progressing', 'selected', 'cleaned', 'rollingBack', 'restoring', 'restored']),
});

/** {@link rollingState} as parsed. */
export type RollingState = z.infer<typeof rollingState>;
