import { defined } from '../../base/defined.ts';
import path from 'node:path';
import { SlipwayError } from '../../base/errors.ts';
import { interpreterOf, overruledNotice } from '../../base/interpreter.ts';
import type { StepResult } from '../../ports/agent.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { Environment } from '../../ports/secrets.ts';
import type { StageContext, StageKind, StageResult } from '../../ports/stage.ts';
import type { TestSummary } from '../../ports/test-report.ts';
import type { Collection } from './collect.ts';
import { runDefinition } from './definition.ts';
import type { CacheInput, RunInput } from './schema.ts';

/** What the run stage needs beside the agent. */
export interface RunDependencies {
  artifacts: ArtifactStore;
}

/** Builds, tests, and whatever else is a shell script in a container of the agent. */
export function runStage(dependencies: RunDependencies): StageKind<RunInput> {
  return {
    definition: runDefinition,
    run: (input, context) => run(dependencies, input, context),
  };
}

async function run(
  dependencies: RunDependencies,
  input: RunInput,
  context: StageContext,
): Promise<StageResult> {
  const agent = await context.agent();
  const directory = path.posix.resolve(
    agent.workspace,
    context.workingDirectory,
    input.workingDirectory ?? '.',
  );
  const collection: Collection = { agent, store: dependencies.artifacts, context, directory };
  const caches = input.cache === undefined ? [] : [input.cache].flat();
  await runCaches('restore', caches, collection);
  const { timestamps, background } = input;
  const interpreter = interpreterOf(input.run, input.shell);
  await warn(overruledNotice(interpreter), context);
  const script = { step: 'run', text: input.run, shell: interpreter.words, env: context.env };
  const result = await runStep({ ...script, timestamps, background }, collection);
  context.signal.throwIfAborted();
  if (background) await warnOfBackground(context);
  const { tests, errors } = await collectResults(input, collection);
  const verdict = judge(result, tests);
  if (verdict.outcome === 'succeeded') throwFirst(errors);
  for (const { message } of errors) await warn(message, context); // why the stage failed goes first
  await warnOfProblems(result, verdict, context);
  if (verdict.outcome === 'succeeded') await runCaches('save', caches, collection);
  return verdict;
}

async function warn(message: string | undefined, context: StageContext): Promise<void> {
  if (message === undefined) return;
  await context.emit({ type: 'notice', stage: context.stage.name, level: 'warning', message });
}

/** What of the outputs could not be taken is a warning of a stage that failed for another reason. */
async function warnOfProblems(
  result: StepResult,
  verdict: StageResult,
  context: StageContext,
): Promise<void> {
  if (result.type === 'cancelled') return;
  for (const problem of result.problems ?? []) if (problem !== verdict.message) await warn(problem, context);
}

async function warnOfBackground(context: StageContext): Promise<void> {
  const { stage, container } = context;
  const message = `processes that the script leaves running are kept (background: true); they can read the secrets of later stages in container ${container}`;
  await context.emit({ type: 'notice', stage: stage.name, level: 'info', message });
}

/** What a stage has left, and what could not be brought. */
interface Results {
  tests: TestSummary | undefined;
  errors: SlipwayError[];
}

/** Brings reports and artifacts, the ones also where the others fail; how is loaded only when there are any. */
async function collectResults({ reports, artifacts }: RunInput, collection: Collection): Promise<Results> {
  const results: Results = { tests: undefined, errors: [] };
  if (reports === undefined && artifacts === undefined) return results;
  const { collectArtifacts, collectTests } = await import('./collect.ts');
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      collection.context.signal.throwIfAborted();
      if (!(error instanceof SlipwayError)) throw error;
      results.errors.push(error);
    }
  };
  if (reports !== undefined)
    await attempt(async () => {
      const { summary, error } = await collectTests([reports.junit].flat(), collection);
      results.tests = summary;
      throwFirst(error === undefined ? [] : [error]);
    });
  if (artifacts !== undefined) await attempt(() => collectArtifacts([artifacts].flat(), collection));
  return results;
}

function throwFirst([error]: readonly Error[]): void {
  if (error !== undefined) throw error;
}

