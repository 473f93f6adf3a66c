import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { endingPodsGone } from '../support/ending-pods.ts';
import { startLoad } from '../support/load-client.ts';
import { expectExit, runPipeline } from '../support/pipeline-command.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { liveDeployment } from './live-deployment.ts';
import { startRelease, webManifests, type WebOptions } from './release-runner.ts';

const minutes = 60_000;

describe('blue/green releases of a service under load', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'bluegreen');
  }, 2 * minutes);

  afterAll(async () => {
    await place.remove();
  }, minutes);

  const release = (options: WebOptions, runId = `run-${String(++run)}`) =>
    startRelease(webManifests(options), {
      kubeconfig: place.kubeconfig,
      runId,
      namespace: place.application,
      settings: { strategy: { blueGreen: { scaleDownDelay: '3s' } } },
    });

  const rollback = () =>
    runPipeline([
      ...['release', 'rollback', 'web', '--namespace', place.application],
      ...['--kubeconfig', place.kubeconfig],
    ]);

  const live = async () => {
    const { admin, application: namespace } = place;
    const services = await admin.json<{
      items: { metadata: { name: string }; spec: { selector: Record<string, string> } }[];
    }>(['get', 'services', '--namespace', namespace]);
    return {
      ...(await liveDeployment(place)),
      services: services.items.map(({ metadata, spec: { selector } }) => [metadata.name, selector]),
    };
  };

  it(
    'move forth and back, go on after kill -9, lose no request and leave the objects as the manifests say',
    async () => {
      expect(await (await release({ version: '1' })).result()).toMatchObject({ outcome: 'succeeded' });
      const before = await live();
      const { admin, application: namespace, agents: from } = place;
      const load = await startLoad({ environment, admin, namespace, service: 'web', from });

      expect(await (await release({ version: '2' })).result()).toMatchObject({ outcome: 'succeeded' });
      const killed = await release({ version: '3' }, 'run-killed');
      await killed.saw('the switch', ({ phase }) => phase === 'switched');
      await killed.kill('SIGKILL');
      const resumed = await release({ version: '3' }, 'run-killed');
      expect(await resumed.result()).toMatchObject({ outcome: 'succeeded' });
      const bad = await release({ version: '4', fault: 'crash' });
      expect(await bad.result()).toMatchObject({ outcome: 'rolledBack' });
      const back = await rollback();
      expectExit(back, 0);
      expect(back.stdout).toMatch(/moving the traffic of web to the new pods\n/);

      await endingPodsGone(admin, namespace);
      const result = await load.stop();
      expect(result).toMatchObject({ failures: 0, errors: [], last: '2' });
      expect(Object.keys(result.versions).sort()).toEqual(['1', '2', '3']);
      expect(await live()).toEqual(before);
    },
    6 * minutes,
  );
});
