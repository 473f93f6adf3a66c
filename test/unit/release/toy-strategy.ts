import * as z from '../../../src/base/zod.ts';
import type { Strategy } from '../../../src/strategies/strategy.ts';

const settings = z.strictObject({ rehearsals: z.optional(z.int()) });
const state = z.object({ phase: z.enum(['rehearsing', 'live', 'undoing', 'undone']), left: z.int() });

/**
 * A strategy as docs/architecture.md tells one to add it: applies the objects several times over, watches what came of
 * them, and rolls back when a pod shows any problem.
 */
export const toyStrategy: Strategy<z.infer<typeof settings>, z.infer<typeof state>> = {
  name: 'toy',
  settings,
  state,
  prepare: (objects) => [...objects],
  begin: ({ rehearsals = 1 }) => ({ phase: 'rehearsing', left: rehearsals }),
  observes({ phase }, { revision, stable }) {
    if (phase === 'live') return { workloadsOf: revision };
    return phase === 'undone' && stable !== undefined ? { workloadsOf: stable } : {};
  },
  decide({ release, state: now, observed }) {
    if (observed.type === 'unknown') return { type: 'wait', forMs: 1000, message: observed.reason };
    const problem = observed.workloads.flatMap(({ problems }) => problems)[0];
    const isComplete = observed.workloads.every(({ complete }) => complete);
    switch (now.phase) {
      case 'rehearsing':
        return {
          type: 'act',
          action: { type: 'apply', revision: release.revision },
          next: now.left > 1 ? { phase: 'rehearsing', left: now.left - 1 } : { phase: 'live', left: 0 },
          message: `${String(now.left)} to go`,
        };
      case 'live':
        if (problem !== undefined) return { type: 'rollBack', reason: problem.message, problem };
        return isComplete
          ? { type: 'done', outcome: 'released' }
          : { type: 'wait', forMs: 1000, message: 'waiting' };
      case 'undoing':
        if (release.stable === undefined) return { type: 'halt', reason: 'nothing to roll back to' };
        return {
          type: 'act',
          action: { type: 'apply', revision: release.stable },
          next: { phase: 'undone', left: 0 },
          message: 'undoing',
        };
      case 'undone':
        return isComplete
          ? { type: 'done', outcome: 'rolledBack' }
          : { type: 'wait', forMs: 1000, message: 'waiting' };
    }
  },
  rollBack: ({ phase }) =>
    phase === 'rehearsing' || phase === 'live' ? { phase: 'undoing', left: 0 } : undefined,
  finishesAlone: ({ phase }) => phase === 'undone',
  steps: () => ['rehearse', 'watch'],
};
