import { exitCodes } from '../base/exit-code.ts';
import type { Logger } from '../base/logger.ts';
import { Masker } from '../base/mask.ts';
import { createLazyLogger } from '../adapters/log/lazy-logger.ts';
import type { Policy } from '../policy/policy.ts';
import type { RunOutcome } from '../ports/events.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { bindPlan } from './bind-plan.ts';
import { collectInBackground } from './background-collection.ts';
import { connectCluster, type ClusterChoice } from './connection.ts';
import type { RunSettings } from './run-settings.ts';
import { createReporters } from './reporters.ts';
import { readPlan } from './plan-file.ts';
import { assertCluster } from './policies.ts';
import { runPipeline, type RunnerOptions } from './run-pipeline.ts';

/** A file to run, and where. */
export interface RunFileRequest {
  file: string;
  parameters: Readonly<Record<string, string>>;
  trigger: Readonly<Record<string, string>>;
  choice: ClusterChoice;
  settings: RunSettings;
  signal: AbortSignal;
}

/**
 * Checks a file, connects, and runs it to its end.
 * @returns the exit code (docs/exit-codes.md)
 */
export async function runFile(request: RunFileRequest): Promise<number> {
  // Errors of the file are reported before a cluster is looked for.
  const { parameters, trigger, settings } = request;
  const planned = await readPlan(request.file, { parameters, trigger, policyFiles: settings.policyFiles });
  return withRunner({ ...request, policies: planned.policies }, async (options) => {
    const { connection, logger } = options;
    const plan = bindPlan(planned, connection);
    const { namespace } = plan;
    const stop = collectInBackground({ place: { ...connection, namespace }, logger, clock: systemClock });
    try {
      const reporters = await createReporters(request.settings.reporters);
      const { outcome } = await runPipeline({ ...options, reporters, planned, plan });
      return exitCodeOfRun(outcome);
    } finally {
      await stop();
    }
  });
}

/** A runner that is connected, but for how its run is shown. */
export type ConnectedRunner = Omit<RunnerOptions, 'reporters'>;

/** Connects, works, and closes what it opened. */
export async function withRunner(
  request: Pick<RunFileRequest, 'choice' | 'settings' | 'signal'> & { policies: readonly Policy[] },
  work: (options: ConnectedRunner) => Promise<number>,
): Promise<number> {
  const { settings, signal, choice, policies } = request;
  if (choice.cluster !== undefined) assertCluster(choice.cluster, policies);
  const masker = new Masker();
  const level = settings.debug ? 'debug' : 'warn';
  const logger: Logger = createLazyLogger(level, async () => {
    const { createWinstonLogger } = await import('../adapters/log/winston-logger.ts');
    const format = settings.reporters.format === 'json' ? 'json' : 'text';
    return createWinstonLogger({ level, format, masker });
  });
  const connection = await connectCluster(choice, {
    logger,
    retryBudgetMs: settings.retryBudgetMs,
    signal,
  });
  try {
    return await work({
      connection,
      policies,
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
  detached: exitCodes.detached,
  interrupted: exitCodes.interrupted,
  internal: exitCodes.internal,
};

/** The exit code of a run's outcome. */
export function exitCodeOfRun(outcome: RunOutcome): number {
  return exitCodesOfRuns[outcome];
}
