import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AnalysesByName } from '../../src/analysis/settings.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { endingPodsGone } from '../support/ending-pods.ts';
import { startLoad, type LoadResult } from '../support/load-client.ts';
import { startPrometheus, type TestPrometheus } from '../support/prometheus.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { liveDeployment } from './live-deployment.ts';
import { startRelease, webManifests, type WebOptions } from './release-runner.ts';

const minutes = 60_000;

describe('releases of a service under load that are decided by what is measured', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let prometheus: TestPrometheus;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'analyses');
    prometheus = await startPrometheus();
  }, 2 * minutes);

  afterAll(async () => {
    await prometheus.stop();
    await place.remove();
  }, minutes);

  const release = (
    options: WebOptions,
    strategy: { canary: object } | { blueGreen: object },
    runId = `run-${String(++run)}`,
    more: AnalysesByName = {},
  ) => {
    const url = `http://web.${place.application}/check`;
    const query = 'sum(http_errors{hash="${{ candidate.hash }}"}) or vector(0)';
    const analyses: AnalysesByName = {
      smoke: { http: { url, requests: 5 }, count: 2, interval: '1s' },
      errors: {
        prometheus: { address: prometheus.address, query },
        ...{ success: 'result[0] < 1', count: 2, interval: '1s' },
      },
      slow: { http: { url, requests: 1 }, count: 20, interval: '1s' },
      ...more,
    };
    return startRelease(webManifests({ replicas: 4, ...options }), {
      kubeconfig: place.kubeconfig,
      runId,
      namespace: place.application,
      settings: { strategy, analyses },
    });
  };

  const canary = (...names: string[]) => ({
    canary: { steps: [{ weight: 25 }, { analysis: names }, { weight: 75 }] },
  });

  /** `pod-template-hash` of the pods that are there, the newest first. */
  const hashes = async () => {
    const { items } = await place.admin.json<{
      items: { metadata: { labels: Record<string, string>; creationTimestamp: string } }[];
    }>(['get', 'pods', '--namespace', place.application, '--selector', 'app=web']);
    const newest = items.sort((a, b) =>
      b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp),
    );
    return [...new Set(newest.map(({ metadata }) => metadata.labels['pod-template-hash'] ?? ''))];
  };

  it(
    'go on when the new pods pass, roll back when they do not, and lose no request',
    async () => {
      const ok = { outcome: 'succeeded' };
      expect(await (await release({ version: '1' }, canary('smoke'))).result()).toMatchObject(ok);
      const before = await liveDeployment(place);
      const { admin, application: namespace, agents: from } = place;
      let result: LoadResult;
      const load = await startLoad({ environment, admin, namespace, service: 'web', from });

      try {
        const passed = await release({ version: '2' }, canary('smoke', 'errors'));
        expect(await passed.result()).toMatchObject(ok);
        expect(passed.lines.map(({ message }) => message)).toEqual(
          expect.arrayContaining([
            expect.stringMatching(/^analysis smoke, measurement 2 of 2: passed: 5 of 5 requests succeeded/),
            'analysis errors, measurement 2 of 2: passed: [0]',
          ]),
        );

        // The old pods answer well: only those of the new version are asked.
        const bad = await release({ version: '3', fault: 'check' }, canary('smoke'));
        expect(await bad.result()).toMatchObject({
          outcome: 'rolledBack',
          message: expect.stringContaining('analysis smoke failed: 0 of 5 requests succeeded') as unknown,
        });

        const green = { blueGreen: { prePromotion: 'smoke', scaleDownDelay: '1s' } };
        const hidden = await release({ version: '4', fault: 'check' }, green);
        expect(await hidden.result()).toMatchObject({ outcome: 'rolledBack' });

        const after = { blueGreen: { prePromotion: 'smoke', postPromotion: 'errors', scaleDownDelay: '1s' } };
        const moved = await release({ version: '5' }, after);
        await moved.saw('the measurement before', ({ message = '' }) => message.startsWith('analysis smoke'));
        const [candidate = ''] = await hashes();
        await prometheus.expose({ [`http_errors{hash="${candidate}"}`]: 3 });
        expect(await moved.result()).toMatchObject({
          outcome: 'rolledBack',
          message: expect.stringContaining('analysis errors failed: [3] (wanted result[0] < 1') as unknown,
        });
        await endingPodsGone(admin, namespace);
      } finally {
        result = await load.stop();
      }
      expect(result).toMatchObject({ failures: 0, errors: [], last: '2' });
      expect(Object.keys(result.versions).sort()).toEqual(['1', '2', '3', '5']);
      expect(await liveDeployment(place)).toEqual(before);
    },
    8 * minutes,
  );

  it(
    'roll back a version whose pods fail more than those beside them',
    async () => {
      const compare = { metric: 'errorRate', from: 'istio', window: '1m' } as const;
      const compared: AnalysesByName = {
        errors: {
          prometheus: { address: prometheus.address, compare },
          ...{ count: 100, interval: '1s', onNoData: 'pass' },
        },
      };
      const worse = await release({ version: '7' }, canary('errors'), 'run-compared', compared);
      await worse.saw('a measurement', ({ message = '' }) =>
        message.includes('measurement 1 of 100: no data'),
      );
      const [candidate = '', stable = ''] = await hashes();
      const requests = (hash: string, code: number) =>
        `istio_requests_total{reporter="destination",namespace="${place.application}",pod="web-${hash}-abcde",response_code="${String(code)}"}`;
      const series = [requests(candidate, 200), requests(candidate, 500), requests(stable, 200)];

      await prometheus.expose(Object.fromEntries(series.map((each) => [each, 0])));
      await prometheus.expose(Object.fromEntries(series.map((each) => [each, 100])));

      expect(await worse.result()).toMatchObject({
        outcome: 'rolledBack',
        message: expect.stringMatching(
          /analysis errors failed: error rate 50 % \(stable 0 %\) \(wanted at most 1.5 × stable, or 1 %/,
        ) as unknown,
      });
    },
    5 * minutes,
  );

  it(
    'continue their measurements after kill -9',
    async () => {
      const killed = await release({ version: '6' }, canary('slow'), 'run-killed');
      await killed.saw('a measurement', ({ message = '' }) => message.includes('measurement 3 of 20'));
      await killed.kill('SIGKILL');

      const resumed = await release({ version: '6' }, canary('slow'), 'run-killed');
      expect(await resumed.result()).toMatchObject({ outcome: 'succeeded' });

      const taken = resumed.lines.flatMap(
        ({ message = '' }) => /^analysis slow, measurement (\d+) of 20: passed/.exec(message)?.slice(1) ?? [],
      );
      expect(Number(taken[0])).toBeGreaterThanOrEqual(3);
      expect(taken.at(-1)).toBe('20');
    },
    5 * minutes,
  );
});
