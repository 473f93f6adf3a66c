import { env } from 'node:process';

const scope = env.MUTATION_SCOPE ?? 'files';

/** Mutation testing, started by `npm run test:mutation` (scripts/mutation.ts; docs/testing.md). */
export default {
  testRunner: 'in-process',
  plugins: ['./scripts/mutation/test-runner.ts'],
  testRunnerNodeArgs: ['--disable-warning=ExperimentalWarning'],
  coverageAnalysis: 'perTest',
  // A static mutant needs the tests loaded anew, which costs more than all others together.
  ignoreStatic: true,
  concurrency: 1,
  // A test that waits in vain takes this long, and the loading of the tests after it.
  timeoutMS: Number(env.MUTATION_TIMEOUT ?? 3_000),
  tempDirName: '.cache/stryker',
  incremental: true,
  incrementalFile: `.cache/mutation/${scope}.incremental.json`,
  ignorePatterns: ['dist', 'coverage', 'test-results', 'slipway-results', '.cache'],
  reporters: ['clear-text', 'json', 'progress-append-only'],
  jsonReporter: { fileName: `.cache/mutation/${scope}.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 85, break: null },
};
