import { join } from 'node:path';

import { e2eEnvironment } from './e2e-environment.ts';
import { runPipeline, startPipeline, type PipelineResult, type RunningPipeline } from './pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder, type StageText } from './pipeline-folder.ts';
import { clusterArguments, ourObjects } from './runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from './runner-namespaces.ts';

/** The value of the secret that the tests of runs give by PASSWORD. */
export const password = 'correct-horse-battery-staple';

/** A run as `pipeline runs --output json` lists it. */
interface RunLine {
  runId: string;
  state: string;
  holder?: string;
}

/** Runs of the command `pipeline` that are listed, followed, killed and resumed. */
export interface RunsBench {
  folder: PipelineFolder;
  namespaces: RunnerNamespaces;
  /** Runs a command on the test cluster to its end. */
  pipeline(...args: string[]): Promise<PipelineResult>;
  /** The same, while it goes on. */
  begin(...args: string[]): RunningPipeline;
  /** Starts a run; resolves when it has told its id. */
  beginRun(
    stages: readonly StageText[],
    more?: Record<string, unknown>,
    ...options: string[]
  ): Promise<{ running: RunningPipeline; id: string }>;
  runsNow(): Promise<RunLine[]>;
  stateOf(id: string): Promise<string | undefined>;
  /** Objects of ours in the agents' namespace. */
  left(): Promise<string[]>;
  /** Kills a runner as a machine that dies would. */
  kill(running: RunningPipeline): Promise<void>;
  /** Kills what a test left going on. */
  killAll(): Promise<void>;
  /** Removes namespaces and folder. */
  remove(): Promise<void>;
}

/** Makes the bench; `name` goes into the names of namespaces and pipelines. */
export async function makeRunsBench(name: string): Promise<RunsBench> {
  const environment = e2eEnvironment();
  const namespaces = await makeRunnerNamespaces(environment, name);
  const folder = await makePipelineFolder(name);
  const started = new Set<RunningPipeline>();
  const settings = {
    env: { KUBECONFIG: namespaces.kubeconfig, PASSWORD: password },
    timeoutMs: 240_000,
  };
  const withCluster = (args: readonly string[]) => [...args, ...clusterArguments(environment, namespaces)];

  const pipeline: RunsBench['pipeline'] = (...args) => runPipeline(withCluster(args), settings);
  const begin: RunsBench['begin'] = (...args) => {
    const running = startPipeline(withCluster(args), settings);
    started.add(running);
    return running;
  };
  const runsNow: RunsBench['runsNow'] = async () => {
    const { stdout } = await pipeline('runs', '--output', 'json');
    const lines = stdout.trim().split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RunLine);
  };
  const kill: RunsBench['kill'] = async (running) => {
    running.child.kill('SIGKILL');
    await running.result;
    started.delete(running);
  };

  return {
    folder,
    namespaces,
    pipeline,
    begin,
    beginRun: async (stages, more = {}, ...options) => {
      const file = await folder.pipeline(stages, more);
      const running = begin('run', file, '--results', join(folder.path, 'results'), ...options);
      const [, id = ''] = await running.output(/run ([0-9A-Z]{26}) of/);
      return { running, id };
    },
    runsNow,
    stateOf: async (id) => (await runsNow()).find(({ runId }) => runId === id)?.state,
    left: () => ourObjects(namespaces.admin, namespaces.agents),
    kill,
    killAll: async () => {
      for (const running of started) await kill(running);
    },
    remove: async () => {
      await folder.remove();
      await namespaces.remove();
    },
  };
}
