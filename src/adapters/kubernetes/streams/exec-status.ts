import * as z from '../../../base/zod.ts';
import type { ExecResult } from '../../../ports/pod-access.ts';

const Status = z.object({
  status: z.optional(z.string()),
  message: z.optional(z.string()),
  reason: z.optional(z.string()),
  details: z.optional(
    z.object({
      causes: z.optional(
        z.array(z.object({ reason: z.optional(z.string()), message: z.optional(z.string()) })),
      ),
    }),
  ),
});

/** Reads the Status on channel 3, with which an API server says how an exec ended. */
export function parseExecStatus(text: string): ExecResult {
  const parsed = Status.safeParse(parseJson(text));
  if (!parsed.success) return { type: 'lost', reason: `unreadable status: ${text.slice(0, 200)}` };
  const { status, message, reason, details } = parsed.data;
  if (status === 'Success') return { type: 'exited', exitCode: 0 };
  const cause = details?.causes?.find((entry) => entry.reason === 'ExitCode');
  const exitCode = Number.parseInt(cause?.message ?? '', 10);
  if (reason === 'NonZeroExitCode' && Number.isInteger(exitCode)) return { type: 'exited', exitCode };
  return { type: 'lost', reason: message ?? reason ?? 'the command failed to start' };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
