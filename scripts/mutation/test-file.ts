import type { Circus } from '@jest/types';
import { getState, resetState, run, setState } from 'jest-circus';
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A test of a file, under a name that no other test has. */
export interface NamedTest {
  readonly id: string;
  readonly test: Circus.TestEntry;
}

/** The tests of a file, loaded once and run as often as there are mutants. */
export class TestFile {
  readonly tests: readonly NamedTest[];
  readonly #state: Circus.State;

  private constructor(path: string, state: Circus.State) {
    this.#state = state;
    this.tests = withUniqueIds(testsOf(state.rootDescribeBlock, [relative(process.cwd(), path)]));
  }

  static async load(path: string): Promise<TestFile> {
    resetState();
    getState().testTimeout = 30_000;
    await import(pathToFileURL(path).href);
    return new TestFile(path, getState());
  }

  /** Runs the tests that are selected; whether one has failed shows in its errors. */
  async run(selected: ReadonlySet<string>): Promise<void> {
    const modes = this.tests.map(({ test }) => test.mode);
    for (const { id, test } of this.tests) {
      test.errors = [];
      if (!selected.has(id)) test.mode = 'skip';
    }
    this.#state.unhandledErrors.length = 0;
    setState(this.#state);
    try {
      await run();
    } finally {
      for (const [index, { test }] of this.tests.entries()) test.mode = modes[index];
    }
  }

  /** Errors that belong to no test, such as those of `afterAll`. */
  get unownedErrors(): readonly unknown[] {
    return this.#state.unhandledErrors as readonly unknown[];
  }

  skipTheRest(): void {
    for (const { test } of this.tests) test.mode = 'skip';
  }
}

function testsOf(block: Circus.DescribeBlock, path: readonly string[]): NamedTest[] {
  return block.children.flatMap((child): NamedTest[] =>
    child.type === 'test'
      ? [{ id: [...path, child.name].join(' > '), test: child }]
      : testsOf(child, [...path, child.name]),
  );
}

function withUniqueIds(tests: readonly NamedTest[]): NamedTest[] {
  const seen = new Map<string, number>();
  return tests.map(({ id, test }) => {
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    return { id: count === 1 ? id : `${id} (${String(count)})`, test };
  });
}
