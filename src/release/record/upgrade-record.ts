import * as z from '../../base/zod.ts';

/** A record of format 1, as far as it differs: the settings stood in the release in progress, and its phase's begin was a time. */
const versionOne = z.looseObject({
  formatVersion: z.literal(1),
  history: z.array(z.looseObject({ number: z.number() })),
  current: z.exactOptional(
    z.object({
      revision: z.int(),
      strategy: z.looseObject({ name: z.string() }),
      phase: z.string(),
      phaseStartedAt: z.number(),
      timeoutMs: z.number(),
      rollback: z.string(),
      prune: z.boolean(),
      force: z.boolean(),
      stable: z.exactOptional(z.int()),
      reason: z.exactOptional(z.string()),
      generations: z.record(z.string(), z.number()),
      intent: z.exactOptional(z.string()),
    }),
  ),
});

/** A record of format 1 as one of format 2; anything else as it is. The time of the phase starts again. */
export function upgradeRecord(data: unknown): unknown {
  const parsed = versionOne.safeParse(data);
  if (!parsed.success) return data;
  const { current, history, ...rest } = parsed.data;
  if (current === undefined) return { ...rest, history, formatVersion: 2 };
  const { strategy, phase, phaseStartedAt: _, timeoutMs, rollback, prune, force, ...kept } = current;
  const { name: _name, ...strategySettings } = strategy;
  const settings = { strategy: strategySettings, timeoutMs, rollback, prune, force };
  return {
    ...rest,
    formatVersion: 2,
    history: history.map((entry) => (entry.number === current.revision ? { ...entry, settings } : entry)),
    current: { ...kept, state: { phase }, phaseSpentMs: 0 },
  };
}
