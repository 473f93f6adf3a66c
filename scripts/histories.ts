// Plays seeded histories of runners in trouble, outside of Jest, whose modules run at half the speed:
//   node scripts/histories.ts FIRST LAST [LEAST]
// Prints those that break a promise, with what happened in them, and ends with 1 when there is any. On SIGTERM it ends as
// soon as it has played LEAST of them (default: all).
import { setImmediate } from 'node:timers/promises';

import { playHistory } from '../test/chaos/world/history.ts';
import { World } from '../test/chaos/world/world.ts';

const [first = 1, last = first, least = last - first + 1] = process.argv.slice(2).map(Number);
if (!(first >= 1 && last >= first && least >= 1))
  throw new Error('usage: node scripts/histories.ts FIRST LAST [LEAST]');
let broken = 0;
let played = 0;
const ending = new AbortController();
process.on('SIGTERM', () => ending.abort());
await World.prepare();
for (let seed = first; seed <= last; seed += 1) {
  if (ending.signal.aborted && played >= least) break;
  // What a history waits for comes in the same turn of the event loop; signals come in the next.
  await setImmediate();
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
