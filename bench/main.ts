/**
 * Measures Slipway against the same work done otherwise: `npm run bench [-- NAME…]`, where a NAME is a part of a
 * benchmark's name. Most need the cluster of KUBECONFIG, and kubectl; without they are skipped, which is said. Prints
 * medians, least and greatest, and ratios; also written to test-results/bench.json. docs/performance.md holds figures.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCommand } from '../scripts/run-command.ts';
import type { Bench } from './bench.ts';
import { cliStart } from './cli-start.ts';
import { fiftyRunsOnCluster, fiftyRunsOnSandbox } from './fifty-runs.ts';
import { describeFigures, takeFigures, type Figures, type FiguresTaken } from './figures.ts';
import { fiveStages } from './five-stages.ts';
import { logThroughput } from './log-throughput.ts';
import { masking } from './masking.ts';
import { describe, measure, type Comparison, type Measurement } from './measure.ts';
import { reconnect } from './reconnect.ts';
import { resume } from './resume.ts';
import { sandboxDeployment } from './sandbox-deployment.ts';
import { sandboxKubectl } from './sandbox-kubectl.ts';
import { sandboxObjects } from './sandbox-objects.ts';
import { sandboxStart } from './sandbox-start.ts';
import { workspaceToBuilder } from './workspace-to-builder.ts';

const onThisMachine = [
  cliStart,
  masking,
  sandboxStart,
  sandboxDeployment,
  sandboxObjects,
  fiftyRunsOnSandbox,
];
const onCluster = [
  fiveStages,
  logThroughput,
  workspaceToBuilder,
  reconnect,
  resume,
  sandboxKubectl,
  fiftyRunsOnCluster,
];

type Result = Measurement | FiguresTaken;

async function main(wanted: readonly string[]): Promise<void> {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const bench: Bench = {
    root,
    cli: join(root, 'dist', 'main.js'),
    namespace: `bench-${randomBytes(3).toString('hex')}`,
    image: process.env['SLIPWAY_BENCH_IMAGE'] ?? 'debian:bookworm-slim',
  };
  const choose = (benchmarks: readonly ((bench: Bench) => (Comparison | Figures)[])[]) =>
    benchmarks
      .flatMap((benchmark) => benchmark(bench))
      .filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  const [here, there] = [choose(onThisMachine), choose(onCluster)];
  if (here.length + there.length === 0) throw new Error(`no benchmark is called ${wanted.join(' or ')}`);
  await runCommand(['npm', 'run', 'build'], { cwd: root });
  const results: Result[] = [];
  for (const benchmark of here) results.push(await take(benchmark));
  if (there.length > 0) await takeOnCluster(there, bench, results);
  await mkdir(join(root, 'test-results'), { recursive: true });
  await writeFile(join(root, 'test-results', 'bench.json'), `${JSON.stringify(results, undefined, 2)}\n`);
}

async function takeOnCluster(
  benchmarks: readonly (Comparison | Figures)[],
  { namespace }: Bench,
  results: Result[],
): Promise<void> {
  const answer = await runCommand(['kubectl', 'get', '--raw', '/readyz', '--request-timeout=10s'], {
    allowFailure: true,
  });
  if (answer.exitCode !== 0) {
    const names = benchmarks.map(({ name }) => name).join(', ');
    console.log(`skipped: ${names}: no cluster answers: ${answer.stderr.trim()}`);
    return;
  }
  await runCommand(['kubectl', 'create', 'namespace', namespace]);
  try {
    for (const benchmark of benchmarks) results.push(await take(benchmark));
  } finally {
    await runCommand(['kubectl', 'delete', 'namespace', namespace, '--wait=false']);
  }
}

async function take(benchmark: Comparison | Figures): Promise<Result> {
  try {
    if ('parts' in benchmark) {
      const taken = await takeFigures(benchmark);
      console.log(`${describeFigures(taken)}\n`);
      return taken;
    }
    const measurement = await measure(benchmark);
    console.log(`${describe(measurement)}\n`);
    return measurement;
  } finally {
    await benchmark.close?.();
  }
}

await main(process.argv.slice(2));
