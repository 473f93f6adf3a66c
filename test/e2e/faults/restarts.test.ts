import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { e2eEnvironment } from '../../support/e2e-environment.ts';
import { endingPodsGone } from '../../support/ending-pods.ts';
import { startLoad } from '../../support/load-client.ts';
import { expectExit, startPipeline, type RunningPipeline } from '../../support/pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder, type StageText } from '../../support/pipeline-folder.ts';
import { clusterArguments, ourObjects } from '../../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../../support/runner-namespaces.ts';
import { startRelease, webManifests } from '../release-runner.ts';

// Parts of the cluster itself are restarted here, by commands that the environment names. Without them the tests are
// skipped: they need a cluster that nobody else uses meanwhile.
//   SLIPWAY_TEST_RESTART_API      restarts kube-apiserver; returns when it answers again
//   SLIPWAY_TEST_RESTART_RUNTIME  restarts the node's container runtime; returns when the node is ready again
const restartApi = process.env['SLIPWAY_TEST_RESTART_API'];
const restartRuntime = process.env['SLIPWAY_TEST_RESTART_RUNTIME'];
const withApi = restartApi === undefined ? it.skip : it;
const withRuntime = restartRuntime === undefined ? it.skip : it;

jest.setTimeout(400_000);

const environment = e2eEnvironment();
let place: RunnerNamespaces;
let folder: PipelineFolder;

beforeAll(async () => {
  place = await makeRunnerNamespaces(environment, 'restarts');
  folder = await makePipelineFolder('restarts');
});
afterAll(async () => {
  await folder.remove();
  await place.remove();
});

async function begin(stages: readonly StageText[]): Promise<RunningPipeline> {
  const file = await folder.pipeline(stages);
  return startPipeline(['run', file, ...clusterArguments(environment, place)], {
    env: { KUBECONFIG: place.kubeconfig },
    cwd: folder.path,
    timeoutMs: 300_000,
  });
}

const shell = (command = '') => promisify(execFile)('/bin/sh', ['-c', command], { timeout: 180_000 });

describe('an API server that is restarted', () => {
  withApi('during a step loses neither the step nor a line', async () => {
    const script = 'i=0; while [ "$i" -lt 400 ]; do i=$((i+1)); echo "line $i"; sleep 0.05; done; exit 9';
    const running = await begin([{ name: 'count', run: script }]);
    await running.output(/line 20\n/);

    await shell(restartApi);
    const result = await running.result;

    expectExit(result, 1);
    expect(result.stdout).toMatch(/\[count\] == failed .*exit code 9\n/);
    const lines = [...result.stdout.matchAll(/^\[count\] line (\d+)$/gm)].map(([, number]) => Number(number));
    expect(lines).toEqual(Array.from({ length: 400 }, (_item, index) => index + 1));
    expect(await ourObjects(place.admin, place.agents)).toEqual([]);
  });

  withApi('during a rollout loses no request of the service', async () => {
    const order = { kubeconfig: place.kubeconfig, namespace: place.application, settings: {} };
    const first = await startRelease(webManifests({ version: '1' }), { ...order, runId: 'first' });
    expect(await first.result()).toMatchObject({ outcome: 'succeeded' });
    const { admin, application: namespace, agents: from } = place;
    const load = await startLoad({ environment, admin, namespace, service: 'web', from });
    const second = await startRelease(webManifests({ version: '2', minReadySeconds: 2 }), {
      ...order,
      runId: 'second',
    });
    await second.saw(
      'the rollout',
      ({ phase, message }) => phase === 'progressing' && /[12]\/3/.test(message ?? ''),
    );

    await shell(restartApi);

    // The whole result, so that a failure says why the release was rolled back.
    const { outcome, ...told } = await second.result();
    expect({ outcome, told }).toEqual({ outcome: 'succeeded', told });
    await endingPodsGone(admin, namespace);
    expect(await load.stop()).toMatchObject({ failures: 0, errors: [], last: '2' });
  });
});

describe('a container runtime that is restarted', () => {
  withRuntime('during a step ends the run as infrastructure within seconds, and leaves nothing', async () => {
    const running = await begin([{ name: 'long', run: 'echo begun; sleep 600' }]);
    await running.output(/\[long\] begun/);

    const restarted = shell(restartRuntime).then(() => Date.now());
    const ended = running.result.then((result) => ({ result, at: Date.now() }));
    const [readyAt, { result, at }] = await Promise.all([restarted, ended]);

    expectExit(result, 3);
    expect(at - readyAt).toBeLessThan(60_000);
    expect(result.stdout).toMatch(/slipway: container main of agent pod \S+ ended with exit code \d+/);
    expect(result.stdout).toMatch(/\[long\] == infrastructure failure/);
    expect(await ourObjects(place.admin, place.agents)).toEqual([]);
  });

  withRuntime(
    'is outlived by a stage that retries on infrastructure: it runs again in a new pod',
    async () => {
      const retried = { retry: { max: 1, on: ['infrastructure'] } };
      const script = 'echo begun; sleep 40';
      const running = await begin([{ name: 'long', ...retried, run: script }]);
      await running.output(/\[long\] begun/);

      await shell(restartRuntime);
      const result = await running.result;

      expectExit(result, 0);
      expect(result.stdout).toMatch(/\[long\] .*ended with exit code \d+.*; next attempt in/);
      expect([...result.stdout.matchAll(/^\[long\] begun/gm)]).toHaveLength(2);
      expect(await ourObjects(place.admin, place.agents)).toEqual([]);
    },
  );
});
