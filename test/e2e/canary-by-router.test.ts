import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { endingPodsGone } from '../support/ending-pods.ts';
import { askGateway, findGateway, webIngress, webRoute, type FoundGateway } from '../support/gateway.ts';
import { startLoad } from '../support/load-client.ts';
import { expectExit, runPipeline } from '../support/pipeline-command.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { waitFor } from '../support/wait-for.ts';
import { liveDeployment, readyGroups } from './live-deployment.ts';
import { startRelease, webManifests, type WebOptions } from './release-runner.ts';

const minutes = 60_000;

/** What shares the traffic out, as the file names it and as kubectl does. */
interface Router {
  name: string;
  kind: string;
  traffic: { httpRoute: { name: string } } | { ingress: { name: string } };
}

const routers: Router[] = [
  { name: 'an HTTPRoute', kind: 'httproute', traffic: { httpRoute: { name: 'web' } } },
  { name: 'an Ingress', kind: 'ingress', traffic: { ingress: { name: 'web' } } },
];

describe.each(routers)('canary releases by $name under load', ({ kind, traffic }) => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let gateway: FoundGateway;
  let host: string;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, kind);
    gateway = await findGateway(place.admin);
    host = `${place.application}.test`;
  }, 2 * minutes);

  afterAll(async () => {
    await place.remove();
  }, minutes);

  const router = () => (kind === 'ingress' ? webIngress(host) : webRoute(gateway, host));

  const release = (options: WebOptions, runId = `run-${String(++run)}`) =>
    startRelease(webManifests({ replicas: 4, more: `---\n${JSON.stringify(router())}`, ...options }), {
      ...{ kubeconfig: place.kubeconfig, runId, namespace: place.application },
      settings: {
        strategy: {
          canary: {
            traffic: {
              ...traffic,
              scaleDownDelay: '2s',
              testerHeader: { name: 'x-tester', value: 'yes' },
            },
            steps: [{ replicas: 1 }, { pause: true }, { weight: 30 }, { pause: true }, { weight: 10 }],
          },
        },
      },
    });

  const answer = async (command: string[]) => {
    const named = ['release', ...command, 'web', '--namespace', place.application];
    expectExit(await runPipeline([...named, '--kubeconfig', place.kubeconfig]), 0);
  };

  const kept = async () => {
    const { spec } = await place.admin.json<{ spec: unknown }>([
      ...['get', kind, 'web', '--namespace', place.application],
    ]);
    return { router: spec, ...(await liveDeployment(place)) };
  };

  const asTester = async () => {
    const asked = { path: '/version', host, headers: { 'x-tester': 'yes' } };
    return (JSON.parse((await askGateway(gateway, asked)).body) as { version: string }).version;
  };

  const groups = () => readyGroups(place);

  it(
    'share the traffic out beside all old pods, survive kill -9 and a scaling, lose no request and leave the objects as the manifests say',
    async () => {
      expect(await (await release({ version: '1' })).result()).toMatchObject({ outcome: 'succeeded' });
      const { admin, application: namespace, agents: from } = place;
      await waitFor('the gateway to route', async () =>
        (await askGateway(gateway, { path: '/version', host })).status === 200 ? true : undefined,
      );
      const before = await kept();
      const load = await startLoad({
        ...{ environment, admin, namespace, service: 'web', from },
        by: { url: gateway.url, host },
      });

      const killed = await release({ version: '2' }, 'run-killed');
      await killed.saw('the pause for testers', ({ phase }) => phase === 'waiting');
      expect(await groups()).toEqual([1, 4]);
      expect(await asTester()).toBe('2');
      await answer(['promote']);
      await killed.saw('the pause at 30 %', ({ message = '' }) =>
        message.includes('30 % of the traffic; waiting for promote or abort'),
      );
      expect(await groups()).toEqual([2, 4]);
      await killed.kill('SIGKILL');
      await admin.run(['scale', 'deployment/web', '--replicas=6', '--namespace', namespace]);
      await answer(['promote', '--full']);
      const resumed = await release({ version: '2' }, 'run-killed');
      expect(await resumed.result()).toMatchObject({ outcome: 'succeeded' });
      await admin.run(['scale', 'deployment/web', '--replicas=4', '--namespace', namespace]);

      const aborted = await release({ version: '3' });
      await aborted.saw('the pause for testers', ({ phase }) => phase === 'waiting');
      await answer(['promote']);
      await aborted.saw('the pause at 30 %', ({ message = '' }) =>
        message.includes('30 % of the traffic; waiting for promote or abort'),
      );
      // Of 7 pods the controller gives the old ones 6: one more of them comes before they get all traffic.
      await admin.run(['scale', 'deployment/web', '--replicas=7', '--namespace', namespace]);
      await waitFor('the scaling', async () => ((await groups()).join() === '3,6' ? true : undefined));
      await answer(['abort']);
      await aborted.saw('old pods that come back', ({ message = '' }) =>
        message.startsWith('bringing old pods back: 6 of 7'),
      );
      expect(await aborted.result()).toMatchObject({ outcome: 'rolledBack' });
      await admin.run(['scale', 'deployment/web', '--replicas=4', '--namespace', namespace]);

      const bad = await release({ version: '4', fault: 'crash' });
      expect(await bad.result()).toMatchObject({ outcome: 'rolledBack' });

      await endingPodsGone(admin, namespace);
      const result = await load.stop();
      expect(result).toMatchObject({ failures: 0, errors: [], last: '2' });
      expect(Object.keys(result.versions).sort()).toEqual(['1', '2', '3']);
      expect(await kept()).toEqual(before);
    },
    6 * minutes,
  );
});
