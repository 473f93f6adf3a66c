import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answerRelease } from '../../src/release/answer.ts';
import type { Answer } from '../../src/kubernetes/hold-mark.ts';
import { createKubernetes } from '../../src/adapters/kubernetes/create-kubernetes.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { endingPodsGone } from '../support/ending-pods.ts';
import { startLoad } from '../support/load-client.ts';
import { expectExit, startPipeline } from '../support/pipeline-command.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { liveDeployment, readyGroups } from './live-deployment.ts';
import { startRelease, webManifests, type WebOptions } from './release-runner.ts';

const minutes = 60_000;

describe('canary releases of a service under load', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'canary');
  }, 2 * minutes);

  afterAll(async () => {
    await place.remove();
  }, minutes);

  const release = (options: WebOptions, runId = `run-${String(++run)}`) =>
    startRelease(webManifests({ replicas: 4, ...options }), {
      kubeconfig: place.kubeconfig,
      runId,
      namespace: place.application,
      settings: {
        strategy: { canary: { steps: [{ weight: 25 }, { pause: true }, { weight: 75 }, { pause: true }] } },
      },
    });

  const answer = async (given: Answer['answer']) => {
    const kubernetes = await createKubernetes({ kubeconfig: place.kubeconfig });
    const { cluster } = kubernetes;
    const { application: namespace } = place;
    const signal = AbortSignal.timeout(minutes);
    try {
      await answerRelease({ cluster, application: 'web', namespace, answer: given }, { signal });
    } finally {
      await kubernetes.close();
    }
  };

  const groups = () => readyGroups(place);

  it(
    'wait at their share for a person, go on after kill -9, lose no request and leave the objects as the manifests say',
    async () => {
      expect(await (await release({ version: '1' })).result()).toMatchObject({ outcome: 'succeeded' });
      const before = await liveDeployment(place);
      const { admin, application: namespace, agents: from } = place;
      const load = await startLoad({ environment, admin, namespace, service: 'web', from });

      const killed = await release({ version: '2' }, 'run-killed');
      await killed.saw('the pause', ({ phase }) => phase === 'waiting');
      expect(await groups()).toEqual([1, 3]);
      const watched = startPipeline([
        ...['release', 'status', 'web', '--watch', '--namespace', namespace],
        ...['--kubeconfig', place.kubeconfig],
      ]);
      await watched.output(/^waiting for a person since .* UTC: step 2 of 4: pause until promote$/m);
      await killed.kill('SIGKILL');
      await answer('promoteFull');
      const resumed = await release({ version: '2' }, 'run-killed');
      expect(await resumed.result()).toMatchObject({ outcome: 'succeeded' });
      const looks = await watched.result;
      expectExit(looks, 0);
      const blocks = looks.stdout.trim().split('\n\n');
      expect(blocks[0]).toContain(`pipeline release promote web -n ${namespace}`);
      expect(blocks.at(-1)).toMatch(/^serving: revision 2,/m);
      expect(blocks.at(-1)).not.toMatch(/in progress|waiting/);

      const aborted = await release({ version: '3' });
      await aborted.saw('the pause', ({ phase }) => phase === 'waiting');
      await answer('abort');
      expect(await aborted.result()).toMatchObject({ outcome: 'rolledBack' });

      const bad = await release({ version: '4', fault: 'crash' });
      expect(await bad.result()).toMatchObject({ outcome: 'rolledBack' });

      await endingPodsGone(admin, namespace);
      const result = await load.stop();
      expect(result).toMatchObject({ failures: 0, errors: [], last: '2' });
      expect(Object.keys(result.versions).sort()).toEqual(['1', '2', '3']);
      expect(await liveDeployment(place)).toEqual(before);
    },
    6 * minutes,
  );
});
