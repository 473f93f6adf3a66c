/** One test case of a JUnit file. */
export interface TestCase {
  suite: string;
  name: string;
  outcome: 'passed' | 'failed' | 'skipped';
  /** Seconds, as JUnit has it. */
  seconds: number;
  /** First lines of the failure, bounded. */
  message?: string;
}

/** What the JUnit files of a stage say together. `failures` is bounded to the first 50. */
export interface TestSummary {
  files: number;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  failures: readonly TestCase[];
}
