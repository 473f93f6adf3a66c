import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AnalysesByName } from '../../src/analysis/settings.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { expectExit, runPipeline } from '../support/pipeline-command.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { waitFor } from '../support/wait-for.ts';
import { startRelease, webManifests } from './release-runner.ts';

const minutes = 60_000;
const seconds = 1000;

interface FoundJob {
  metadata: { name: string; uid: string };
  status?: { active?: number };
}

describe('releases that Jobs decide', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'job-analyses');
  }, 2 * minutes);

  afterAll(() => place.remove(), minutes);

  /** A canary whose second step is a Job that runs a program. */
  const release = (version: string, program: string, more: { image?: string; runId?: string } = {}) => {
    const { image = 'node:24-bookworm-slim', runId = `run-${version}` } = more;
    const container = { name: 'smoke', image, command: ['node', '--eval'], args: [program] };
    const smoke: AnalysesByName[string] = {
      job: { template: { spec: { containers: [container] } }, timeout: '2m' },
      ...{ count: 1, consecutiveErrorLimit: 0 },
    };
    return startRelease(webManifests({ replicas: 2, version }), {
      kubeconfig: place.kubeconfig,
      runId,
      namespace: place.application,
      settings: {
        strategy: { canary: { steps: [{ weight: 50 }, { analysis: 'smoke' }] } },
        analyses: { smoke },
      },
    });
  };

  const jobs = async () =>
    (await place.admin.json<{ items: FoundJob[] }>(['get', 'jobs', '--namespace', place.application])).items;

  const nothingLeft = () =>
    waitFor('the end of the Jobs and their pods', async () => {
      const { items } = await place.admin.json<{ items: { metadata: { name: string } }[] }>([
        ...['get', 'jobs,pods', '--namespace', place.application, '--selector', 'app!=web'],
      ]);
      return items.length === 0 ? true : undefined;
    });

  it(
    'continue when it completes, roll back when it fails, and ask a person when it cannot start',
    async () => {
      expect(await (await release('1', '')).result()).toMatchObject({ outcome: 'succeeded' });

      const refused = await release('0', '', { image: '' });
      expect(await refused.result()).toMatchObject({
        outcome: 'failed',
        message: expect.stringMatching(
          /deploy.analyses.smoke: its Job is refused: .*image: Required value/,
        ) as unknown,
      });

      const tracks = `const { SLIPWAY_CANDIDATE_HASH: a, SLIPWAY_STABLE_HASH: b } = process.env;
        process.exit(a && b && a !== b ? 0 : 1)`;
      const good = await release('2', tracks);
      expect(await good.result()).toMatchObject({ outcome: 'succeeded' });
      expect(good.lines.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(
          /^analysis smoke, measurement 1 of 1: passed: Job web-2-[0-9a-f]{8}-1 is complete$/,
        ),
      );
      await nothingLeft();

      const bad = await release('3', `console.error('no order is taken'); process.exit(4)`);
      expect(await bad.result()).toMatchObject({
        outcome: 'rolledBack',
        message: expect.stringMatching(
          /analysis smoke failed: Job web-3-\S+ failed: .*BackoffLimitExceeded/,
        ) as unknown,
      });
      expect(bad.lines.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/measurement 1 of 1: failed: .*; its last log lines: no order is taken$/),
      );
      await nothingLeft();

      // The sandbox stands in for images of registries that it does not have; no host has this name.
      const image =
        environment.cluster === 'sandbox' ? 'nobody.invalid/nothing:1' : '127.0.0.1:5000/nobody/nothing:1';
      const absent = await release('4', '', { image });
      const { at: begun } = await absent.saw('the Job', ({ phase }) => phase === 'measuring');
      const { at: told, message } = await absent.saw('the error', ({ message: text = '' }) =>
        text.includes('measurement 1 of 1: could not be taken: container smoke of pod'),
      );
      expect(message).toMatch(/cannot start \((ErrImagePull|ImagePullBackOff): /);
      expect(told - begun).toBeLessThan(30 * seconds);
      await absent.saw('the wait for a person', ({ phase }) => phase === 'waiting');
      await nothingLeft();
      const named = ['release', 'abort', 'web', '--namespace', place.application];
      expectExit(await runPipeline([...named, '--kubeconfig', place.kubeconfig]), 0);
      expect(await absent.result()).toMatchObject({ outcome: 'rolledBack' });
    },
    8 * minutes,
  );

  it(
    'take a Job up after kill -9, and leave none behind',
    async () => {
      const program = `setTimeout(() => process.exit(0), 15_000)`;
      const killed = await release('5', program, { runId: 'run-killed' });
      const running = await waitFor('a Job that runs', async () =>
        (await jobs()).find(({ status }) => status?.active === 1),
      );
      await killed.kill('SIGKILL');

      const resumed = await release('5', program, { runId: 'run-killed' });
      const seen = new Set<string>();
      let isOver = false;
      const result = resumed.result().finally(() => (isOver = true));
      await waitFor('the end of the release', async () => {
        for (const { metadata } of await jobs()) seen.add(metadata.uid);
        return isOver ? true : undefined;
      });

      expect(await result).toMatchObject({ outcome: 'succeeded' });
      expect([...seen]).toEqual([running.metadata.uid]);
      await nothingLeft();
    },
    5 * minutes,
  );
});
