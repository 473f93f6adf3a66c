import { join } from 'node:path';

import { e2eEnvironment, type E2eEnvironment } from './e2e-environment.ts';
import { expectNothingLeft } from './leftovers.ts';
import {
  runPipeline,
  startPipeline,
  type PipelineOptions,
  type PipelineResult,
  type RunningPipeline,
} from './pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder, type StageText } from './pipeline-folder.ts';
import { clusterArguments } from './runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from './runner-namespaces.ts';
import { waitFor } from './wait-for.ts';

/** How `pipeline run` is called in a test of faults. */
export interface RunSettings extends PipelineOptions {
  /** Further keys of the pipeline file. */
  document?: Record<string, unknown>;
  /** Further arguments. */
  args?: readonly string[];
  /** Reach the cluster by this file, through a proxy that the test has put before the API. */
  kubeconfig?: string;
}

/** The command `pipeline` over namespaces and a folder of its own. */
export interface CommandBench {
  environment: E2eEnvironment;
  namespaces: RunnerNamespaces;
  folder: PipelineFolder;
  /** Arguments and settings of a run, for tests that start it in a way of their own. */
  runOf(stages: readonly StageText[], settings?: RunSettings): Promise<[string[], PipelineOptions]>;
  /** Runs stages to their end. */
  run(stages: readonly StageText[], settings?: RunSettings): Promise<PipelineResult>;
  /** The same, while it goes on. */
  begin(stages: readonly StageText[], settings?: RunSettings): Promise<RunningPipeline>;
  /** Runs any other command on the same cluster and namespace. */
  command(...args: string[]): Promise<PipelineResult>;
  /** Runs a command whose arguments say all. */
  runAnywhere(...args: string[]): Promise<PipelineResult>;
  /** The agent pods of a run that are not ending. */
  pods(runId: string): Promise<string[]>;
  /** Runs a shell script in the first container of a run's agent pod, beside its steps; waits until it is not refused. */
  inPod(runId: string, script: string): Promise<string>;
  /** Waits until nothing of ours is left but records of runs that have ended. */
  expectNothingLeft(): Promise<void>;
  /** Kills runs that still go on, and removes namespaces and folder. */
  remove(): Promise<void>;
}

/** Makes the bench; `name` goes into the names of namespaces and pipelines. */
export async function makeCommandBench(name: string): Promise<CommandBench> {
  const environment = e2eEnvironment();
  const namespaces = await makeRunnerNamespaces(environment, name);
  const folder = await makePipelineFolder(name);
  const { admin, agents } = namespaces;
  const alive = new Set<RunningPipeline>();
  const env = { KUBECONFIG: namespaces.kubeconfig };

  const runOf: CommandBench['runOf'] = async (stages, settings = {}) => {
    const { document = {}, args = [], kubeconfig, ...options } = settings;
    const file = await folder.pipeline(stages, document);
    const place =
      kubeconfig === undefined
        ? clusterArguments(environment, namespaces)
        : ['--kubeconfig', kubeconfig, '--namespace', agents];
    const all = ['run', file, ...place, '--results', join(folder.path, 'results'), ...args];
    return [all, { timeoutMs: 240_000, ...options, env: { ...env, ...options.env } }];
  };
  const begin: CommandBench['begin'] = async (stages, settings) => {
    const running = startPipeline(...(await runOf(stages, settings)));
    alive.add(running);
    void running.result.finally(() => alive.delete(running));
    return running;
  };
  const pods: CommandBench['pods'] = async (runId) => {
    const { items } = await admin.json<{
      items: { metadata: { name: string; deletionTimestamp?: string } }[];
    }>(['get', 'pods', '--namespace', agents, '--selector', `slipway.dev/run=${runId}`]);
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name);
  };

  return {
    environment,
    namespaces,
    folder,
    runOf,
    begin,
    run: async (stages, settings) => (await begin(stages, settings)).result,
    command: (...args) =>
      runPipeline([...args, ...clusterArguments(environment, namespaces)], { env, timeoutMs: 240_000 }),
    runAnywhere: (...args) => runPipeline(args, { env, timeoutMs: 240_000 }),
    pods,
    inPod: (runId, script) =>
      waitFor(`the agent pod of ${runId} to run ${script}`, async () => {
        const [pod] = await pods(runId);
        if (pod === undefined) return undefined;
        const { exitCode, stdout } = await admin.try([
          ...['exec', pod, '--namespace', agents, '--', 'sh', '-c', script],
        ]);
        return exitCode === 0 ? stdout : undefined;
      }),
    expectNothingLeft: () => expectNothingLeft(namespaces),
    remove: async () => {
      for (const running of alive) running.child.kill('SIGKILL');
      await folder.remove();
      await namespaces.remove();
    },
  };
}

/** The id of a run that has begun, from its first line. */
export async function runIdOf(running: RunningPipeline): Promise<string> {
  const [, id = ''] = await running.output(/run ([0-9A-Z]{26}) of/);
  return id;
}
