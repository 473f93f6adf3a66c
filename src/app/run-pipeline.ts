import { defined } from '../base/defined.ts';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import type { Logger } from '../base/logger.ts';
import type { Masker } from '../base/mask.ts';
import { createFolderStore } from '../adapters/store/folder.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { holderName } from '../adapters/system/process-identity.ts';
import type { EngineDependencies, EngineOptions, RunResult } from '../engine/dependencies.ts';
import { resumeRun, startRun } from '../engine/run.ts';
import type { Plan } from '../plan/plan.ts';
import type { Policy } from '../policy/policy.ts';
import { runLease, type RunRecord, type StoredRun } from '../ports/run-record.ts';
import { bindPlan } from './bind-plan.ts';
import { checkSecrets } from './check-secrets.ts';
import type { Connection } from './connection.ts';
import { createEventHub } from './event-hub.ts';
import { guardOutputs } from './guard-outputs.ts';
import type { PipelineFile } from './pipeline-file.ts';
import { planFile, type PlannedFile } from './plan-file.ts';
import { guardAgents, guardStage } from './policy-guards.ts';
import { prepareCaches } from './prepare-caches.ts';
import { warnOfPulls } from './pulls/warn-of-pulls.ts';
import type { Reporters } from './reporters.ts';
import { createSecretReader } from './secret-reader.ts';
import type { BuildSettings } from './builders.ts';
import { stageDependencies } from './stage-dependencies.ts';
import { stageKinds } from './stage-kinds.ts';

/** What every run needs, new or resumed. */
export interface RunnerOptions {
  connection: Connection;
  reporters: Reporters;
  /** Absolute folder for artifacts and reports. */
  resultsDirectory: string;
  build: BuildSettings;
  /** What the runner's operator allows. */
  policies: readonly Policy[];
  engine: EngineOptions;
  masker: Masker;
  logger: Logger;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/** A new run. */
export interface RunRequest extends RunnerOptions {
  planned: PlannedFile;
  /** Of `planned`, where it runs. */
  plan: Plan;
}

/**
 * Runs a pipeline to its end. What went wrong in the run is in the result; what is thrown happened before it began.
 * @throws PipelineFileError when a secret that it takes is not there
 * @throws RefusedPathError when a link stands where results or logs are to be written
 */
export async function runPipeline(request: RunRequest): Promise<RunResult> {
  const { planned, connection } = request;
  const { file, parameters, warnings } = planned;
  for (const warning of warnings) request.logger.warn(warning);
  const runId = ulid();
  const plan = await prepareCaches(request.plan, request);
  return executePlan(request, { plan, directory: file.directory }, async (dependencies) => {
    await checkSecrets({ planned, plan }, dependencies.secrets, request);
    await warnOfPulls({ plan, connection, directory: file.directory, logger: request.logger }, request);
    return startRun(
      {
        plan,
        runId,
        ...defined({ logs: logsOf(request.reporters, runId) }),
        source: { file: path.resolve(file.file), text: file.text },
        parameters,
        cluster: connection.name,
        holder: holderName(),
        options: request.engine,
      },
      dependencies,
      { signal: request.signal },
    );
  });
}

/**
 * Resumes a run whose runner died.
 * @throws PipelineFileError when this runner's policies do not allow what is in its file
 * @throws LeaseHeldError when another runner owns it
 * @throws RunFinishedError
 */
export async function resumePipeline(stored: StoredRun, options: RunnerOptions): Promise<RunResult> {
  const { record } = stored;
  const { connection } = options;
  const file: PipelineFile = { ...record.source, directory: path.dirname(record.source.file) };
  const { engine, signal, policies } = options;
  const { parameters, trigger, namespace } = record;
  const planned = planFile(file, { parameters, trigger, policies });
  const bound = bindPlan(planned, { name: connection.name, namespace });
  const plan = await prepareCaches(bound, options);
  return executePlan(options, { plan, directory: file.directory }, async (dependencies) => {
    const lease = await connection.leases.find(runLease(record), { signal });
    if (record.state !== 'finished' && lease !== undefined && !lease.expired) {
      const message = `run ${record.runId} is owned by ${lease.holder}; waiting for its lease to expire`;
      const about = { runId: record.runId, at: systemClock.now(), sequence: 0 };
      await dependencies.reporter.handle({ type: 'notice', level: 'info', message, ...about });
    }
    const logs = logsOf(options.reporters, record.runId);
    const about = { plan, stored, cluster: connection.name, ...defined({ logs }) };
    const request = { ...about, holder: holderName(), options: engine };
    return resumeRun(request, dependencies, { signal });
  });
}

async function executePlan(
  options: RunnerOptions,
  { plan, directory }: { plan: Plan; directory: string },
  run: (dependencies: EngineDependencies) => Promise<RunResult>,
): Promise<RunResult> {
  const { connection, masker, logger, policies } = options;
  const { all, lacksLog, checkLogs } = options.reporters;
  const artifacts = createFolderStore(options.resultsDirectory);
  const hub = createEventHub(all, masker, (message, details) => logger.warn(message, { ...details }));
  const secrets = createSecretReader({
    sources: plan.secrets,
    cluster: connection.cluster,
    namespace: plan.namespace,
    masker,
    environment: options.environment,
    onWeakSecret: (name) =>
      logger.warn('a secret, or a part of it, is too short to be masked in output', { secret: name }),
    ...(connection.sandbox ? { generate: (name: string) => generatedSecret(name, logger) } : {}),
  });
  const dependencies = stageDependencies({
    connection,
    directory,
    artifacts,
    build: options.build,
    environment: options.environment,
    policies,
  });
  try {
    const stages = plan.nodes.map(({ name }) => name);
    await artifacts.check(stages);
    await checkLogs?.(stages);
    return await run({
      kinds: stageKinds(dependencies)
        .map((kind) => guardOutputs(kind, masker))
        .map((kind) => guardStage(kind, policies, directory)),
      agents: guardAgents(connection.agents, policies),
      store: connection.runs,
      leases: connection.leases,
      secrets,
      reporter: hub,
      ...defined({ lacksLog }),
      clock: systemClock,
    });
  } finally {
    await hub.close();
  }
}

/** The sandbox makes secrets that are not there, so that a file runs unchanged as a rehearsal. */
function generatedSecret(name: string, logger: Logger): ReadonlyMap<string, Buffer> {
  logger.info('the sandbox has no such secret: one was generated', { secret: name });
  const password = Buffer.from(randomBytes(18).toString('base64url'));
  return new Map([
    ['username', Buffer.from('sandbox')],
    ['password', password],
    ['token', password],
    ['value', password],
  ]);
}

/** Where this runner keeps the logs of a run. */
function logsOf(reporters: Reporters, runId: string): RunRecord['logs'] {
  const directory = reporters.logsOf?.(runId);
  return directory === undefined ? undefined : { host: hostname(), directory };
}
