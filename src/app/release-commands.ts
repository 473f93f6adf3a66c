import { defined } from '../base/defined.ts';
import { randomBytes } from 'node:crypto';
import { systemClock } from '../adapters/system/clock.ts';
import { createMeasurements } from '../probes/measure.ts';
import { InputError } from '../base/errors.ts';
import { answerRelease, takesAnswer, type AnswerRequest } from '../release/answer.ts';
import type { ReleaseResult } from '../release/reconcile.ts';
import { releasedApplications } from '../release/record/release-store.ts';
import type { ReleaseRequest } from '../release/held-release.ts';
import { ReleaseBusyError } from '../release/release-lease.ts';
import { reconcileRelease, rollbackRelease } from '../release/release.ts';
import { releaseHistory, releaseStatus, type ReleaseStatus } from '../release/status.ts';
import type { Connection } from './connection.ts';
import { whoReleases } from './stage-dependencies.ts';

export type { ReleaseStatus };

/** Which application of the connection's namespace. */
export interface ReleaseTarget {
  connection: Connection;
  application: string;
  signal: AbortSignal;
}

/** @throws InputError when it was never released by Slipway */
export async function statusOfRelease({
  connection,
  application,
  signal,
}: ReleaseTarget): Promise<ReleaseStatus> {
  const { cluster, leases, namespace } = connection;
  const reference = { name: application, namespace };
  const status = await releaseStatus(
    { cluster, leases, clock: systemClock, application: reference },
    { signal },
  );
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
 * Rolls back to an earlier revision; without `to`, out of the release in progress, as {@link resume} does, else to the
 * one before.
 */
export async function rollBack(
  target: ReleaseTarget & { to?: number },
  report: ReportLine,
): Promise<Resumed> {
  await statusOfRelease(target);
  const { to, signal } = target;
  if (to === undefined && (await takesAnswer(abortOf(target), { signal })))
    return resume({ ...target, direction: 'back' }, report);
  return rollbackRelease({ ...requestOf(target), ...defined({ to }) }, portsOf(target, report), { signal });
}

/**
 * Lets a release that waits for a person go on; `full`: lets one that is in progress skip the pauses and analyses that
 * are left.
 * @throws InputError when none takes that
 */
export async function promote(target: ReleaseTarget & { full: boolean }, report: ReportLine): Promise<void> {
  await statusOfRelease(target);
  const { application, connection, full } = target;
  const revision = await answer(target, full ? 'promoteFull' : 'promote');
  const cluster = connection.chosen === undefined ? '' : ` --cluster ${connection.chosen}`;
  await report(
    `revision ${String(revision)} of ${application} is ${full ? 'promoted in full' : 'promoted'}; its runner continues (if it has died: pipeline release resume ${application} -n ${connection.namespace}${cluster})`,
  );
}

/**
 * How a release ended; undefined: none is in progress; `left`: its runner rolls it back; `over`: it has
 * ended meanwhile, in another way than by being rolled back.
 */
export type Resumed = ReleaseResult | 'left' | 'over' | undefined;

/**
 * Resumes a release whose runner died, or rolls it back; one that holds its Deployment is rolled back by its own runner
 * where that lives.
 */
export async function resume(
  target: ReleaseTarget & { direction: 'continue' | 'back' },
  report: ReportLine,
): Promise<Resumed> {
  await statusOfRelease(target);
  const { direction, signal } = target;
  const isAnswered = direction === 'back' && (await takesAnswer(abortOf(target), { signal }));
  const aborted = isAnswered ? await answer(target, 'abort') : undefined;
  try {
    const ports = portsOf(target, report);
    const result = await reconcileRelease({ ...requestOf(target), direction }, ports, { signal });
    return result ?? (aborted === undefined ? undefined : await endOf(aborted, target));
  } catch (error) {
    if (isAnswered && error instanceof ReleaseBusyError) return 'left';
    throw error;
  }
}

/** How a release that was answered with `abort` has ended by its own runner. */
async function endOf(revision: number, target: ReleaseTarget): Promise<Resumed> {
  const { stable } = await statusOfRelease(target);
  const entry = (await historyOfRelease(target)).find(({ number }) => number === revision);
  if (entry?.outcome !== 'rolledBack' || stable === undefined) return 'over';
  const serving = String(stable.number);
  const reason = `revision ${String(revision)} of ${target.application} was rolled back; revision ${serving} is serving`;
  return { outcome: 'rolledBack', revision, stable: stable.number, reason };
}

function abortOf({ connection: { cluster, namespace }, application }: ReleaseTarget): AnswerRequest {
  return { cluster, application, namespace, answer: 'abort' };
}

function answer(
  { connection, application, signal }: ReleaseTarget,
  given: AnswerRequest['answer'],
): Promise<number> {
  const { cluster, namespace } = connection;
  return answerRelease({ cluster, application, namespace, answer: given }, { signal });
}

function portsOf({ connection }: ReleaseTarget, report: ReportLine) {
  const lines = {
    progress: (_phase: string, message: string) => report(message),
    notice: (level: 'info' | 'warning', message: string) =>
      report(level === 'warning' ? `warning: ${message}` : message),
  };
  const { cluster, leases, pods } = connection;
  const measurements = createMeasurements({ cluster, pods });
  return { cluster, leases, pods, measurements, clock: systemClock, report: lines };
}

function requestOf({ connection, application }: ReleaseTarget): ReleaseRequest {
  return {
    application,
    namespace: connection.namespace,
    lockTimeoutMs: 10_000,
    by: {
      runId: `cli-${randomBytes(4).toString('hex')}`,
      pipeline: application,
      stage: 'release',
      attempt: 1,
      who: whoReleases(process.env),
    },
  };
}
