import { defined } from '../base/defined.ts';
import { InputError } from '../base/errors.ts';
import type { CallOptions } from '../ports/cluster.ts';
import { begin, resume, type ReleaseObjectsRequest } from './begin.ts';
import { rollBackAborted, withRelease, withSession, type ReleaseRequest } from './held-release.ts';
import { migrationAgain } from './migration.ts';
import { reconcile, rollBack, type ReleaseResult } from './reconcile.ts';
import { revisionOf, type RevisionRecord } from './record/release-record.ts';
import type { ReleasePorts, ReleaseSession } from './session.ts';
import { ReleaseStore } from './record/release-store.ts';
import { wayBackTo } from './return-to.ts';
import {
  assertOwnName,
  endedBefore,
  isSameRelease,
  isServable,
  previousRevision,
  retryTarget,
  rollbackTarget,
  whyKept,
} from './record/revision-entry.ts';

export type { ReleaseObjectsRequest };

/**
 * Releases objects as the next revision of an application. A release of the same run and stage that was not ended is
 * resumed where it stands; one of another run whose runner is dead is superseded. When the signal is aborted the
 * released revision is applied again (unless rollback is never), Kubernetes finishes the rollback, and the abort's
 * reason is thrown.
 * @throws ReleaseBusyError, LeaseLostError, ReleaseRecordError, ClusterError; InputError when another stage of the run
 * released the same application
 */
export function releaseObjects(
  request: ReleaseObjectsRequest,
  ports: ReleasePorts,
  options: CallOptions,
): Promise<ReleaseResult> {
  return withRelease(request, ports, options, async (session, held) => {
    const ended = endedBefore(session.record, request.by);
    if (ended !== undefined) return ended;
    if (isSameRelease(session.record, request.by)) await resume(session, held);
    else {
      assertOwnName(session.record, request);
      await begin(session, request, held);
    }
    return run(session, held);
  });
}

/**
 * Releases the objects of an earlier revision again, as a new revision, with the settings that it was released with, see
 * {@link wayBackTo}. Without `to`: what was released last where a later one was left in its place, else the one before.
 * @returns how it ended; `to`: the revision that was released again, where no release in progress was rolled back
 * @throws InputError when there is no such revision
 */
export function rollbackRelease(
  request: ReleaseRequest & { to?: number },
  ports: ReleasePorts,
  options: CallOptions,
): Promise<ReleaseResult & { to?: number }> {
  return withRelease(request, ports, options, async (session, held) => {
    const { current, stable } = session.record;
    // A release in progress is what is to be rolled back.
    if (request.to === undefined && current?.stable !== undefined) {
      await resume(session, held);
      await rollBack(`rolled back by ${request.by.who}`, session, held);
      return run(session, held);
    }
    const number = request.to ?? rollbackTarget(session.record);
    const target = session.record.history.find((entry) => entry.number === number);
    if (target === undefined || !isServable(target)) {
      const known = session.record.history.filter(isServable).map((entry) => entry.number);
      throw new InputError(
        number === undefined
          ? `${request.application} has no earlier revision to roll back to`
          : `${request.application} has no revision ${String(number)} to roll back to`,
        {
          hint:
            known.length === 0
              ? 'nothing has been released yet'
              : `revisions: ${known.join(', ')}; serving: ${String(stable)}`,
        },
      );
    }
    return { ...(await releaseAgain(target, request, session, held)), to: target.number };
  });
}

/** What became of a revision that was to be rolled back: it was kept, and why, or the release of an earlier one. */
export type ReleasedRollback =
  | { outcome: 'kept'; reason: string }
  | (ReleaseResult & { /** The revision that was applied again. */ to?: number });

/**
 * Rolls back what this run released, as rollbackRelease does, unless something else serves by now. A rollback that an
 * earlier runner of the run began is resumed.
 * @throws ReleaseBusyError, LeaseLostError, ReleaseRecordError, ClusterError
 */
