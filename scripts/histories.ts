// Plays seeded histories of runners in trouble, outside of Jest, whose modules run at half the speed:
//   node scripts/histories.ts FIRST LAST
// Prints those that break a promise, with what happened in them, and ends with 1 when there is any.
import { playHistory } from '../test/chaos/world/history.ts';
import { World } from '../test/chaos/world/world.ts';

const [first = 1, last = first] = process.argv.slice(2).map(Number);
if (!(first >= 1 && last >= first)) throw new Error('usage: node scripts/histories.ts FIRST LAST');
let broken = 0;
await World.prepare();
for (let seed = first; seed <= last; seed += 1) {
  const { script, violations } = await playHistory(seed);
  if (violations.length === 0) continue;
  broken += 1;
  process.stdout.write(`CHAOS_SEED=${String(seed)}: ${[...script, ...violations].join('; ')}\n`);
}
process.stdout.write(`histories ${String(first)} to ${String(last)}: ${String(broken)} broken\n`);
process.exitCode = broken === 0 ? 0 : 1;
