import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import type { StepResult } from '../../ports/agent.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { Environment } from '../../ports/secrets.ts';
import type { StageContext, StageKind, StageResult } from '../../ports/stage.ts';
import type { TestSummary } from '../../ports/test-report.ts';
import type { Collection } from './collect.ts';
import { runFields, type CacheInput, type RunInput } from './schema.ts';

/** What the run stage needs beside the agent. */
export interface RunDependencies {
  artifacts: ArtifactStore;
}

/** Builds, tests, and whatever else is a shell script in a container of the agent. */
export function runStage(dependencies: RunDependencies): StageKind<RunInput> {
  return {
    key: 'run',
    fields: runFields,
    scripts: ['run'],
    restoresWorkspace: true,
    needsAgent: () => true,
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
  const script = { step: 'run', text: input.run, shell: shellWords(input.shell), env: context.env };
  const result = await runStep({ ...script, timestamps: input.timestamps }, collection);
  context.signal.throwIfAborted();
  const tests = await collectResults(input, collection);
  const verdict = judge(result, tests);
  if (verdict.outcome === 'succeeded') await runCaches('save', caches, collection);
  return verdict;
}

/** Brings reports and artifacts; how is loaded only when there are any. */
async function collectResults(
  { reports, artifacts }: RunInput,
  collection: Collection,
): Promise<TestSummary | undefined> {
  if (reports === undefined && artifacts === undefined) return undefined;
  const { collectArtifacts, collectTests } = await import('./collect.ts');
  const tests = reports === undefined ? undefined : await collectTests([reports.junit].flat(), collection);
  if (artifacts !== undefined) await collectArtifacts([artifacts].flat(), collection);
  return tests;
}

/** The stage's result: the script's exit code decides, and a failed test fails the stage even when the script hid it. */
export function judge(result: StepResult, tests: TestSummary | undefined): StageResult {
  if (result.type === 'cancelled')
    return { outcome: 'failed', message: 'cancelled', outputs: {}, environment: {} };
  const { exitCode, outputs, environment } = result;
  const failedTests =
    tests !== undefined && tests.failed > 0
      ? `${String(tests.failed)} of ${String(total(tests))} tests failed`
      : undefined;
  if (exitCode === 0 && failedTests === undefined) return { outcome: 'succeeded', outputs, environment };
  const ended = exitCode === 0 ? undefined : `exit code ${String(exitCode)}${signalName(exitCode)}`;
  const message = [failedTests, ended].filter((part) => part !== undefined).join(', ');
  return { outcome: 'failed', message, outputs, environment };
}

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
  await context.emit({ type: 'step.end', stage, step, id, ...(exitCode === undefined ? {} : { exitCode }) });
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
    CACHE_PATHS: { type: 'plain', value: cache.paths.join('\n') },
  };
}

/** `bash -e` as its words. @throws InputError when there is none */
function shellWords(shell: string): string[] {
  const words = shell.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0)
    throw new InputError('shell is empty', { hint: 'write it like "sh -e" or "bash -eo pipefail"' });
  return words;
}