export function rollBackReleased(
  request: ReleaseRequest & { revision: number },
  ports: ReleasePorts,
  options: CallOptions,
): Promise<ReleasedRollback> {
  return withRelease(request, ports, options, async (session, held): Promise<ReleasedRollback> => {
    const result = endedBefore(session.record, request.by) ?? (await rollBackNow(request, session, held));
    if (result.outcome === 'kept') return result;
    const { rollbackOf: to } = revisionOf(session.record, result.revision);
    return { ...result, ...defined({ to }) };
  });
}

async function rollBackNow(
  request: ReleaseRequest & { revision: number },
  session: ReleaseSession,
  held: CallOptions,
): Promise<ReleasedRollback> {
  if (isSameRelease(session.record, request.by)) {
    await resume(session, held);
    return run(session, held);
  }
  const reason = whyKept(session.record, request);
  if (reason !== undefined) return { outcome: 'kept', reason };
  const target = revisionOf(session.record, previousRevision(session.record) ?? 0);
  return releaseAgain(target, request, session, held);
}

/**
 * Releases the objects of the newest revision again, as a new revision and as it was released, where its release ended
 * without them serving: pauses and analyses included.
 * @throws InputError when it did not end so, or one is in progress
 */
export async function retryRelease(
  request: ReleaseRequest,
  ports: ReleasePorts,
  options: CallOptions,
): Promise<ReleaseResult> {
  const { application, namespace } = request;
  const before = await new ReleaseStore(ports.cluster, application, namespace).load(options);
  // Told at once, and not after another runner was waited for.
  if (before !== undefined) retryTarget(before.record);
  return withRelease(request, ports, options, async (session, held) => {
    const target = retryTarget(session.record);
    const objects = await session.store.loadRevision(target.number, held);
    const { strategy, settings, rollbackOf, number: retryOf } = target;
    const migration = await migrationAgain(target, session.store, held);
    await begin(
      session,
      { ...request, strategy, settings, objects, retryOf, ...defined({ rollbackOf, migration }) },
      held,
    );
    return run(session, held);
  });
}

/** Releases the objects of an earlier revision as a new one. */
async function releaseAgain(
  target: RevisionRecord,
  request: ReleaseRequest,
  session: ReleaseSession,
  options: CallOptions,
): Promise<ReleaseResult> {
  const objects = await session.store.loadRevision(target.number, options);
  const way = wayBackTo(target, objects, session);
  await begin(session, { ...request, ...way, objects, rollbackOf: target.number }, options);
  return run(session, options);
}

/**
 * Resumes a release whose runner died, or rolls it back.
 * @param request `revision`: the release that is meant; missing: whichever is in progress
 * @returns undefined when it is not in progress
 */
export function reconcileRelease(
  request: ReleaseRequest & { direction: 'continue' | 'back'; revision?: number },
  ports: ReleasePorts,
  options: CallOptions,
): Promise<ReleaseResult | undefined> {
  return withRelease(request, ports, options, async (session, held) => {
    const { current } = session.record;
    if (current === undefined || current.revision !== (request.revision ?? current.revision))
      return undefined;
    await resume(session, held);
    if (request.direction === 'back') {
      const done = current.stable === undefined ? 'aborted' : 'rolled back';
      await rollBack(`${done} by ${request.by.who}`, session, held);
    }
    return run(session, held);
  });
}

/**
 * Rolls back what this stage of this run has begun to release and has not ended, as after an abort: for a run that was
 * cancelled while its release had no owner, since the runner before died or waited. Does nothing when there is none, or
 * rollback is never.
 * @throws ReleaseBusyError, LeaseLostError, ReleaseRecordError, ClusterError
 */
export async function cancelRelease(
  request: ReleaseRequest,
  ports: ReleasePorts,
  options: CallOptions,
): Promise<void> {
  const { application, namespace, by } = request;
  const stored = await new ReleaseStore(ports.cluster, application, namespace).load(options);
  if (stored === undefined || !isSameRelease(stored.record, by)) return;
  await withSession(request, ports, options, async (session, held) => {
    if (isSameRelease(session.record, by)) await rollBackAborted(session, held.signal);
  });
}

async function run(session: ReleaseSession, options: CallOptions): Promise<ReleaseResult> {
  try {
    return await reconcile(session, options);
  } catch (error) {
    options.signal.throwIfAborted();
    throw error;
  }
}
