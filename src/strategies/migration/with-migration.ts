import * as z from '../../base/zod.ts';
import type { ObjectReference } from '../../ports/kubernetes-object.ts';
import { failureOf, nextFailureMs } from '../rolling/failure.ts';
import type { Decision, DecisionInput, ObservedWorkload, Strategy } from '../strategy.ts';

/** A Job that must complete before anything else of a release changes. */
export interface Migration {
  job: ObjectReference;
  /** Milliseconds that it may take. */
  timeoutMs: number;
}

const migrationState = z.object({
  phase: z.enum(['startingMigration', 'migrating', 'endingMigration', 'notMigrated']),
});

type MigrationState = z.infer<typeof migrationState>;

/** Milliseconds until the next look at a cluster that does not answer. */
const unknownMs = 2000;

/**
 * A strategy that begins when a Job is complete. Until then nothing of the application is changed, so that the way back is
 * to stop the Job; from then on it decides as it does without.
 */
export function withMigration(strategy: Strategy, migration: Migration): Strategy {
  const own = (state: { phase: string }): MigrationState | undefined => {
    const parsed = migrationState.safeParse(state);
    return parsed.success ? parsed.data : undefined;
  };
  return {
    ...strategy,
    state: z.union([migrationState, strategy.state]),
    begin: (): MigrationState => ({ phase: 'startingMigration' }),
    isUnchanged: (state) => own(state) !== undefined,
    observes(state, release) {
      const migrating = own(state);
      if (migrating === undefined) return strategy.observes(state, release);
      return migrating.phase === 'migrating' ? { job: migration.job } : {};
    },
    decide(input) {
      const state = own(input.state);
      if (state === undefined) return strategy.decide(input);
      return decideMigration({ ...input, state }, migration, () => strategy.begin(input.settings));
    },
    rollBack(state, reason) {
      const migrating = own(state);
      if (migrating === undefined) return strategy.rollBack(state, reason);
      return isOnItsWay(migrating) ? ending : undefined;
    },
    answers(state) {
      const migrating = own(state);
      if (migrating === undefined) return strategy.answers?.(state) ?? [];
      // Where it is being ended, it does already what an abort asks for.
      return migrating.phase === 'migrating' ? ['abort'] : [];
    },
    waitingStep: (state) => (own(state) === undefined ? strategy.waitingStep?.(state) : undefined),
    waitsFor: (state, settings) =>
      own(state) === undefined ? strategy.waitsFor?.(state, settings) : undefined,
    finishesAlone: (state) => own(state) === undefined && strategy.finishesAlone(state),
  };
}

const aborted: Decision = {
  type: 'rollBack',
  reason: 'aborted by a person while it was migrating; nothing was changed',
};

const ending: MigrationState = { phase: 'endingMigration' };

function isOnItsWay({ phase }: MigrationState): boolean {
  return phase === 'startingMigration' || phase === 'migrating';
}

/** The next decision before the strategy begins. */
function decideMigration(
  { release, state, observed, phaseMs }: DecisionInput<object, MigrationState>,
  migration: Migration,
  begin: () => { phase: string },
): Decision {
  const { name } = migration.job;
  switch (state.phase) {
    case 'startingMigration':
      return {
        type: 'act',
        action: { type: 'migrate' },
        next: { phase: 'migrating' },
        message: `starting Job ${name}, which must complete before anything else changes`,
      };
    case 'migrating': {
      if (observed.type === 'unknown')
        return { type: 'wait', forMs: unknownMs, message: `the cluster does not answer: ${observed.reason}` };
      const [job] = observed.workloads;
      // An abort wins, also over a Job that has completed in the same moment.
      if (job?.answer?.revision === release.revision && job.answer.answer === 'abort') return aborted;
      if (job?.complete === true)
        return {
          type: 'act',
          action: { type: 'endMigration' },
          next: begin(),
          message: `Job ${name} is complete`,
        };
      return watch({ phaseMs, observed: observed.workloads }, migration);
    }
    case 'endingMigration':
      return {
        type: 'act',
        action: { type: 'endMigration' },
        next: { phase: 'notMigrated' },
        message: `ending Job ${name}`,
      };
    case 'notMigrated':
      if (release.stable !== undefined) return { type: 'done', outcome: 'rolledBack' };
      return { type: 'halt', reason: release.reason ?? 'the release was ended before anything was changed' };
  }
}

interface Watching {
  phaseMs: number;
  observed: readonly ObservedWorkload[];
}

/** A Job that has not completed: it fails by itself (backoffLimit), by what no pod of it gets over, or by its time. */
function watch({ phaseMs, observed }: Watching, { job: { name }, timeoutMs }: Migration): Decision {
  const [job] = observed;
  const failure = failureOf(observed, {});
  if (failure !== undefined) return { type: 'rollBack', reason: failedBy(failure.message), problem: failure };
  const leftMs = timeoutMs - phaseMs;
  const [cause] = job?.problems ?? [];
  if (leftMs <= 0) {
    const why = cause === undefined ? '' : `: ${cause.message}`;
    const late = `Job ${name} did not complete within ${String(Math.round(timeoutMs / 1000))} s${why}`;
    return { type: 'rollBack', reason: failedBy(late), ...(cause === undefined ? {} : { problem: cause }) };
  }
  const trouble = cause === undefined ? '' : `; ${cause.message}`;
  return {
    type: 'wait',
    forMs: Math.min(leftMs, nextFailureMs(observed, {})),
    message: `waiting for Job ${name} to complete${trouble}`,
  };
}

function failedBy(message: string): string {
  return `the migration failed, so nothing was changed: ${message}`;
}
