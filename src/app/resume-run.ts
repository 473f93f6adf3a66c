import { LeaseHeldError, RunFinishedError } from '../ports/run-record.ts';
import { attach } from './attach.ts';
import { createReporters } from './reporters.ts';
import { exitCodeOfRun, withDriver, type RunFileRequest } from './run-file.ts';
import { resumePipeline } from './run-pipeline.ts';
import { loadRun } from './runs.ts';

/** A run to go on with. */
export type ResumeRequest = Pick<RunFileRequest, 'choice' | 'settings' | 'signal'> & { runId: string };

/**
 * Goes on with a run whose runner died. While another runner drives it, it is followed as by `attach`, without log
 * files; when that runner dies too, the run is taken over.
 * @returns the exit code of the run, whoever drove it
 * @throws InputError when there is no such run, or it had ended before
 */
export async function resumeRunById(request: ResumeRequest): Promise<number> {
  const { runId, settings, signal } = request;
  return withDriver(request, async (options) => {
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
      const { logDirectory: _driversBusiness, ...shown } = settings.reporters;
      const reporters = await createReporters(shown);
      const look = { connection, runId, once: false, untilAbandoned: true, reporters, logger, signal };
      const outcome = await attach(look);
      if (outcome !== undefined) return exitCodeOfRun(outcome);
    }
  });
}
