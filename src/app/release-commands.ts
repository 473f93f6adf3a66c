import { defined } from '../base/defined.ts';
import { randomBytes } from 'node:crypto';
import { systemClock } from '../adapters/system/clock.ts';
import { createMeasurements } from '../probes/measure.ts';
import { InputError } from '../base/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { answerRelease, takesAnswer, type AnswerRequest } from '../release/answer.ts';
import type { ReleaseResult } from '../release/reconcile.ts';
import { releasedApplications } from '../release/record/release-store.ts';
import type { ReleaseRequest } from '../release/held-release.ts';
import { ReleaseBusyError } from '../release/release-lease.ts';
import { liftPause } from '../release/pause.ts';
import { reconcileRelease, retryRelease, rollbackRelease } from '../release/release.ts';
import { releaseHistory, releaseStatus, type ReleaseStatus } from '../release/status.ts';
import type { Connection } from './connection.ts';
import { whoReleases } from './stage-dependencies.ts';

export type { ReleaseStatus };

/** Begins the id of what stands for a run where a person releases by hand. */
const byHand = 'cli-';

/** Which application of the connection's namespace. */
export interface ReleaseTarget {
  connection: Connection;
  application: string;
  signal: AbortSignal;
  /** Default: this machine's. */
  clock?: Clock;
}

/** @throws InputError when it was never released by Slipway */
export async function statusOfRelease({
  connection,
  application,
  signal,
  clock = systemClock,
}: ReleaseTarget): Promise<ReleaseStatus> {
  const { cluster, leases, namespace } = connection;
  const reference = { name: application, namespace };
  const status = await releaseStatus({ cluster, leases, clock, application: reference }, { signal });
  if (status !== undefined) return status;
  const known = await releasedApplications(cluster, namespace, { signal });
  throw new InputError(`${application} was never released to namespace ${namespace}`, {
    hint:
      known.length === 0
        ? 'nothing was; name another namespace by --namespace'
        : `there are: ${known.join(', ')}`,
  });
}

/** The revisions that are kept, newest first. @throws InputError when it was never released by Slipway */
export async function historyOfRelease(target: ReleaseTarget) {
  await statusOfRelease(target);
  const { connection, application, signal } = target;
  const reference = { name: application, namespace: connection.namespace };
  return releaseHistory({ cluster: connection.cluster, application: reference }, { signal });
}

/** Reports what happens, a line each. */
export type ReportLine = (message: string) => Promise<void>;

/**
 * Rolls back to an earlier revision; without `to`, out of the release in progress, as {@link resume} does, else to the one
 * before.
 */
export async function rollBack(
  target: ReleaseTarget & { to?: number },
  report: ReportLine,
): Promise<RolledBack> {
  const { current } = await statusOfRelease(target);
  const { to, signal } = target;
  if (to === undefined && current?.stable !== undefined) {
    const result = await end(current, { ...target, direction: 'back' }, report);
    if (typeof result === 'string' || result.outcome !== 'released') return result;
    // It was over before: then it is what is rolled back.
    if (result.reason !== undefined) await report(result.reason);
  }
  try {
    return await rollbackRelease({ ...requestOf(target), ...defined({ to }) }, portsOf(target, report), {
      signal,
    });
  } catch (error) {
    throw error instanceof ReleaseBusyError ? busy(error, current, 'back') : error;
  }
}

/**
 * Lets a release that waits for a person continue; `full`: lets one that is in progress skip the pauses and analyses that
 * are left.
 * @throws InputError when none takes that
 */
export async function promote(target: ReleaseTarget & { full: boolean }, report: ReportLine): Promise<void> {
  const { holder } = await statusOfRelease(target);
  const { application, full } = target;
  const revision = await answer(target, full ? 'promoteFull' : 'promote');
  const command = `pipeline release resume ${placeOf(target)}`;
  const next =
    holder === undefined
      ? `it has no runner, so continue it with: ${command}`
      : `its runner continues (if it has died: ${command})`;
  await report(
    `revision ${String(revision)} of ${application} is ${full ? 'promoted in full' : 'promoted'}; ${next}`,
  );
}

/**
 * How a release ended; `left`: its runner rolls it back; `lifted`: its pause is over, and its runner continues; `over`: it
 * has ended meanwhile, and another has begun since.
 */
export type Resumed = ReleaseResult | 'left' | 'lifted' | 'over';

/** As {@link Resumed}; `to`: an earlier revision was released again. */
export type RolledBack = Resumed | (ReleaseResult & { to?: number });

/**
 * Releases the newest revision again, whose release was rolled back, was halted or failed, as it was released.
 * @throws InputError when there is none, or one is in progress; ReleaseBusyError when another runner has the application
 */
export async function retry(target: ReleaseTarget, report: ReportLine): Promise<ReleaseResult> {
  const { current } = await statusOfRelease(target);
  try {
    return await retryRelease(requestOf(target), portsOf(target, report), { signal: target.signal });
  } catch (error) {
    throw error instanceof ReleaseBusyError ? busy(error, current, 'continue') : error;
  }
}

/**
 * Resumes a release that is paused, or whose runner died, or rolls it back; one that holds its Deployment is rolled back by its own runner
 * where that lives.
 * @throws InputError when none is in progress; ReleaseBusyError when its runner lives
 */
