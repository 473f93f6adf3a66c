// Plays seeded histories of releases in trouble, by each strategy, outside of Jest, whose modules run at half the speed:
//   node scripts/release-histories.ts FIRST LAST [LEAST FILE [RESULTS]]
// Prints those that break a promise, made as small as they can be made in a minute, and ends with 1 when there is any. When
// FILE is there it ends as soon as it has played LEAST seeds. Writes to RESULTS what scripts/sum-tests.ts counts: a test a
// strategy.
import { existsSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import fc from 'fast-check';

import { historiesOf, strategyNames, type StrategyName } from '../test/unit/release/histories/history.ts';
import { playReleaseHistory } from '../test/unit/release/histories/play-history.ts';

const [first = 1, last = first, least = Infinity] = process.argv.slice(2, 5).map(Number);
const [end = '', results] = process.argv.slice(5);
if (!(first >= 1 && last >= first && least >= 1))
  throw new Error('usage: node scripts/release-histories.ts FIRST LAST [LEAST FILE [RESULTS]]');

const smallerMs = 60_000;

/** @returns what breaks a promise, for people; undefined: nothing does */
async function play(strategy: StrategyName, seed: number): Promise<string | undefined> {
  let broken: readonly string[] = [];
  const property = fc.asyncProperty(historiesOf(strategy), async (history) => {
    const played = await playReleaseHistory(history);
    if (played.broken.length === 0) return;
    broken = [...played.told, ...played.broken];
    throw new Error('broken');
  });
  const { failed, counterexample } = await fc.check(property, {
    seed,
    numRuns: 1,
    interruptAfterTimeLimit: smallerMs,
  });
  return failed ? `${JSON.stringify(counterexample?.[0])}\n  ${broken.join('\n  ')}` : undefined;
}

const broken = new Map(strategyNames.map((strategy) => [strategy, 0]));
let played = 0;
for (let seed = first; seed <= last; seed += 1) {
  if (played >= least && existsSync(end)) break;
  played += 1;
  for (const strategy of strategyNames) {
    const text = await play(strategy, seed);
    if (text === undefined) continue;
    broken.set(strategy, (broken.get(strategy) ?? 0) + 1);
    process.stdout.write(`${strategy}, seed ${String(seed)}: ${text}\n`);
  }
}
const counts = [...broken].map(([strategy, count]) => `${strategy} ${String(count)} broken`).join(', ');
process.stdout.write(
  `release histories ${String(first)} to ${String(first + played - 1)}: ${String(played)} of each strategy played, ${counts}\n`,
);
const failed = [...broken.values()].filter((count) => count > 0).length;
if (results !== undefined)
  writeFileSync(
    results,
    JSON.stringify({ numPassedTests: broken.size - failed, numFailedTests: failed, numPendingTests: 0 }),
  );
process.exitCode = failed === 0 ? 0 : 1;
