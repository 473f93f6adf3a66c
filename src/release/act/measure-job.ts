import { jobObject, jobReference, measuresLabel } from '../../analysis/job/job-object.ts';
import type { JobSource } from '../../analysis/job/settings.ts';
import { messageOf } from '../../base/errors.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import type { ObjectReference } from '../../ports/kubernetes-object.ts';
import type { Measured } from '../../ports/measurements.ts';
import type { Action } from '../../strategies/strategy.ts';
import { readLogTail } from '../observe/log-tail.ts';
import { recordName } from '../record/release-record.ts';
import type { ReleaseSession } from '../session.ts';
import { lookAtJob, startedJob } from './run-job.ts';

/** Milliseconds that a Job is looked at before the release looks at its pods and answers again. */
const turnMs = 5000;
/** Milliseconds between two looks. */
const lookMs = 500;

const jobKind = { apiVersion: 'batch/v1', kind: 'Job' };

/** A Job of a release, and what it has measured; `measured` missing: it still runs. */
export interface JobTurn {
  job: ObjectReference;
  measured?: Measured;
  /** The last lines of what it wrote, for people. */
  logTail?: string;
}

/**
 * Looks at the Job of a measurement for a while, and makes it when it is not there: an earlier runner may have. It stays
 * until the sample is written, so that no runner makes it a second time. @throws ClusterError
 */
export async function measureJob(
  source: JobSource,
  { key, count, candidate, stable }: Extract<Action, { type: 'measure' }>,
  session: ReleaseSession,
  options: CallOptions,
): Promise<JobTurn> {
  const { application, namespace, current, owner, ports } = session;
  const { cluster, clock } = ports;
  const { revision } = current;
  const measurement = { application, namespace, revision, key, count, candidate, stable };
  const job = jobReference(measurement);
  const record = { name: recordName(application), uid: owner };
  await startedJob(jobObject(source, measurement, record), job, cluster, options);
  const endMs = clock.monotonicMs() + turnMs;
  for (;;) {
    const hasRun = session.jobsThatRan.has(job.name);
    const look = await lookAtJob(job, cluster, { ...options, hasRun });
    switch (look.type) {
      case 'complete':
        return { job, measured: { type: 'judged', verdict: 'passed', text: `Job ${job.name} is complete` } };
      case 'error':
        return { job, measured: { type: 'error', reason: look.reason } };
      case 'failed': {
        const { reason, symptom } = look;
        const log = symptom && (await readLogTail({ ...symptom, lastedMs: 0 }, ports, options));
        const measured = { type: 'judged', verdict: 'failed', text: reason } as const;
        return log === undefined ? { job, measured } : { job, measured, logTail: log };
      }
      case 'running':
        if (look.hasRun) session.jobsThatRan.add(job.name);
        if (clock.monotonicMs() >= endMs) return { job };
        await clock.sleep(lookMs, options);
    }
  }
}

/** Removes a Job with its pods; one that cannot be removed goes with the release's record, and is told. */
export async function removeJob(
  job: ObjectReference,
  { ports }: Pick<ReleaseSession, 'ports'>,
  options: CallOptions,
): Promise<void> {
  try {
    await ports.cluster.delete(job, { ...options, propagation: 'Background' });
  } catch (error) {
    options.signal.throwIfAborted();
    await ports.report.notice('warning', `Job ${job.name} could not be removed: ${messageOf(error)}`);
  }
}

/** Removes the Jobs that measure for an application and are still there: those of runners that died, too. */
export async function removeJobsLeft(session: ReleaseSession, options: CallOptions): Promise<void> {
  const { record, application, namespace, ports } = session;
  const hasJobs = record.history.some(({ settings }) =>
    Object.values(settings?.analyses ?? {}).some(({ job }) => job !== undefined),
  );
  if (!hasJobs) return;
  try {
    const selection = { namespace, labelSelector: `${measuresLabel}=${application}` };
    const found = await ports.cluster.list(jobKind, selection, options);
    for (const { metadata } of found)
      await removeJob({ ...jobKind, namespace, name: metadata.name }, session, options);
  } catch (error) {
    options.signal.throwIfAborted();
    await ports.report.notice('warning', `Jobs of analyses could not be looked for: ${messageOf(error)}`);
  }
}
