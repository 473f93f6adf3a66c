import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { endingPodsGone } from '../support/ending-pods.ts';
import { startLoad, type LoadClient } from '../support/load-client.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { startRelease, webManifests, type WebOptions } from './release-runner.ts';

const minutes = 60_000;

describe('releases of a service under load', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let load: LoadClient | undefined;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'release');
  }, 2 * minutes);

  afterEach(async () => {
    await load?.stop();
    load = undefined;
  }, minutes);

  afterAll(async () => {
    await place.remove();
  }, minutes);

  const release = (options: WebOptions, settings: object = {}, runId = `run-${String(++run)}`) =>
    startRelease(webManifests(options), {
      kubeconfig: place.kubeconfig,
      runId,
      namespace: place.application,
      settings,
    });

  const asking = async () => {
    const { admin, application: namespace } = place;
    load = await startLoad({ environment, admin, namespace, service: 'web', from: place.agents });
    return load;
  };

  /** Ends the load when the pods of old versions, which keep their connections while they drain, are gone. */
  const loadEnded = async () => {
    await endingPodsGone(place.admin, place.application);
    const result = await load!.stop();
    load = undefined;
    return result;
  };

  /** The ReplicaSets that have pods, with the version of the configuration that they name. */
  const serving = async () => {
    const sets = await place.admin.json<{
      items: { metadata: { name: string }; spec: { replicas: number } }[];
    }>(['get', 'replicasets', '--namespace', place.application]);
    return sets.items.filter(({ spec }) => spec.replicas > 0).map(({ metadata }) => metadata.name);
  };

  it(
    'releases a first version',
    async () => {
      const result = await (await release({ version: '1' })).result();

      expect(result).toMatchObject({ outcome: 'succeeded', outputs: { revision: '1' } });
    },
    2 * minutes,
  );

  it(
    'rolls a second version out without losing a request',
    async () => {
      await asking();

      const result = await (await release({ version: '2' })).result();

      expect(result).toMatchObject({ outcome: 'succeeded' });
      expect(await loadEnded()).toMatchObject({ failures: 0, errors: [], last: '2' });
    },
    3 * minutes,
  );

  it(
    'rolls a version that crashes back within seconds, reports its log tail, and the old one serves throughout',
    async () => {
      const before = await serving();
      await asking();

      const begun = Date.now();
      const result = await (await release({ version: '3', fault: 'crash' })).result();

      expect(Date.now() - begun).toBeLessThan(40_000);
      expect(result.outcome).toBe('rolledBack');
      expect(result.message).toMatch(/crashes: exit code 3.*no database at db:5432/);
      expect(await serving()).toEqual(before);
      const seen = await loadEnded();
      expect(seen).toMatchObject({ failures: 0, errors: [], last: '2' });
      expect(Object.keys(seen.versions)).toEqual(['2']);
    },
    3 * minutes,
  );

  // The sandbox has this machine's tools stand for images that it does not have, and keeps no quotas.
  const itOnKubernetes = environment.cluster === 'sandbox' ? it.skip : it;

  itOnKubernetes(
    'takes an image that is not there back within seconds',
    async () => {
      const begun = Date.now();

      const result = await (await release({ version: '3', fault: 'image' })).result();

      expect(Date.now() - begun).toBeLessThan(30_000);
      expect(result.outcome).toBe('rolledBack');
      expect(result.message).toContain('image 127.0.0.1:5000/nobody/nothing:1 cannot be pulled');
    },
    2 * minutes,
  );

  it(
    'rolls a version that never gets ready back at its deadline',
    async () => {
      const result = await (await release({ version: '3', fault: 'never' }, { timeout: '10s' })).result();

      expect(result.outcome).toBe('rolledBack');
      expect(result.message).toMatch(/not done within 10 s/);
    },
    2 * minutes,
  );

  it(
    'goes on after the runner was killed in the middle, without losing a request',
    async () => {
      await asking();
      const killed = await release({ version: '4', minReadySeconds: 2 }, {}, 'run-killed');
      await killed.saw(
        'the rollout',
        ({ phase, message }) => phase === 'progressing' && /[12]\/3/.test(message ?? ''),
      );
      await killed.kill('SIGKILL');

      const resumed = await release({ version: '4', minReadySeconds: 2 }, {}, 'run-killed');
      const result = await resumed.result();

      expect(result).toMatchObject({ outcome: 'succeeded' });
      expect(resumed.lines.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/resuming revision \d+ of web/),
      );
      expect(await loadEnded()).toMatchObject({ failures: 0, errors: [], last: '4' });
    },
    3 * minutes,
  );

  it(
    'rolls back when it is cancelled in the middle',
    async () => {
      const before = await serving();
      const running = await release({ version: '5', fault: 'never' });
      await running.saw(
        'the rollout',
        ({ phase, message }) => phase === 'progressing' && /1\/3/.test(message ?? ''),
      );

      await running.kill('SIGTERM');

      expect(await running.result()).toMatchObject({ type: 'error', message: 'cancelled' });
      expect(await serving()).toEqual(before);
    },
    2 * minutes,
  );

  it(
    'lets no two runs release the same application at once',
    async () => {
      const first = await release({ version: '6', fault: 'never' }, { timeout: '30s' });
      await first.saw('the rollout', ({ phase }) => phase === 'progressing');
      const impatient = await release({ version: '7' }, { lockTimeout: '1s' });
      const patient = await release({ version: '8' });

      const [one, two, three] = await Promise.all([first.result(), impatient.result(), patient.result()]);

      expect(one).toMatchObject({ outcome: 'rolledBack' });
      expect(two.outcome).toBe('failed');
      expect(two.message).toContain('is being released by run');
      expect(three).toMatchObject({ outcome: 'succeeded' });
      expect(patient.lines.some(({ phase }) => phase === 'waiting')).toBe(true);
    },
    4 * minutes,
  );

  itOnKubernetes(
    'waits under a quota as long as pods are replaced, and says where none can be',
    async () => {
      const quota = {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'pods' },
        spec: { hard: { pods: '3' } },
      };
      const quotaReference = ['resourcequota', 'pods', '--namespace', place.application];
      await place.admin.run(
        ['apply', '--namespace', place.application, '--filename', '-'],
        JSON.stringify(quota),
      );
      try {
        const stuck = await (await release({ version: '9' })).result();

        expect(stuck.outcome).toBe('rolledBack');
        expect(stuck.message).toMatch(/cannot create pods: .*exceeded quota.*; maxUnavailable is 0/);

        const patient = await release({ version: '9' }, { strategy: { rolling: { maxUnavailable: 1 } } });
        // Each old pod takes six seconds to go, in which the quota refuses its successor again and again.
        const isRefused = ({ message = '' }: { message?: string }) => message.includes('exceeded quota');
        await patient.saw('new pods after more than ten seconds of refusals', (line) => {
          const sinceMs = patient.lines.find(isRefused)?.at ?? Infinity;
          return isRefused(line) && /[12]\/3 new/.test(line.message ?? '') && line.at - sinceMs > 12_000;
        });
        await place.admin.run(['delete', ...quotaReference]);
        // The controller tries again when its ReplicaSet is touched, else after a time that doubles with each refusal.
        await place.admin.run([
          'annotate',
          'replicasets',
          '--all',
          'touched=true',
          '--namespace',
          place.application,
        ]);

        expect(await patient.result()).toMatchObject({ outcome: 'succeeded' });
      } finally {
        await place.admin.run(['delete', '--ignore-not-found', ...quotaReference]);
      }
    },
    4 * minutes,
  );

  it(
    'keeps the replicas that somebody else has set',
    async () => {
      await place.admin.run(['scale', 'deployment/web', '--replicas', '5', '--namespace', place.application]);

      const result = await (await release({ version: '10' })).result();

      expect(result).toMatchObject({ outcome: 'succeeded' });
      const live = await place.admin.json<{ spec: { replicas: number } }>([
        ...['get', 'deployment', 'web', '--namespace', place.application],
      ]);
      expect(live.spec.replicas).toBe(5);
    },
    3 * minutes,
  );

  it(
    'adds a label to the pods and to the selector, and takes it away again, without losing a request',
    async () => {
      const selector = async () =>
        (
          await place.admin.json<{ spec: { selector: Record<string, string> } }>([
            ...['get', 'service', 'web', '--namespace', place.application],
          ])
        ).spec.selector;
      await asking();

      const added = await (await release({ version: '11', labels: { tier: 'a' } })).result();

      expect(added).toMatchObject({ outcome: 'succeeded' });
      expect(await selector()).toEqual({ app: 'web', tier: 'a' });
      expect(await loadEnded()).toMatchObject({ failures: 0, errors: [], last: '11' });

      await asking();
      const removed = await (await release({ version: '12' })).result();

      expect(removed).toMatchObject({ outcome: 'succeeded' });
      expect(await selector()).toEqual({ app: 'web' });
      expect(await loadEnded()).toMatchObject({ failures: 0, errors: [], last: '12' });
    },
    5 * minutes,
  );
});
