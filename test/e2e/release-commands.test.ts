import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { endingPodsGone } from '../support/ending-pods.ts';
import { startLoad } from '../support/load-client.ts';
import { expectExit, runPipeline, startPipeline } from '../support/pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder } from '../support/pipeline-folder.ts';
import { clusterArguments } from '../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { waitFor } from '../support/wait-for.ts';
import { liveDeployment, readyGroups } from './live-deployment.ts';
import { startRelease, webManifests, type WebOptions } from './release-runner.ts';

const minutes = 60_000;
const strategy = { canary: { steps: [{ weight: 25 }, { pause: true }, { weight: 75 }] } };

describe('the commands of a canary release of a service under load', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let folder: PipelineFolder;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'commands');
    folder = await makePipelineFolder('web');
  }, 2 * minutes);

  afterAll(async () => {
    await folder.remove();
    await place.remove();
  }, minutes);

  const release = (options: WebOptions, runId = `run-${String(++run)}`) =>
    startRelease(webManifests({ replicas: 4, ...options }), {
      kubeconfig: place.kubeconfig,
      runId,
      namespace: place.application,
      settings: { strategy },
    });

  const settings = () => ({
    env: { KUBECONFIG: place.kubeconfig },
    timeoutMs: 3 * minutes,
    cwd: folder.path,
  });
  const command = (name: string, ...more: string[]) => [
    ...['release', name, 'web', '--namespace', place.application, ...more],
  ];
  const give = async (name: string) => {
    const given = await runPipeline(command(name), settings());
    expectExit(given, 0);
    return given.stdout;
  };
  const status = () => give('status');
  const shows = (text: RegExp) =>
    waitFor(`a status like ${String(text)}`, async () => text.exec(await status())?.[0]);

  /** Ready pods by ReplicaSet, the fewest first. */
  const groups = () => readyGroups(place);
  const groupsAre = (...wanted: number[]) =>
    waitFor(`groups of ${wanted.join(' and ')} ready pods`, async () => {
      const now = await groups();
      return now.join() === wanted.join() ? now : undefined;
    });
  const scale = (replicas: number) =>
    place.admin.run([
      ...['scale', 'deployment/web', '--replicas', String(replicas), '--namespace', place.application],
    ]);

  it(
    'pause, resume, detach and retry it from other processes, through kill -9 and a scaling, and lose no request',
    async () => {
      expect(await (await release({ version: '1' })).result()).toMatchObject({ outcome: 'succeeded' });
      const before = await liveDeployment(place);
      const { admin, application: namespace, agents: from } = place;
      const load = await startLoad({ environment, admin, namespace, service: 'web', from });

      // It is paused while its first pod starts, scaled, killed, and resumed into the pause.
      const killed = await release({ version: '2' }, 'run-killed');
      await killed.saw('its begin', ({ phase }) => phase === 'starting');
      expect(await give('pause')).toMatch(/^revision 2 of web pauses at its next point of rest, asked by /);
      const paused = ({ message = '' }: { message?: string }) => message.startsWith('paused by ');
      await killed.saw('the pause', paused);
      await shows(/^paused by .+ since .+ UTC/m);
      await scale(8);
      await groupsAre(2, 6);
      await killed.kill('SIGKILL');
      const resumed = await release({ version: '2' }, 'run-killed');
      await resumed.saw('the pause', paused);
      expect(await groups()).toEqual([2, 6]);
      expect(await give('resume')).toMatch(/the runner of web continues it\n$/);
      await resumed.saw('its step', ({ message = '' }) => message.includes('waiting for promote'));
      await give('promote');
      expect(await resumed.result()).toMatchObject({ outcome: 'succeeded' });
      await scale(4);
      await groupsAre(4);

      // It is aborted, and tried again with all its steps.
      const aborted = await release({ version: '3' });
      await aborted.saw('its step', ({ phase }) => phase === 'waiting');
      await give('abort');
      expect(await aborted.result()).toMatchObject({ outcome: 'rolledBack' });
      const retried = startPipeline(command('retry'), settings());
      await shows(/step 2 of 3: pause until promote/);
      expect(await groups()).toEqual([1, 3]);
      await give('promote');
      const again = await retried.result;
      expectExit(again, 0);
      expect(again.stdout).toMatch(/^revision 4 is released$/m);
      expect(await give('history')).toMatch(/^4 +released \(retry of 3\) /m);

      // Its run leaves it, and another process ends it.
      const file = await folder.pipeline([
        {
          name: 'source',
          env: { MANIFESTS: webManifests({ version: '4', replicas: 4 }) },
          run: 'mkdir -p k8s && printf %s "$MANIFESTS" > k8s/app.yaml',
        },
        { name: 'deploy', deploy: { manifests: 'k8s/*.yaml', namespace, strategy } },
        { name: 'after', run: 'echo not to be run' },
      ]);
      const left = startPipeline(['run', file, ...clusterArguments(environment, place)], settings());
      await left.output(/waiting for promote or abort/);
      await give('detach');
      const leaving = await left.result;
      expectExit(leaving, 6);
      expect(leaving.stdout).toMatch(/detached by .*pipeline release resume web -n /);
      expect(leaving.stdout).not.toMatch(/not to be run/);
      await shows(/in phase waiting, owned by no runner$/m);
      expect(await groups()).toEqual([1, 3]);
      const last = startPipeline(command('resume'), settings());
      await last.output(/waiting for promote or abort/);
      await give('promote');
      expectExit(await last.result, 0);

      await endingPodsGone(admin, namespace);
      const result = await load.stop();
      expect(result).toMatchObject({ failures: 0, errors: [], last: '4' });
      expect(Object.keys(result.versions).sort()).toEqual(['1', '2', '3', '4']);
      expect(await liveDeployment(place)).toEqual(before);
    },
    9 * minutes,
  );
});
