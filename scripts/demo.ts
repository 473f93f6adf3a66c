/**
 * `npm run demo`: the main job on the sandbox, on this machine alone. Releases version 1 of examples/quickstart, rolls
 * version 2 out and tries a broken version 3, with clients that count requests all along.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ansis from 'ansis';
import { createPlainReporter } from '../src/adapters/report/plain.ts';
import { Output } from '../src/adapters/report/output.ts';
import { createTreeReporter } from '../src/adapters/report/tree.ts';
import { silentLogger } from '../src/base/logger.ts';
import { Masker } from '../src/base/mask.ts';
import { connectCluster, type Connection } from '../src/app/connection.ts';
import { bindPlan } from '../src/app/bind-plan.ts';
import { readPlan } from '../src/app/plan-file.ts';
import { runPipeline } from '../src/app/run-pipeline.ts';
import { cancelOnSignals } from '../src/cli/cancellation.ts';
import type { RunOutcome } from '../src/ports/events.ts';
import { makeExampleRepository } from '../test/support/example-repository.ts';
import { RequestCounter } from './demo/request-counter.ts';

const namespace = 'quickstart';
const doorPort = 8080;
const { stdout } = process;

/** A Service, as far as it is read here. */
interface ServiceObject {
  spec?: {
    clusterIP?: string;
    selector?: Record<string, string>;
    ports?: { targetPort?: number | string }[];
  };
}

interface Chapter {
  title: string;
  parameters: Record<string, string>;
  expected: RunOutcome;
}

const chapters: readonly Chapter[] = [
  { title: 'Version 1 is released', parameters: { version: '1.0.0' }, expected: 'succeeded' },
  {
    title: 'Version 2 is rolled out while clients send requests',
    parameters: { version: '2.0.0' },
    expected: 'succeeded',
  },
  {
    title: 'Version 3 crashes at start and is rolled back',
    parameters: { version: '3.0.0', fault: 'crash' },
    expected: 'rolledBack',
  },
];

async function main(signal: AbortSignal): Promise<void> {
  print(
    ansis.bold('Slipway on this machine: a sandbox that speaks the Kubernetes API, no cluster, no Docker.\n'),
  );
  const connection = await connectCluster({ cluster: 'sandbox' }, { logger: silentLogger, signal });
  const repository = await makeExampleRepository('quickstart');
  const requests = new RequestCounter(signal);
  try {
    for (const [index, chapter] of chapters.entries()) {
      print(`\n${ansis.bold(`${String(index + 1)}. ${chapter.title}`)}\n`);
      await play(chapter, { connection, directory: repository.directory, requests, signal });
      if (index === 0) requests.start(await openDoor(connection, signal));
    }
    await requests.stop();
    print(`\n${requests.summary()}\n`);
    if (requests.failures > 0)
      throw new Error(`${String(requests.failures)} requests were lost:\n${requests.errors.join('\n')}`);
  } finally {
    await requests.stop();
    await connection.cluster.delete(door, { signal: AbortSignal.timeout(10_000) });
    await repository.remove();
    await connection.close();
  }
  print(nextSteps());
}

interface Stage {
  connection: Connection;
  directory: string;
  requests: RequestCounter;
  signal: AbortSignal;
}

async function play({ parameters, expected }: Chapter, stage: Stage): Promise<void> {
  const { connection, directory, requests, signal } = stage;
  const reporter = stdout.isTTY
    ? createTreeReporter(stdout, () => (requests.running ? [`   ${requests.summary()}`] : []))
    : createPlainReporter({ output: new Output(stdout), timestamps: false, quiet: false });
  const planned = await readPlan(path.join(directory, 'app.yaml'), {
    parameters: { ...parameters, namespace },
    trigger: {},
  });
  const { outcome } = await runPipeline({
    planned,
    plan: bindPlan(planned, connection),
    policies: [],
    connection,
    reporters: { all: [reporter] },
    resultsDirectory: path.join(directory, 'slipway-results'),
    build: {},
    engine: {},
    masker: new Masker(),
    logger: silentLogger,
    environment: process.env,
    signal,
  });
  if (outcome !== expected) throw new Error(`the run ended as ${outcome}, not as ${expected}`);
}

const door = { apiVersion: 'v1', kind: 'Service', namespace, name: 'quickstart-door' };

/**
 * A second Service of the same pods, for the clients that count: only root's sandbox may listen on the first one's port
 * 80 of this machine. Resolves when it answers.
 */
async function openDoor({ cluster }: Connection, signal: AbortSignal): Promise<string> {
  const reference = { ...door, name: 'quickstart' };
  const service = (await cluster.get(reference, { signal })) as ServiceObject | undefined;
  const { selector, ports: [{ targetPort } = {}] = [] } = service?.spec ?? {};
  await cluster.delete(door, { signal });
  const { name, apiVersion, kind } = door;
  const created = (await cluster.create(
    {
      ...{ apiVersion, kind, metadata: { name, namespace } },
      spec: { selector, ports: [{ port: doorPort, targetPort }] },
    },
    { signal },
  )) as ServiceObject;
  const url = `http://${created.spec?.clusterIP ?? ''}:${String(doorPort)}/version`;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  while (!(await fetch(url, { signal: deadline }).catch(() => undefined))?.ok) {
    deadline.throwIfAborted();
    await sleep(50, undefined, { signal: deadline });
  }
  return url;
}

function nextSteps(): string {
  return `
${ansis.bold('Look around')} (the sandbox runs until you stop it):
  alias pipeline="$PWD/node_modules/.bin/node $PWD/dist/main.js"
  pipeline sandbox status
  export KUBECONFIG=$(pipeline sandbox kubeconfig)
  kubectl -n quickstart get deployments,replicasets,pods,services
  pipeline release history quickstart -n quickstart --cluster sandbox

${ansis.bold('Try next')}:
  pipeline validate examples/quickstart/app.yaml
  pipeline run examples/quickstart/app.yaml --cluster sandbox -p version=4.0.0
  pipeline sandbox stop

${ansis.bold('Your own application')}: docs/pipeline-file.md; on your cluster: pipeline doctor app.yaml
`;
}

function print(text: string): void {
  stdout.write(text);
}

const { signal, dispose } = cancelOnSignals();
try {
  await main(signal);
} catch (error) {
  process.stderr.write(`\nthe demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  dispose();
}
