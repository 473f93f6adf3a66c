import { judge } from '../../analysis/judge.ts';
import { measurementOf } from '../../analysis/request.ts';
import type { Sample } from '../../analysis/sample.ts';
import { countOf } from '../../analysis/progress.ts';
import type { AnalysisSettings } from '../../analysis/settings.ts';
import { defined } from '../../base/defined.ts';
import { InternalError, messageOf } from '../../base/errors.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import { verdictWords, type Measured } from '../../ports/measurements.ts';
import type { Action } from '../../strategies/strategy.ts';
import type { ReleaseSession } from '../session.ts';

type MeasureAction = Extract<Action, { type: 'measure' }>;

/** Takes a measurement, judges and reports it. @throws the signal's reason */
export async function measure(
  action: MeasureAction,
  session: ReleaseSession,
  options: CallOptions,
): Promise<Sample> {
  const settings = session.settings.analyses?.[action.analysis];
  if (settings === undefined) throw new InternalError(`there is no analysis ${action.analysis}`);
  const judged = judge(settings, await take(settings, action, session, options));
  const isBad = judged.verdict === 'failed' && settings.dryRun !== true;
  const which = `analysis ${action.analysis}, measurement ${String(action.count)} of ${String(countOf(settings))}`;
  await session.ports.report.notice(
    isBad ? 'warning' : 'info',
    `${which}: ${verdictWords[judged.verdict]}${settings.dryRun === true ? ' (dry run)' : ''}: ${judged.text}`,
  );
  return { ...judged, atMs: Math.round(session.phaseMs) };
}

async function take(
  settings: AnalysisSettings,
  { analysis, count, candidate, stable }: MeasureAction,
  session: ReleaseSession,
  options: CallOptions,
): Promise<Measured> {
  const { ports, namespace } = session;
  if (ports.measurements === undefined) return { type: 'error', reason: 'nothing here takes measurements' };
  try {
    const deployment = await comparedDeployment(settings, session, options);
    const release = { candidate, stable, namespace, ...defined({ deployment }) };
    const request = measurementOf(settings, release);
    if (request.type === 'prometheus' && count === 1)
      await ports.report.notice('info', `analysis ${analysis} asks ${request.address}: ${request.query}`);
    return await ports.measurements.measure(request, options);
  } catch (error) {
    options.signal.throwIfAborted();
    return { type: 'error', reason: messageOf(error) };
  }
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
