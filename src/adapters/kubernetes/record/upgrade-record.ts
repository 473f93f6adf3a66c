import * as z from '../../../base/zod.ts';

/** What format 1 said of the agent: there was one, `main`, and its name was written when its pod was replaced. */
const FormatOne = z.looseObject({ formatVersion: z.literal(1), agentName: z.optional(z.string()) });

/** A record of an older format as one of this format; anything else as it is. */
export function upgradeRecord(record: unknown): unknown {
  const old = FormatOne.safeParse(record);
  if (!old.success) return record;
  const { agentName, ...rest } = old.data;
  return { ...rest, formatVersion: 2, agents: agentName === undefined ? {} : { main: agentName } };
}
