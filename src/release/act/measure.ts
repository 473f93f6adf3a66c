import { judge } from '../../analysis/judge.ts';
import type { JobSource } from '../../analysis/job/settings.ts';
import { measurementOf } from '../../analysis/request.ts';
import type { Sample } from '../../analysis/sample.ts';
import { countOf } from '../../analysis/progress.ts';
import type { AnalysisSettings } from '../../analysis/settings.ts';
import { defined } from '../../base/defined.ts';
import { InternalError, messageOf } from '../../base/errors.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import { UnreachableError } from '../../ports/cluster-errors.ts';
import type { ObjectReference } from '../../ports/kubernetes-object.ts';
import { LeaseLostError } from '../../ports/leases.ts';
import { verdictWords, type Measured } from '../../ports/measurements.ts';
import type { Action } from '../../strategies/strategy.ts';
import type { ReleaseSession } from '../session.ts';
import { measureJob, type JobTurn } from './measure-job.ts';

type MeasureAction = Extract<Action, { type: 'measure' }>;

/** A measurement that was taken, and the Job that has taken it; without `sample` it still runs. */
export interface TakenMeasurement {
  sample?: Sample;
  job?: ObjectReference;
}

/** Takes a measurement, judges and reports it. @throws LeaseLostError, UnreachableError or the signal's reason */
export async function measure(
  action: MeasureAction,
  session: ReleaseSession,
  options: CallOptions,
): Promise<TakenMeasurement> {
  const settings = session.settings.analyses?.[action.analysis];
  if (settings === undefined) throw new InternalError(`there is no analysis ${action.analysis}`);
  const { measured, job, logTail } = await take(settings, action, session, options);
  if (measured === undefined) return {};
  const judged = judge(settings, measured);
  const isBad = judged.verdict === 'failed' && settings.dryRun !== true;
  const which = `analysis ${action.analysis}, measurement ${String(action.count)} of ${String(countOf(settings))}`;
  await session.ports.report.notice(
    isBad ? 'warning' : 'info',
    `${which}: ${verdictWords[judged.verdict]}${settings.dryRun === true ? ' (dry run)' : ''}: ${judged.text}${logTail === undefined ? '' : `; ${logTail}`}`,
  );
  return { sample: { ...judged, atMs: Math.round(session.phaseMs) }, ...defined({ job }) };
}

async function take(
  settings: AnalysisSettings,
  action: MeasureAction,
  session: ReleaseSession,
  options: CallOptions,
): Promise<Partial<JobTurn>> {
  if (settings.job !== undefined) return takeByJob(settings.job, action, session, options);
  try {
    return { measured: await ask(settings, action, session, options) };
  } catch (error) {
    options.signal.throwIfAborted();
    return { measured: { type: 'error', reason: messageOf(error) } };
  }
}

async function takeByJob(
  source: JobSource,
  action: MeasureAction,
  session: ReleaseSession,
  options: CallOptions,
): Promise<Partial<JobTurn>> {
  try {
    return await measureJob(source, action, session, options);
  } catch (error) {
    options.signal.throwIfAborted();
    // As with any other action: a runner that does not own the release, or sees nothing of it, decides nothing.
    if (error instanceof LeaseLostError || error instanceof UnreachableError) throw error;
    return { measured: { type: 'error', reason: messageOf(error) } };
  }
}

/** @throws what comes of a wrong query */
async function ask(
  settings: AnalysisSettings,
  { analysis, count, candidate, stable }: MeasureAction,
  session: ReleaseSession,
  options: CallOptions,
): Promise<Measured> {
  const { ports, namespace } = session;
  if (ports.measurements === undefined) return { type: 'error', reason: 'nothing here takes measurements' };

  const deployment = await comparedDeployment(settings, session, options);
  const release = { candidate, stable, namespace, ...defined({ deployment }) };
  const request = measurementOf(settings, release);
  if (request.type === 'prometheus' && count === 1)
    await ports.report.notice('info', `analysis ${analysis} asks ${request.address}: ${request.query}`);
  return ports.measurements.measure(request, options);
}

/** The Deployment whose pods a comparison is of; undefined where nothing is compared. */
async function comparedDeployment(
  { prometheus }: AnalysisSettings,
  session: ReleaseSession,
  options: CallOptions,
): Promise<{ name: string; namespace: string } | undefined> {
  if (prometheus?.compare === undefined) return undefined;
  const found = await session.heldDeployment(options);
  return found && { name: found.name, namespace: found.namespace ?? session.namespace };
}
