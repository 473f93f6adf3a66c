/**
 * Measures Slipway against the same work done otherwise: `npm run bench [-- NAME…]`, where a NAME is a part of a
 * comparison's name. Needs the cluster of KUBECONFIG, and kubectl. Prints medians, least and greatest, and ratios; also
 * written to test-results/bench.json. docs/performance.md holds figures.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCommand } from '../scripts/run-command.ts';
import type { Bench } from './bench.ts';
import { cliStart } from './cli-start.ts';
import { fiveStages } from './five-stages.ts';
import { logThroughput } from './log-throughput.ts';
import { describe, measure, type Measurement } from './measure.ts';
import { workspaceToBuilder } from './workspace-to-builder.ts';

const benchmarks = [cliStart, fiveStages, logThroughput, workspaceToBuilder];

async function main(wanted: readonly string[]): Promise<void> {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const bench: Bench = {
    root,
    cli: join(root, 'dist', 'main.js'),
    namespace: `bench-${randomBytes(3).toString('hex')}`,
    image: process.env['SLIPWAY_BENCH_IMAGE'] ?? 'debian:bookworm-slim',
  };
  const comparisons = benchmarks
    .flatMap((benchmark) => benchmark(bench))
    .filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  if (comparisons.length === 0) throw new Error(`no comparison is called ${wanted.join(' or ')}`);
  await runCommand(['npm', 'run', 'build'], { cwd: root });
  await runCommand(['kubectl', 'create', 'namespace', bench.namespace]);
  const measurements: Measurement[] = [];
  try {
    for (const comparison of comparisons) {
      const measurement = await measure(comparison);
      measurements.push(measurement);
      console.log(`${describe(measurement)}\n`);
    }
  } finally {
    await runCommand(['kubectl', 'delete', 'namespace', bench.namespace, '--wait=false']);
  }
  await mkdir(join(root, 'test-results'), { recursive: true });
  await writeFile(
    join(root, 'test-results', 'bench.json'),
    `${JSON.stringify(measurements, undefined, 2)}\n`,
  );
}

await main(process.argv.slice(2));
