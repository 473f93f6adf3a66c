/**
 * Plays the chaos for longer than a test run does, and writes its table into docs/reliability.md:
 * `npm run soak -- [--histories N | --minutes N] [--seed FIRST] [--cluster sandbox|current]… [--tests FOLDER]…`. The
 * sweep and the histories are played on the fakes; each cluster that is named gets the end-to-end tests of faults, or
 * those in the folders that are named.
 * Ends with 1 when a promise was broken.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as z from '../src/base/zod.ts';
import { playHistory } from '../test/chaos/world/history.ts';
import { faults } from '../test/chaos/world/simulated-network.ts';
import { sweep, sweptVersions } from '../test/chaos/world/sweep.ts';
import { World } from '../test/chaos/world/world.ts';
import { runCommand } from './run-command.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const document = join(root, 'docs', 'reliability.md');
const markers = ['<!-- made by npm run soak -->', '<!-- end -->'] as const;

interface Row {
  what: string;
  times: number;
  broken: number;
}

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '1000' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    cluster: { type: 'string', multiple: true, default: [] },
    tests: { type: 'string', multiple: true, default: ['test/e2e/faults', 'test/e2e/chaos'] },
  },
});

const rows: Row[] = [];
const lines: string[] = [];

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function playSweeps(): Promise<void> {
  for (const fault of faults) {
    const row = { what: `sweep: each request of a run, \`${fault}\``, times: 0, broken: 0 };
    for (const { behaviour } of sweptVersions) {
      const { runs, differences } = await sweep(behaviour, fault);
      row.times += runs;
      row.broken += differences.length;
      differences.forEach(tell);
    }
    rows.push(row);
  }
}

async function playHistories(): Promise<void> {
  const first = Number(values.seed);
  const untilMs =
    values.minutes === undefined ? undefined : performance.now() + Number(values.minutes) * 60_000;
  const isOver = (played: number): boolean =>
    untilMs === undefined ? played >= Number(values.histories) : performance.now() >= untilMs;
  const begun = process.cpuUsage();
  const times = new Map<string, number>();
  let [played, broken, leftOpen, requests, met] = [0, 0, 0, 0, 0];
  for (; !isOver(played); played += 1) {
    const history = await playHistory(first + played);
    requests += history.requests;
    met += history.faults;
    if (history.isLeftOpen) leftOpen += 1;
    for (const line of history.script) {
      const what = line.replace(/ at \d+ s$/, '');
      if (!what.startsWith('end of ')) times.set(what, (times.get(what) ?? 0) + 1);
    }
    if (history.violations.length === 0) continue;
    broken += 1;
    tell(`CHAOS_SEED=${String(history.seed)}: ${[...history.script, ...history.violations].join('; ')}`);
  }
  const { user, system } = process.cpuUsage(begun);
  rows.push({
    what: `histories (seeds ${String(first)} to ${String(first + played - 1)})`,
    times: played,
    broken,
  });
  for (const [what, count] of [...times].sort()) lines.push(`| in histories: ${what} | ${String(count)} | |`);
  lines.push(`| in histories: requests that met a fault, of ${String(requests)} | ${String(met)} | |`);
  lines.push(`| in histories: cancelled, and the release left open | ${String(leftOpen)} | |`);
  tell(`${String(Math.round(played / ((user + system) / 1e6)))} histories a second of processor time`);
}

/** What Jest writes into its report. */
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      /** The file. */
      name: z.string(),
      assertionResults: z.array(z.object({ title: z.string(), status: z.string() })),
    }),
  ),
});

async function playOn(cluster: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-soak-'));
  try {
    const report = join(folder, 'report.json');
    const command = [process.execPath, join(root, 'scripts', 'e2e.ts'), '--cluster', cluster];
    command.push(...values.tests, `--outputFile=${report}`);
    await runCommand(command, { allowFailure: true, inherit: true, env: process.env });
    const { testResults } = reportSchema.parse(JSON.parse(await readFile(report, 'utf8')));
    const counted = new Map<string, Row>();
    for (const { name, assertionResults } of testResults)
      for (const { title, status } of assertionResults) {
        if (status !== 'passed' && status !== 'failed') continue;
        const [, kind] = /^seed \d+: (\w+)$/.exec(title) ?? [];
        if (kind === undefined && name.includes('/chaos/') && status === 'passed') continue; // about the other tests
        const what =
          kind === undefined
            ? `end-to-end tests of faults on ${cluster}`
            : `a run with a release on ${cluster}, \`${kind}\``;
        const row = counted.get(what) ?? { what, times: 0, broken: 0 };
        counted.set(what, row);
        row.times += 1;
        if (status === 'failed') row.broken += 1;
      }
    rows.push(...[...counted.values()].sort((one, other) => one.what.localeCompare(other.what)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    tell(`the end-to-end tests of faults did not run on ${cluster}: ${reason}`);
    process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function table(): string {
  const date = new Date().toISOString().slice(0, 10);
  const counted = rows.map(({ what, times, broken }) => `| ${what} | ${String(times)} | ${String(broken)} |`);
  return [
    ...[`Played on ${date}:`, '', '| what was injected | times | promises broken |', '| --- | --- | --- |'],
    ...[...counted, ...lines],
  ].join('\n');
}

async function write(): Promise<void> {
  const text = await readFile(document, 'utf8');
  const [before = ''] = text.split(markers[0]);
  const after = text.split(markers[1])[1] ?? '';
  await writeFile(document, `${before}${markers[0]}\n\n${table()}\n\n${markers[1]}${after}`);
}

await World.prepare();
await playSweeps();
await playHistories();
await write(); // what comes next takes long and may be interrupted
for (const cluster of values.cluster) {
  await playOn(cluster);
  await write();
}
tell(table());
if (rows.some(({ broken }) => broken > 0)) process.exitCode = 1;
