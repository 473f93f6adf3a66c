import { defined } from '../base/defined.ts';
import { SlipwayError } from '../base/errors.ts';
import { holdMarkOf } from '../kubernetes/hold-mark.ts';
import type { Workload } from '../kubernetes/workload-objects.ts';
import type { CallOptions } from '../ports/cluster.ts';
import { reconcile, rollBack } from './reconcile.ts';
import { revisionOf, type RevisionRecord } from './record/release-record.ts';
import type { ReleaseSession } from './session.ts';

/** What a release by another strategy has left could not be rolled back. */
class LeftReleaseError extends SlipwayError {
  readonly code = 'left-release';
  readonly fault = 'failure';
}

/**
 * Stops the migration that a release has left, and rolls back what one by another strategy has left held: only its own
 * strategy knows what it has changed (a pinned Service, a paused Deployment). What the same strategy has left, it brings
 * to rest itself.
 * @throws LeftReleaseError
 */
export async function rollBackLeft(
  session: ReleaseSession,
  strategy: string,
  options: CallOptions,
): Promise<void> {
  await reopenHalted(session, strategy, options);
  const { current } = session.record;
  if (current === undefined) return;
  const { strategy: left, settings } = revisionOf(session.record, current.revision);
  const { application, holder, state, facts } = session;
  // Only one migration of an application runs at a time.
  const isMigrating = session.strategy.isUnchanged?.(state) === true;
  const isHeld =
    !bringsToRest(session, { strategy, left, settings }) &&
    session.strategy.observes(state, facts).holding !== undefined;
  if (!isMigrating && !isHeld) return;
  await session.saveCurrent({ owner: holder }, options);
  const other = left === strategy ? 'another release' : 'a release with another strategy';
  const why = isMigrating
    ? 'replaced by another release while it was migrating; nothing was changed'
    : `replaced by ${other}`;
  await rollBack(why, session, options);
  const { outcome, reason = 'it was halted' } = await reconcile(session, options);
  if (outcome !== 'halted') return;
  throw new LeftReleaseError(`revision ${String(current.revision)} still holds ${application}: ${reason}`, {
    hint: `release ${application} with the strategy of that revision, ${left}`,
  });
}

/** Whether a release by a strategy brings to rest what an earlier one has left. */
function bringsToRest(
  { strategies }: ReleaseSession,
  { strategy, left, settings }: { strategy: string; left: string; settings: RevisionRecord['settings'] },
): boolean {
  const own = strategies.get(left);
  return left === strategy && own.rollsBackLeft?.(own.settings.parse(settings?.strategy ?? {})) !== true;
}

/** A release that halted and still holds its Deployment (rollback: never) is open again, on its way back. */
async function reopenHalted(session: ReleaseSession, strategy: string, options: CallOptions): Promise<void> {
  const { record, ports, strategies, holder } = session;
  const last = record.history.at(-1);
  if (last?.outcome !== 'halted') return;
  const { strategy: left, settings } = last;
  if (bringsToRest(session, { strategy, left, settings })) return;
  const own = strategies.get(last.strategy);
  const reference = last.objects.find(({ kind }) => kind === 'Deployment');
  if (own.parts === undefined || reference === undefined) return;
  const live = await ports.cluster.get<Workload>(reference, options);
  if (live === undefined || holdMarkOf(live)?.revision !== last.number) return;
  await session.replaceCurrent(
    {
      ...{ revision: last.number, owner: holder, phaseSpentMs: 0, generations: {} },
      state: { ...own.begin(own.settings.parse(last.settings?.strategy ?? {})) },
      ...defined({ stable: record.stable }),
    },
    options,
  );
}