export async function resume(target: Ending, report: ReportLine): Promise<Resumed> {
  const { current, last } = await statusOfRelease(target);
  if (current === undefined) throw noneInProgress(target, last);
  if (target.direction === 'back') return end(current, target, report);
  const { connection, application, signal } = target;
  const { cluster, namespace } = connection;
  const lifted = await liftPause({ cluster, application, namespace }, { signal });
  if (lifted === undefined) return end(current, target, report);
  await report(`revision ${String(lifted)} of ${application} is paused no more`);
  try {
    // No longer than it takes to see that its runner lives, which continues by itself.
    return await end(current, { ...target, lockTimeoutMs: 0 }, report);
  } catch (error) {
    if (error instanceof ReleaseBusyError) return 'lifted';
    throw error;
  }
}

/** In which direction a release is brought to its end. */
type Ending = ReleaseTarget & { direction: 'continue' | 'back'; lockTimeoutMs?: number };

type Current = NonNullable<ReleaseStatus['current']>;

async function end(current: Current, target: Ending, report: ReportLine): Promise<Resumed> {
  const { direction, signal } = target;
  const isBack = direction === 'back';
  if (isBack) await answerAbort(target);
  try {
    const request = { ...requestOf(target), direction, revision: current.revision };
    const result = await reconcileRelease(request, portsOf(target, report), { signal });
    return result ?? (await endedMeanwhile(target, current.revision, report));
  } catch (error) {
    if (!(error instanceof ReleaseBusyError)) throw error;
    const now = (await statusOfRelease(target)).current;
    if (now?.revision !== current.revision) return endedMeanwhile(target, current.revision, report);
    // Its runner goes back, or has come to hold the Deployment meanwhile.
    if (isBack && (now.reason !== undefined || (await answerAbort(target)))) return 'left';
    throw busy(error, current, direction);
  }
}

/** The application as the commands take it that a person may give next: `web -n shop`. */
export function placeOf({ application, connection }: Omit<ReleaseTarget, 'signal'>): string {
  const cluster = connection.chosen === undefined ? '' : ` --cluster ${connection.chosen}`;
  return `${application} -n ${connection.namespace}${cluster}`;
}

function noneInProgress(target: ReleaseTarget, last: ReleaseStatus['last']): InputError {
  const none = `no release of ${target.application} is in progress`;
  const { outcome, number } = last ?? {};
  if (outcome === 'halted')
    return new InputError(`${none}: revision ${String(number)} was halted`, {
      hint: `pipeline release rollback ${placeOf(target)} brings back what was released last`,
    });
  return new InputError(none, {
    hint: `pipeline release status ${placeOf(target)} shows where it stands`,
  });
}

/** Asks the runner of a release that holds its Deployment to roll it back; false where it takes no answer. */
async function answerAbort(target: ReleaseTarget): Promise<boolean> {
  const { connection, application, signal } = target;
  const { cluster, namespace } = connection;
  if (!(await takesAnswer({ cluster, application, namespace, answer: 'abort' }, { signal }))) return false;
  await answer(target, 'abort');
  return true;
}

/** How a release has ended that was in progress a moment ago. */
async function endedMeanwhile(target: ReleaseTarget, revision: number, report: ReportLine): Promise<Resumed> {
  const { stable } = await statusOfRelease(target);
  const entry = (await historyOfRelease(target)).find(({ number }) => number === revision);
  const outcome = entry?.outcome;
  if (outcome === undefined || outcome === 'unfinished' || outcome === 'superseded' || outcome === 'adopted')
    return 'over';
  if (entry?.reason !== undefined) await report(entry.reason);
  const serving =
    stable === undefined || outcome === 'released' ? '' : `; revision ${String(stable.number)} is serving`;
  const reason = `revision ${String(revision)} of ${target.application} ${outcomeWords[outcome]}${serving}`;
  return { outcome, revision, ...defined({ stable: stable?.number }), reason };
}

const outcomeWords = {
  ...{ released: 'was released', rolledBack: 'was rolled back', halted: 'was halted', failed: 'failed' },
} as const;

/** That a runner lives, with what can be done about it. */
function busy(
  cause: ReleaseBusyError,
  current: Current | undefined,
  direction: Ending['direction'],
): ReleaseBusyError {
  const { runId } = current?.entry ?? {};
  // What is released by hand ends with its command.
  if (runId === undefined || runId.startsWith(byHand))
    return new ReleaseBusyError(cause.message, { hint: 'wait for it to end', cause });
  const hint =
    direction === 'back'
      ? `to end it: pipeline cancel ${runId}`
      : `its runner lives: wait for it to end, or watch it with: pipeline attach ${runId}`;
  return new ReleaseBusyError(cause.message, { hint, cause });
}

function answer(
  { connection, application, signal }: ReleaseTarget,
  given: AnswerRequest['answer'],
): Promise<number> {
  const { cluster, namespace } = connection;
  return answerRelease({ cluster, application, namespace, answer: given }, { signal });
}

function portsOf({ connection, clock = systemClock }: ReleaseTarget, report: ReportLine) {
  const lines = {
    progress: (_phase: string, message: string) => report(message),
    notice: (level: 'info' | 'warning', message: string) =>
      report(level === 'warning' ? `warning: ${message}` : message),
  };
  const { cluster, leases, pods } = connection;
  const measurements = createMeasurements({ cluster, pods });
  const chosen = defined({ chosenCluster: connection.chosen });
  return { cluster, leases, pods, measurements, clock, report: lines, ...chosen };
}

function requestOf({
  connection,
  application,
  lockTimeoutMs = 10_000,
}: ReleaseTarget & { lockTimeoutMs?: number }): ReleaseRequest {
  return {
    application,
    namespace: connection.namespace,
    lockTimeoutMs,
    by: {
      runId: `${byHand}${randomBytes(4).toString('hex')}`,
      pipeline: application,
      stage: 'release',
      attempt: 1,
      who: whoReleases(process.env),
    },
  };
}