/**
 * The stage's result: the script's exit code decides, and a failed test fails the stage even when the script hid it; so
 * do outputs that cannot be read, since what later stages get would be wrong.
 */
export function judge(result: StepResult, tests: TestSummary | undefined): StageResult {
  if (result.type === 'cancelled')
    return { outcome: 'failed', message: 'cancelled', outputs: {}, environment: {} };
  const { exitCode, outputs, environment } = result;
  const failedTests =
    tests !== undefined && tests.failed > 0
      ? `${String(tests.failed)} of ${String(total(tests))} tests failed`
      : undefined;
  const [problem] = result.problems ?? [];
  if (exitCode === 0 && failedTests === undefined) {
    if (problem === undefined) return { outcome: 'succeeded', outputs, environment };
    return { outcome: 'failed', message: problem, hint: outputsHint, outputs, environment };
  }
  const ended = exitCode === 0 ? undefined : `exit code ${String(exitCode)}${signalName(exitCode)}`;
  const message = [failedTests, ended].filter((part) => part !== undefined).join(', ');
  return { outcome: 'failed', message, outputs, environment };
}

const outputsHint =
  'write NAME=value, and a value of several lines as NAME<<END, its lines, and END on a line of its own';

function total(tests: TestSummary): number {
  return tests.passed + tests.failed + tests.skipped;
}

/** A shell reports a command ended by signal N as 128+N. */
function signalName(exitCode: number): string {
  const names: Record<number, string> = {
    126: 'not executable',
    127: 'command not found',
    130: 'SIGINT',
    134: 'SIGABRT',
    137: 'SIGKILL',
    139: 'SIGSEGV',
    141: 'SIGPIPE',
    143: 'SIGTERM',
  };
  const name = names[exitCode];
  return name === undefined ? '' : ` (${name})`;
}

interface Script {
  /** The step's name in its stage. */
  step: string;
  text: string;
  shell: readonly string[];
  env: Environment;
  timestamps: boolean;
  background: boolean;
}

/** Runs one script as a durable step and passes its output on. */
async function runStep(script: Script, place: Collection): Promise<StepResult> {
  const { agent, context, directory } = place;
  const stage = context.stage.name;
  const { step } = script;
  const id = `${stage}.${String(context.stage.attempt)}.${step}`;
  const result = await agent.runStep(
    {
      id,
      container: context.container,
      script: script.text,
      shell: script.shell,
      workingDirectory: directory,
      env: script.env,
      timestamps: script.timestamps,
      background: script.background,
    },
    {
      signal: context.signal,
      fromOffset: context.offsets[id] ?? 0,
      onOutput: async (chunk, offset) => {
        await context.emit({ type: 'step.output', stage, step, id, chunk, offset });
        context.saveOffset(id, offset + chunk.length);
      },
    },
  );
  const exitCode = result.type === 'exited' ? result.exitCode : undefined;
  await context.emit({ type: 'step.end', stage, step, id, ...defined({ exitCode }) });
  return result;
}

/** Restores or saves caches, one after the other; what becomes of them stands in the stage's output. */
async function runCaches(
  kind: 'restore' | 'save',
  caches: readonly CacheInput[],
  place: Collection,
): Promise<void> {
  if (caches.length === 0) return;
  const { archiveName, restoreScript, saveScript } = await import('./cache.ts');
  for (const [index, cache] of caches.entries()) {
    const name = archiveName(place.context.run.pipeline, cache);
    await runStep(
      {
        step: `cache-${kind}-${String(index + 1)}`,
        text: kind === 'restore' ? restoreScript : saveScript,
        shell: ['sh'],
        env: cacheEnvironment(cache, name, place),
        timestamps: false,
        background: false,
      },
      place,
    );
    place.context.signal.throwIfAborted();
  }
}

function cacheEnvironment(cache: CacheInput, name: string, place: Collection): Environment {
  return {
    CACHE_FOLDER: { type: 'plain', value: place.agent.cache },
    CACHE_NAME: { type: 'plain', value: name },
    CACHE_KEY: { type: 'plain', value: cache.key },
    CACHE_KEPT: { type: 'plain', value: place.agent.keepsCache === false ? ' for this run alone' : '' },
    CACHE_PATHS: { type: 'plain', value: cache.paths.join('\n') },
  };
}
