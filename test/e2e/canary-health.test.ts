import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { startRelease, webManifests } from './release-runner.ts';

const minutes = 60_000;

describe('a canary whose new pods were ready', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'canary-health');
  }, 2 * minutes);

  afterAll(() => place.remove(), minutes);

  /** One request to a new pod for `path`, that decides nothing, and a pause that only a person ends. */
  const release = (version: string, path?: string) => {
    const url = `http://web.${place.application}${path ?? '/'}`;
    const asks = { http: { url, requests: 1 }, count: 1, dryRun: true };
    const steps = [{ weight: 50 }, ...(path === undefined ? [] : [{ analysis: 'asks' }, { pause: true }])];
    return startRelease(webManifests({ replicas: 2, version, memory: '256Mi' }), {
      kubeconfig: place.kubeconfig,
      runId: `run-${String(++run)}`,
      namespace: place.application,
      settings: { strategy: { canary: { steps } }, analyses: { asks } },
    });
  };

  it(
    'is rolled back when one of them is restarted, runs out of memory, or is not ready any more, while it pauses',
    async () => {
      expect(await (await release('1')).result()).toMatchObject({ outcome: 'succeeded' });

      expect(await (await release('2', '/crash')).result()).toMatchObject({
        outcome: 'rolledBack',
        message: expect.stringMatching(
          /container web of pod web-\S+ ended after it had been ready: exit code 3/,
        ) as unknown,
      });

      expect(await (await release('4', '/memory')).result()).toMatchObject({
        outcome: 'rolledBack',
        message: expect.stringMatching(
          /container web of pod web-\S+ was killed for its memory: exit code 137 \(OOMKilled\)/,
        ) as unknown,
      });

      expect(await (await release('3', '/unready')).result()).toMatchObject({
        outcome: 'rolledBack',
        message: expect.stringMatching(/container web of pod web-\S+ is not ready any more/) as unknown,
      });
    },
    8 * minutes,
  );
});
