import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import type { Logger } from '../base/logger.ts';
import type { Masker } from '../base/mask.ts';
import { createFolderStore } from '../adapters/store/folder.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { EngineDependencies, EngineOptions, RunResult } from '../engine/dependencies.ts';
import { resumeRun, startRun } from '../engine/run.ts';
import { compilePlan } from '../plan/compile-plan.ts';
import type { Plan } from '../plan/plan.ts';
import type { StoredRun } from '../ports/run-record.ts';
import type { AnyStageKind } from '../ports/stage.ts';
import { formatDiagnostic, type Diagnostic } from '../spec/diagnostic.ts';
import { requirePipeline } from '../spec/parse-pipeline.ts';
import type { Pipeline } from '../spec/pipeline.ts';
import type { Connection } from './connection.ts';
import { defaultAgentImage } from './default-agent-image.ts';
import { createEventHub } from './event-hub.ts';
import { guardOutputs } from './guard-outputs.ts';
import type { PipelineFile } from './pipeline-file.ts';
import type { Reporters } from './reporters.ts';
import { createSecretReader } from './secret-reader.ts';
import type { BuildSettings } from './builders.ts';
import { stageDependencies } from './stage-dependencies.ts';
import { stageKinds, stageKindsForReading } from './stage-kinds.ts';

/** What runs of all origins have in common. */
export interface DriveOptions {
  connection: Connection;
  reporters: Reporters;
  /** Absolute folder for artifacts and reports. */
  resultsDirectory: string;
  build: BuildSettings;
  engine: EngineOptions;
  masker: Masker;
  logger: Logger;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/** A new run. */
export interface RunRequest extends DriveOptions {
  file: PipelineFile;
  parameters: Readonly<Record<string, string>>;
  trigger: Readonly<Record<string, string>>;
  /** When the file was checked before. */
  checked?: CheckedFile;
}

/** A file that holds a pipeline. */
export interface CheckedFile {
  pipeline: Pipeline;
  warnings: readonly Diagnostic[];
  kinds: readonly AnyStageKind[];
}

/** Checks a file; reaches nothing. @throws PipelineFileError */
export function checkFile({ file, text }: PipelineFile): CheckedFile {
  const kinds = stageKindsForReading();
  return { ...requirePipeline({ file, text, kinds }), kinds };
}

/**
 * Plans a file; reaches nothing.
 * @throws PipelineFileError, InputError (parameters)
 */
export function planFile(
  file: PipelineFile,
  inputs: {
    parameters: Readonly<Record<string, string>>;
    trigger: Readonly<Record<string, string>>;
    namespace: string;
  },
  { pipeline, warnings, kinds }: CheckedFile = checkFile(file),
): { plan: Plan; warnings: string[] } {
  const defaults = { namespace: inputs.namespace, agentImage: defaultAgentImage };
  const plan = compilePlan(pipeline, {
    parameters: inputs.parameters,
    trigger: inputs.trigger,
    defaults,
    kinds,
  });
  return { plan, warnings: warnings.map(formatDiagnostic) };
}

/** Runs a pipeline to its end. What went wrong in the run is in the result; what is thrown happened before it began. */
export async function runPipeline(request: RunRequest): Promise<RunResult> {
  const { file, connection, parameters, trigger, checked } = request;
  const { namespace } = connection;
  const { plan, warnings } = planFile(file, { parameters, trigger, namespace }, checked);
  for (const warning of warnings) request.logger.warn(warning);
  return drive(request, { plan, directory: file.directory }, (dependencies) =>
    startRun(
      {
        plan,
        runId: ulid(),
        source: { file: path.resolve(file.file), text: file.text },
        parameters,
        cluster: connection.name,
        holder: holderName(),
        options: request.engine,
      },
      dependencies,
      { signal: request.signal },
    ),
  );
}

/**
 * Goes on with a run whose runner died.
 * @throws LeaseHeldError when another runner drives it
 * @throws RunFinishedError
 */
export async function resumePipeline(stored: StoredRun, options: DriveOptions): Promise<RunResult> {
  const { record } = stored;
  const { connection } = options;
  const file: PipelineFile = { ...record.source, directory: path.dirname(record.source.file) };
  const { plan } = planFile(file, {
    parameters: record.parameters,
    trigger: record.trigger,
    namespace: record.namespace,
  });
  const { engine, signal } = options;
  return drive(options, { plan, directory: file.directory }, async (dependencies) => {
    const lease = await connection.runs.leaseOf(record, { signal });
    if (record.state !== 'finished' && lease !== undefined && !lease.expired) {
      const message = `run ${record.runId} was driven by ${lease.holder}: waiting for a sign of life before it is taken over`;
      const about = { at: systemClock.now(), sequence: 0 };
      await dependencies.reporter.handle({ type: 'notice', level: 'info', message, ...about });
    }
    const request = { plan, stored, cluster: connection.name, holder: holderName(), options: engine };
    return resumeRun(request, dependencies, { signal });
  });
}

async function drive(
  options: DriveOptions,
  { plan, directory }: { plan: Plan; directory: string },
  run: (dependencies: EngineDependencies) => Promise<RunResult>,
): Promise<RunResult> {
  const { connection, masker, logger } = options;
  const { all, lacksLog } = options.reporters;
  const hub = createEventHub(all, masker, (message, details) => logger.warn(message, { ...details }));
  const secrets = createSecretReader({
    sources: plan.secrets,
    cluster: connection.cluster,
    namespace: plan.namespace,
    masker,
    environment: options.environment,
    onWeakSecret: (name) => logger.warn('a secret is too short to be masked in output', { secret: name }),
    ...(connection.sandbox ? { generate: (name: string) => generatedSecret(name, logger) } : {}),
  });
  const dependencies = stageDependencies({
    connection,
    directory,
    artifacts: createFolderStore(options.resultsDirectory),
    build: options.build,
    environment: options.environment,
  });
  try {
    return await run({
      kinds: stageKinds(dependencies).map((kind) => guardOutputs(kind, masker)),
      agents: connection.agents,
      store: connection.runs,
      secrets,
      reporter: hub,
      ...(lacksLog === undefined ? {} : { lacksLog }),
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

/** Unique to this process. */
function holderName(): string {
  return `${hostname()}/${String(process.pid)}/${randomBytes(4).toString('hex')}`;
}
