/**
 * Adds up the results that jest wrote: `node scripts/sum-tests.ts FILE.json…`. Other JSON files are passed over.
 * Ends with 1 when no test passed or one failed.
 */
import { readFile } from 'node:fs/promises';

interface JestResults {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Files that could not be run at all: their tests are in no other number. */
  numRuntimeErrorTestSuites: number;
}

const sum = { passed: 0, failed: 0, skipped: 0 };
const files = process.argv.slice(2);
for (const file of files) {
  const results = JSON.parse(await readFile(file, 'utf8')) as Partial<JestResults>;
  if (results.numPassedTests === undefined) continue;
  sum.passed += results.numPassedTests;
  sum.failed += (results.numFailedTests ?? 0) + (results.numRuntimeErrorTestSuites ?? 0);
  sum.skipped += (results.numPendingTests ?? 0) + (results.numTodoTests ?? 0);
}
console.log(`tests: ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
if (sum.passed === 0 || sum.failed > 0) process.exitCode = 1;
