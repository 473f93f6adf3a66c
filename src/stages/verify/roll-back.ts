import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { TrackState } from '../../ports/events.ts';
import type { Leases } from '../../ports/leases.ts';
import type { PodAccess } from '../../ports/pod-access.ts';
import type { StageContext, StageResult } from '../../ports/stage.ts';
import { defaultTimeoutMs } from '../../release/record/release-record.ts';
import { rollBackReleased, type ReleasedRollback } from '../../release/release.ts';
import { releasesBefore, type EarlierRelease } from './earlier-releases.ts';

/** What a rollback works with. */
export interface RollBackDependencies {
  cluster: Cluster;
  leases: Leases;
  clock: Clock;
  pods: Pick<PodAccess, 'logs'>;
  /** Who rolls back, for the record. */
  who: string;
}

/**
 * Rolls back what the stages before this one released, the last first.
 * @param message why: what was verified did not pass
 */
export async function rollBackReleases(
  message: string,
  dependencies: RollBackDependencies,
  context: StageContext,
): Promise<Pick<StageResult, 'outcome' | 'message'>> {
  const results: string[] = [];
  let outcome: StageResult['outcome'] = 'rolledBack';
  const releases = releasesBefore(context.outputs);
  if (releases.length === 0)
    return { outcome: 'failed', message: `${message}; no stage before it released anything` };
  for (const release of releases) {
    const result = await rollBackOne(release, dependencies, context);
    if (result.outcome !== 'released') outcome = 'failed';
    results.push(textOf(release, result));
  }
  return { outcome, message: [message, ...results].join('; ') };
}

function rollBackOne(
  { application, namespace, revision }: EarlierRelease,
  { who, ...ports }: RollBackDependencies,
  context: StageContext,
): Promise<ReleasedRollback> {
  const { run, stage, ownership, signal } = context;
  const by = { runId: run.id, pipeline: run.pipeline, stage: stage.name, attempt: stage.attempt, who };
  const report = {
    progress: (phase: string, message: string, tracks: readonly TrackState[]) =>
      context.emit({ type: 'release.progress', stage: stage.name, application, phase, message, tracks }),
    notice: (level: 'info' | 'warning', message: string, more?: { endTells?: true }) =>
      context.emit({ type: 'notice', stage: stage.name, level, message, ...more }),
  };
  const request = { application, namespace, revision, by, lockTimeoutMs: defaultTimeoutMs, owner: ownership };
  return rollBackReleased(request, { ...ports, report }, { signal });
}

function textOf({ application, revision }: EarlierRelease, result: ReleasedRollback): string {
  const what = `revision ${String(revision)} of ${application}`;
  if (result.outcome === 'kept') return `${what} was not rolled back: ${result.reason}`;
  if (result.outcome === 'released')
    return `${what} was rolled back; revision ${String(result.to)} is serving`;
  return `${what} could not be rolled back: ${result.reason ?? result.outcome}`;
}
