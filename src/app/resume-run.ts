import { LeaseHeldError } from '../ports/leases.ts';
import { RunFinishedError } from '../ports/run-record.ts';
import { attach } from './follow/attach.ts';
import { readPolicies } from './policies.ts';
import { createReporters } from './reporters.ts';
import { exitCodeOfRun, withRunner, type RunFileRequest } from './run-file.ts';
import { resumePipeline } from './run-pipeline.ts';
import { loadRun } from './runs.ts';

/** A run to resume. */
export type ResumeRequest = Pick<RunFileRequest, 'choice' | 'settings' | 'signal'> & { runId: string };

/**
 * Resumes a run whose runner died. While another runner owns it, it is followed as by `attach`, without log files; when
 * that runner dies too, the run is resumed here.
 * @returns the exit code of the run, whichever runner ended it
 * @throws InputError when there is no such run, or it had ended before
 */
export async function resumeRunById(request: ResumeRequest): Promise<number> {
  const { runId, settings, signal } = request;
  const policies = await readPolicies(settings.policyFiles);
  return withRunner({ ...request, policies }, async (options) => {
    const { connection, logger } = options;
    for (;;) {
      const stored = await loadRun(connection, runId, signal);
      try {
        const reporters = await createReporters(settings.reporters);
        return exitCodeOfRun((await resumePipeline(stored, { ...options, reporters })).outcome);
      } catch (error) {
        const endedMeanwhile = error instanceof RunFinishedError && stored.record.state !== 'finished';
        if (!(error instanceof LeaseHeldError) && !endedMeanwhile) throw error;
      }
      const { logDirectory: _ownersBusiness, logsByRun: _, ...shown } = settings.reporters;
      const reporters = await createReporters(shown);
      const look = { connection, runId, once: false, untilAbandoned: true, reporters, logger, signal };
      const outcome = await attach(look);
      if (outcome !== undefined) return exitCodeOfRun(outcome);
    }
  });
}
