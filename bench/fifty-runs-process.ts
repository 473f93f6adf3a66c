/**
 * Runs N runs at once in this process: `node fifty-runs-process.ts N KUBECONFIG NAMESPACE IMAGE`. Prints one line of
 * JSON ({@link RunsTaken}). A process of its own, so that its memory and CPU time are those of the runs alone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

import { connectCluster } from '../src/app/connection.ts';
import { bindPlan } from '../src/app/bind-plan.ts';
import { planFile } from '../src/app/plan-file.ts';
import { runPipeline } from '../src/app/run-pipeline.ts';
import { silentLogger } from '../src/base/logger.ts';
import { Masker } from '../src/base/mask.ts';

/** What N runs at once took in all. */
export interface RunsTaken {
  wallMs: number;
  /** User and system time of this process from the first run's begin to the last one's end. */
  cpuMs: number;
  requests: number;
  peakMiB: number;
  /** Resident before the first run. */
  beforeMiB: number;
}

const [count, kubeconfig, namespace, image] = process.argv.slice(2) as [string, string, string, string];
const mebibyte = 1024 ** 2;

const pipeline = {
  apiVersion: 'slipway.dev/v1',
  kind: 'Pipeline',
  name: 'fifty-runs',
  agent: {
    containers: {
      main: {
        image,
        imagePullPolicy: 'IfNotPresent',
        // Fifty of these fit on a small node.
        resources: { requests: { cpu: '1m', memory: '8Mi' } },
      },
    },
  },
  stages: [
    { name: 'one', run: 'echo one' },
    { name: 'two', run: 'echo two' },
  ],
};

async function main(): Promise<RunsTaken> {
  const signal = AbortSignal.timeout(480_000);
  const directory = await mkdtemp(join(tmpdir(), 'slipway-bench-'));
  const connection = await connectCluster({ kubeconfig, namespace }, { logger: silentLogger, signal });
  const planned = planFile(
    { file: join(directory, 'app.yaml'), text: stringify(pipeline), directory },
    { parameters: {}, trigger: {} },
  );
  const request = {
    connection,
    planned,
    plan: bindPlan(planned, connection),
    policies: [],
    reporters: { all: [] },
    resultsDirectory: directory,
    build: {},
    engine: {},
    logger: silentLogger,
    environment: process.env,
    signal,
  };
  try {
    const beforeMiB = process.memoryUsage.rss() / mebibyte;
    const [started, before] = [performance.now(), process.cpuUsage()];
    const runs = Array.from({ length: Number(count) }, () =>
      runPipeline({ ...request, masker: new Masker() }),
    );
    const results = await Promise.all(runs);
    const [wallMs, cpu] = [performance.now() - started, process.cpuUsage(before)];
    const bad = results.find(({ outcome }) => outcome !== 'succeeded');
    if (bad !== undefined) throw new Error(`a run ended as ${bad.outcome}: ${bad.message ?? ''}`);
    return {
      wallMs,
      cpuMs: (cpu.user + cpu.system) / 1000,
      requests: connection.requestCount(),
      peakMiB: process.resourceUsage().maxRSS / 1024,
      beforeMiB,
    };
  } finally {
    await connection.close();
    await rm(directory, { recursive: true, force: true });
  }
}

console.log(JSON.stringify(await main()));
