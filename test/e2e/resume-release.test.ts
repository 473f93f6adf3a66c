import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { endingPodsGone } from '../support/ending-pods.ts';
import { startLoad, type LoadClient } from '../support/load-client.ts';
import { expectExit, runPipeline, startPipeline } from '../support/pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder } from '../support/pipeline-folder.ts';
import { clusterArguments, ourObjects } from '../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { webManifests } from './release-runner.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
let place: RunnerNamespaces;
let folder: PipelineFolder;
let load: LoadClient | undefined;

beforeAll(async () => {
  place = await makeRunnerNamespaces(environment, 'resume');
  folder = await makePipelineFolder('web');
});
afterEach(() => load?.stop());
afterAll(async () => {
  await folder.remove();
  await place.remove();
});

/** A file that releases this version of the service. */
function release(version: string): Promise<string> {
  return folder.pipeline([
    {
      name: 'source',
      env: { MANIFESTS: webManifests({ version, minReadySeconds: 2 }) },
      run: 'mkdir -p k8s && printf %s "$MANIFESTS" > k8s/app.yaml && echo x >> ../begun',
    },
    { name: 'deploy', deploy: { manifests: 'k8s/*.yaml', namespace: place.application } },
    { name: 'once', run: 'echo "begun $(wc -l < ../begun) times"' },
  ]);
}

const settings = () => ({ env: { KUBECONFIG: place.kubeconfig }, timeoutMs: 240_000, cwd: folder.path });
const at = () => clusterArguments(environment, place);

describe('a release whose runner is killed in the middle of the rollout', () => {
  it('is brought to its end by `pipeline resume`, and the service loses no request', async () => {
    expectExit(await runPipeline(['run', await release('1'), ...at()], settings()), 0);
    const { admin, application: namespace, agents: from } = place;
    load = await startLoad({ environment, admin, namespace, service: 'web', from });
    const running = startPipeline(['run', await release('2'), ...at()], settings());
    const [, id = ''] = await running.output(/run ([0-9A-Z]{26}) of/);
    await running.output(/\[deploy\] web: .*[12]\/3/);
    running.child.kill('SIGKILL');
    await running.result;

    const resumed = await runPipeline(['resume', id, ...at()], settings());

    expectExit(resumed, 0);
    expect(resumed.stdout).toMatch(/done: source; resumed at: deploy; pending: once\n/);
    expect(resumed.stdout).toMatch(/\[deploy\] resuming revision \d+ of web in phase/);
    expect(resumed.stdout).toMatch(/begun 1 times\n/);
    await endingPodsGone(admin, namespace);
    const seen = await load.stop();
    load = undefined;
    expect(seen).toMatchObject({ failures: 0, errors: [], last: '2' });
    expect(await ourObjects(admin, from)).toEqual([]);
  });
});
