import { exitCodes } from '../base/exit-code.ts';
import type { Logger } from '../base/logger.ts';
import { Masker } from '../base/mask.ts';
import { createLazyLogger } from '../adapters/log/lazy-logger.ts';
import type { RunOutcome } from '../ports/events.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { collectInBackground } from './background-collection.ts';
import { connectCluster, type ClusterChoice } from './connection.ts';
import type { DriveSettings } from './drive-settings.ts';
import { readPipelineFile } from './pipeline-file.ts';
import { createReporters } from './reporters.ts';
import { loadRun } from './runs.ts';
import { checkFile, planFile, resumePipeline, runPipeline, type DriveOptions } from './run-pipeline.ts';

/** A file to run, and where. */
export interface RunFileRequest {
  file: string;
  parameters: Readonly<Record<string, string>>;
  trigger: Readonly<Record<string, string>>;
  choice: ClusterChoice;
  settings: DriveSettings;
  signal: AbortSignal;
}

/**
 * Checks a file, connects, and runs it to its end.
 * @returns the exit code (docs/exit-codes.md)
 */
export async function runFile(request: RunFileRequest): Promise<number> {
  const file = await readPipelineFile(request.file);
  const { parameters, trigger } = request;
  // Whatever is wrong with the file is told before a cluster is looked for.
  const checked = checkFile(file);
  const inputs = { parameters, trigger, namespace: request.choice.namespace ?? 'default' };
  planFile(file, inputs, checked);
  return withDriver(request, async (options) => {
    const { connection, logger } = options;
    const { plan } = planFile(file, { ...inputs, namespace: connection.namespace }, checked);
    const { namespace } = plan;
    const stop = collectInBackground({ place: { ...connection, namespace }, logger, clock: systemClock });
    try {
      const { outcome } = await runPipeline({ ...options, file, parameters, trigger, checked });
      return exitCodeOfRun(outcome);
    } finally {
      await stop();
    }
  });
}

/** A run to go on with. */
export type ResumeRequest = Pick<RunFileRequest, 'choice' | 'settings' | 'signal'> & { runId: string };

/** Goes on with a run whose runner died. @throws InputError when there is no such run */
export async function resumeRunById(request: ResumeRequest): Promise<number> {
  return withDriver(request, async (options) => {
    const stored = await loadRun(options.connection, request.runId, request.signal);
    const { outcome } = await resumePipeline(stored, options);
    return exitCodeOfRun(outcome);
  });
}

async function withDriver(
  request: Pick<RunFileRequest, 'choice' | 'settings' | 'signal'>,
  work: (options: DriveOptions) => Promise<number>,
): Promise<number> {
  const { settings, signal } = request;
  const masker = new Masker();
  const level = settings.debug ? 'debug' : 'warn';
  const logger: Logger = createLazyLogger(level, async () => {
    const { createWinstonLogger } = await import('../adapters/log/winston-logger.ts');
    const format = settings.reporters.format === 'json' ? 'json' : 'text';
    return createWinstonLogger({ level, format, masker });
  });
  const connection = await connectCluster(request.choice, {
    logger,
    retryBudgetMs: settings.retryBudgetMs,
    signal,
  });
  try {
    return await work({
      connection,
      reporters: await createReporters(settings.reporters),
      resultsDirectory: settings.resultsDirectory,
      build: settings.dockerHost === undefined ? {} : { dockerHost: settings.dockerHost },
      engine: { keepAgent: settings.keepAgent },
      masker,
      logger,
      environment: process.env,
      signal,
    });
  } finally {
    await connection.close();
  }
}

const exitCodesOfRuns: Record<RunOutcome, number> = {
  succeeded: exitCodes.succeeded,
  failed: exitCodes.failure,
  infrastructure: exitCodes.infrastructure,
  aborted: exitCodes.aborted,
  rolledBack: exitCodes.rolledBack,
  interrupted: exitCodes.interrupted,
  internal: exitCodes.internal,
};

/** The exit code that tells how a run ended. */
export function exitCodeOfRun(outcome: RunOutcome): number {
  return exitCodesOfRuns[outcome];
}
