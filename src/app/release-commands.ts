import { randomBytes } from 'node:crypto';
import { systemClock } from '../adapters/system/clock.ts';
import { InputError } from '../base/errors.ts';
import type { ReleaseResult } from '../strategies/reconcile.ts';
import { releasedApplications } from '../strategies/release-store.ts';
import { reconcileRelease, rollbackRelease, type ReleaseRequest } from '../strategies/release.ts';
import { releaseHistory, releaseStatus, type ReleaseStatus } from '../strategies/release-status.ts';
import type { Connection } from './connection.ts';
import { whoReleases } from './stage-dependencies.ts';

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
  const { cluster, namespace } = connection;
  const reference = { name: application, namespace };
  const status = await releaseStatus({ cluster, clock: systemClock, application: reference }, { signal });
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

/** Tells how going back goes on. */
export type Tell = (message: string) => Promise<void>;

/** Goes back to an earlier revision; without `to`, to the one before, or out of a release that goes on. */
export async function goBack(target: ReleaseTarget & { to?: number }, tell: Tell): Promise<ReleaseResult> {
  await statusOfRelease(target);
  const { to, signal } = target;
  return rollbackRelease(
    { ...requestOf(target), ...(to === undefined ? {} : { to }) },
    portsOf(target, tell),
    { signal },
  );
}

/** Goes on with a release whose runner died, or turns it back. @returns undefined when none goes on */
export async function takeUp(
  target: ReleaseTarget & { direction: 'continue' | 'back' },
  tell: Tell,
): Promise<ReleaseResult | undefined> {
  await statusOfRelease(target);
  const { direction, signal } = target;
  return reconcileRelease({ ...requestOf(target), direction }, portsOf(target, tell), { signal });
}

function portsOf({ connection }: ReleaseTarget, tell: Tell) {
  const report = {
    progress: (_phase: string, message: string) => tell(message),
    notice: (level: 'info' | 'warning', message: string) =>
      tell(level === 'warning' ? `warning: ${message}` : message),
  };
  return { cluster: connection.cluster, pods: connection.pods, clock: systemClock, report };
}

function requestOf({ connection, application }: ReleaseTarget): ReleaseRequest {
  return {
    application,
    namespace: connection.namespace,
    strategy: { name: 'rolling', restartLimit: 1 },
    timeoutMs: 600_000,
    rollback: 'auto',
    prune: false,
    force: false,
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
