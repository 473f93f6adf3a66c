/**
 * Runs the unit tests for Stryker in one process, with the modules loaded once: a mutant is then switched on by a
 * variable, and costs what its tests cost. (Stryker's own runner starts Jest anew for each: 2 s on this code.)
 */
import type { Circus } from '@jest/types';
import { type InstrumenterContext, INSTRUMENTER_CONSTANTS } from '@stryker-mutator/api/core';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import {
  determineHitLimitReached,
  type DryRunResult,
  DryRunStatus,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  type TestRunnerCapabilities,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import { addEventHandler } from 'jest-circus';
import { globSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { env } from 'node:process';
import { inspect } from 'node:util';
import { type NamedTest, TestFile } from './test-file.ts';

class InProcessTestRunner implements TestRunner {
  readonly #context = instrumenterContext();
  readonly #ids = new Map<Circus.TestEntry, string>();
  #files: TestFile[] = [];
  #running: { file: TestFile; test: Circus.TestEntry | undefined } | undefined;
  #bail = false;

  capabilities(): TestRunnerCapabilities {
    return { reloadEnvironment: false };
  }

  async init(): Promise<void> {
    const globals = new URL('jest-globals.ts', import.meta.url).href;
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === '@jest/globals' ? { url: globals, shortCircuit: true } : next(specifier, context),
    });
    for (const path of testPaths()) this.#files.push(await TestFile.load(path));
    for (const { tests } of this.#files) for (const { id, test } of tests) this.#ids.set(test, id);
    addEventHandler(this.#onEvent);
    process.on('unhandledRejection', this.#onUnhandled);
    process.on('uncaughtException', this.#onUnhandled);
  }

  async dryRun(): Promise<DryRunResult> {
    this.#bail = false;
    const tests = await this.#run(() => true);
    return {
      status: DryRunStatus.Complete,
      tests,
      mutantCoverage: this.#context.mutantCoverage ?? { perTest: {}, static: {} },
    };
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    this.#bail = !options.disableBail;
    Object.assign(this.#context, {
      activeMutant: options.activeMutant.id,
      hitLimit: options.hitLimit,
      hitCount: options.hitLimit === undefined ? undefined : 0,
    });
    const wanted = options.testFilter === undefined ? undefined : new Set(options.testFilter);
    try {
      const tests = await this.#run((id) => wanted?.has(id) ?? true);
      const limit = determineHitLimitReached(this.#context.hitCount, options.hitLimit);
      return toMutantRunResult(limit ?? { status: DryRunStatus.Complete, tests });
    } finally {
      delete this.#context.activeMutant;
    }
  }

  async #run(wanted: (id: string) => boolean): Promise<TestResult[]> {
    const results: TestResult[] = [];
    for (const file of this.#files) {
      const selected = new Set(
        file.tests.map(({ id }) => id).filter((id) => wanted(id) && !leftOut?.test(id)),
      );
      if (selected.size === 0) continue;
      this.#running = { file, test: undefined };
      await file.run(selected);
      results.push(...file.tests.filter(({ id }) => selected.has(id)).map(resultOf), ...unownedFailure(file));
      if (this.#bail && results.some(({ status }) => status === TestStatus.Failed)) break;
    }
    this.#running = undefined;
    return results;
  }

  readonly #onEvent = (event: Circus.Event): void => {
    if (this.#running === undefined) return;
    if (event.name === 'test_started') {
      this.#running.test = event.test;
      this.#context.currentTestId = this.#ids.get(event.test) ?? '';
    } else if (event.name === 'test_done') {
      this.#running.test = undefined;
      delete this.#context.currentTestId;
      if (this.#bail && event.test.errors.length > 0) this.#running.file.skipTheRest();
    }
  };

  /** As in Jest, an error that nobody handles fails the test that runs. */
  readonly #onUnhandled = (error: unknown): void => {
    this.#running?.test?.errors.push(error as Circus.TestError);
  };
}

/** Names of tests that are too slow to be run for each mutant. */
const leftOut = env['MUTATION_WITHOUT'] === undefined ? undefined : new RegExp(env['MUTATION_WITHOUT'], 'u');

/** In the order of the scope. Without the files that replace modules: they need modules loaded anew. */
function testPaths(): string[] {
  const patterns = (env['MUTATION_TESTS'] ?? '')
    .split(',')
    .map((name) => `test/unit/${name.endsWith('.ts') ? name : `${name}/**/*.test.ts`}`);
  const paths = new Set(patterns.flatMap((pattern) => globSync(pattern).sort()));
  return [...paths].filter((path) => !readFileSync(path, 'utf8').includes('unstable_mockModule'));
}

function instrumenterContext(): InstrumenterContext {
  const scope = globalThis as { [INSTRUMENTER_CONSTANTS.NAMESPACE]?: InstrumenterContext };
  return (scope[INSTRUMENTER_CONSTANTS.NAMESPACE] ??= {});
}

function resultOf({ id, test }: NamedTest): TestResult {
  const common = { id, name: id, timeSpentMs: test.duration ?? 0 };
  if (test.errors.length > 0) {
    return { ...common, status: TestStatus.Failed, failureMessage: inspect(test.errors[0]) };
  }
  return { ...common, status: test.status === 'done' ? TestStatus.Success : TestStatus.Skipped };
}

function unownedFailure(file: TestFile): TestResult[] {
  const [error] = file.unownedErrors;
  const name = 'outside of the tests';
  return error === undefined
    ? []
    : [{ id: name, name, timeSpentMs: 0, status: TestStatus.Failed, failureMessage: inspect(error) }];
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'in-process', InProcessTestRunner)];
