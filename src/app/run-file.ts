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
import { checkFile, planFile, runPipeline, type DriveOptions } from './run-pipeline.ts';

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
      const reporters = await createReporters(request.settings.reporters);
      const { outcome } = await runPipeline({ ...options, reporters, file, parameters, trigger, checked });
      return exitCodeOfRun(outcome);
    } finally {
      await stop();
    }
  });
}

/** Options of whoever drives runs, but for how they are shown. */
export type DriverOptions = Omit<DriveOptions, 'reporters'>;

/** Connects, works, and closes what it opened. */
export async function withDriver(
  request: Pick<RunFileRequest, 'choice' | 'settings' | 'signal'>,
  work: (options: DriverOptions) => Promise<number>,
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
