// Plays seeded histories of runners in trouble, outside of Jest, whose modules run at half the speed:
//   node scripts/histories.ts FIRST LAST [LEAST FILE]
// Prints those that break a promise, with what happened in them, and ends with 1 when there is any. When FILE is there it
// ends as soon as it has played LEAST of them.
import { existsSync } from 'node:fs';

import { playHistory } from '../test/chaos/world/history.ts';
import { World } from '../test/chaos/world/world.ts';

const [first = 1, last = first, least = Infinity] = process.argv.slice(2, 5).map(Number);
const end = process.argv[5] ?? '';
if (!(first >= 1 && last >= first && least >= 1))
  throw new Error('usage: node scripts/histories.ts FIRST LAST [LEAST FILE]');
let broken = 0;
let played = 0;
await World.prepare();
for (let seed = first; seed <= last; seed += 1) {
  if (played >= least && existsSync(end)) break;
  played += 1;
  const { script, violations } = await playHistory(seed);
  if (violations.length === 0) continue;
  broken += 1;
  process.stdout.write(`CHAOS_SEED=${String(seed)}: ${[...script, ...violations].join('; ')}\n`);
}
process.stdout.write(
  `histories ${String(first)} to ${String(first + played - 1)}: ${String(played)} played, ${String(broken)} broken\n`,
);
process.exitCode = broken === 0 ? 0 : 1;
