import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defined } from '../../src/base/defined.ts';
import type { KubernetesObject } from '../../src/ports/kubernetes-object.ts';
import type { Pod } from '../../src/kubernetes/workload-objects.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { endingPodsGone } from '../support/ending-pods.ts';
import { startLoad } from '../support/load-client.ts';
import { expectExit, runPipeline } from '../support/pipeline-command.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { waitFor } from '../support/wait-for.ts';
import { startRelease, webManifests, type WebOptions } from './release-runner.ts';

const minutes = 60_000;
const image = 'node:24-bookworm-slim';
const migrations = 'slipway.dev/migration';

/** A Job that runs a program of Node.js, which finds the release's own configuration. */
function migration(program: string, more: { image?: string; spec?: string } = {}): string {
  return `apiVersion: batch/v1
kind: Job
metadata: { name: migrate }
spec:
  backoffLimit: 0
  ${more.spec ?? ''}
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
        - name: migrate
          image: ${more.image ?? image}
          command: [node, --eval]
          args: [${JSON.stringify(program)}]
          env: [{ name: VERSION, valueFrom: { configMapKeyRef: { name: web, key: version } } }]
---
apiVersion: v1
kind: Secret
metadata: { name: database }
stringData: { password: open-sesame }
`;
}

const works = `console.log('migrated to ' + process.env.VERSION); setTimeout(() => undefined, 3000)`;
const hangs = `setInterval(() => undefined, 1000)`;
const fails = `console.error('column "total" exists'); process.exit(4)`;

describe('a release with a migration', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'migrate');
    const first = await release({ version: '1' }, { job: undefined });
    expect(await first.result()).toMatchObject({ outcome: 'succeeded' });
  }, 2 * minutes);

  afterAll(() => place.remove(), minutes);

  interface Way {
    /** Of the migration's file; undefined: there is none. */
    job: string | undefined;
    runId?: string;
    strategy?: object;
    timeout?: string;
  }

  const release = ({ version }: Pick<WebOptions, 'version'>, { job, runId, strategy, timeout }: Way) =>
    startRelease(
      webManifests({ version }),
      {
        kubeconfig: place.kubeconfig,
        runId: runId ?? `run-${String(++run)}`,
        namespace: place.application,
        settings: defined({
          migrate: job === undefined ? undefined : { job: 'migrate.yaml', ...defined({ timeout }) },
          strategy,
        }) as never,
      },
      job === undefined ? {} : { 'migrate.yaml': job },
    );

  const list = async <O extends KubernetesObject>(kinds: string, ...more: string[]): Promise<O[]> =>
    (await place.admin.json<{ items: O[] }>(['get', kinds, '--namespace', place.application, ...more])).items;
  const jobs = () => list('jobs');
  const jobPods = () => list<Pod>('pods', '--selector', migrations);
  const jobPodsGone = () =>
    waitFor('the pods of the Job to end', async () => ((await jobPods()).length === 0 ? true : undefined));
  const job = async (): Promise<KubernetesObject | undefined> => (await jobs())[0];

  /** The application, whole but for what counts writes and heartbeats: what a failed migration leaves as it was. */
  const application = async () => {
    const objects = await list('deployments,replicasets,services,configmaps,secrets,pods');
    return objects
      .filter(({ kind, metadata }) => {
        const isRecord = metadata.name.startsWith('slipway-release-');
        const isMigration = metadata.labels?.[migrations] !== undefined && kind === 'Pod';
        return !isRecord && !isMigration;
      })
      .map((object) => {
        const { managedFields: _, resourceVersion: _version, ...metadata } = object.metadata;
        return { ...object, metadata, status: undefined };
      });
  };

  it.each([
    ['2', { rolling: {} }],
    ['3', { blueGreen: { scaleDownDelay: '1s' } }],
    ['4', { canary: { steps: [{ replicas: 1 }, { pause: '1s' }] } }],
  ])(
    'runs it to its end before anything else changes, and loses no request: version %s by %j',
    async (version, strategy) => {
      const { admin, application: namespace, agents: from } = place;
      await endingPodsGone(admin, namespace);
      const load = await startLoad({ environment, admin, namespace, service: 'web', from });
      const before = await application();

      const running = await release({ version }, { job: migration(works), strategy });
      await running.saw('the migration', ({ phase }) => phase === 'migrating');
      await waitFor('the pod of the Job', async () => ((await jobPods()).length > 0 ? true : undefined));
      const meanwhile = (await application()).filter(
        ({ metadata }) => metadata.labels?.[migrations] === undefined,
      );
      expect(meanwhile).toEqual(before);
      expect(await running.result()).toMatchObject({ outcome: 'succeeded' });

      await endingPodsGone(admin, namespace);
      const seen = await load.stop();
      expect(seen).toMatchObject({ failures: 0, errors: [], last: version });
      const pods = await jobPods();
      expect(pods).toHaveLength(1);
      const log = await admin.run(['logs', pods[0]!.metadata.name, '--namespace', namespace]);
      expect(log).toContain(`migrated to ${version}`);
      expect(await jobs()).toHaveLength(1);
      // The Secret of the file is used by no pod; the copy of the ConfigMap has gone.
      expect(
        (await list('configmaps,secrets', '--selector', migrations)).map((each) => each.metadata.name),
      ).toEqual([]);
    },
    4 * minutes,
  );

  it(
    'changes nothing when it fails, says why, and runs again in the next release',
    async () => {
      await endingPodsGone(place.admin, place.application);
      const before = await application();

      const failed = await (await release({ version: '5' }, { job: migration(fails) })).result();

      expect(failed).toMatchObject({
        outcome: 'rolledBack',
        message: expect.stringMatching(
          /the migration failed, so nothing was changed: Job migrate-\w{10} failed: BackoffLimitExceeded.*; its last log lines: column "total" exists/,
        ),
      });
      expect(await application()).toEqual(before);
      expect((await jobPods()).map(({ status }) => status?.phase)).toEqual(['Failed']);
      const again = await (await release({ version: '5' }, { job: migration(works) })).result();
      expect(again).toMatchObject({ outcome: 'succeeded' });
      expect(await jobs()).toHaveLength(1);
    },
    3 * minutes,
  );

  // The sandbox has this machine's tools stand for images that it does not have: there, what it needs is missing.
  const cannotStart =
    environment.cluster === 'sandbox'
      ? {
          file: migration(works).replace('name: web, key: version', 'name: nothing, key: version'),
          told: 'nothing',
        }
      : { file: migration(works, { image: '127.0.0.1:5000/nobody/nothing:1' }), told: 'cannot be pulled' };

  it(
    'ends within seconds when its pod cannot start',
    async () => {
      await endingPodsGone(place.admin, place.application);
      const before = await application();

      const running = await release({ version: '6' }, { job: cannotStart.file });
      const { at: since } = await running.saw('the migration', ({ phase }) => phase === 'migrating');
      const result = await running.result();

      expect(result).toMatchObject({
        outcome: 'rolledBack',
        message: expect.stringMatching(/the migration failed, so nothing was changed: .*container migrate/),
      });
      expect(result.message).toContain(cannotStart.told);
      const end = running.lines.at(-2)!.at;
      console.log(`a pod that cannot start ended the release after ${String(end - since)} ms`);
      expect(end - since).toBeLessThan(20_000);
      expect(await jobs()).toEqual([]);
      await jobPodsGone();
      expect(await application()).toEqual(before);
    },
    2 * minutes,
  );

  // The sandbox has no admission.
  const itOnKubernetes = environment.cluster === 'sandbox' ? it.skip : it;

  itOnKubernetes(
    'is refused before the release begins when its pods could not be made',
    async () => {
      const file = migration(works).replace(
        'restartPolicy: Never',
        'restartPolicy: Never\n      serviceAccountName: nobody',
      );

      expect(await (await release({ version: '6' }, { job: file })).result()).toMatchObject({
        outcome: 'failed',
        message: expect.stringMatching(
          /^nothing was changed: the cluster rejected migrate\.yaml:1: .*"nobody" not found/,
        ),
      });
    },
    minutes,
  );

  it(
    'ends in its time when it hangs',
    async () => {
      const before = await application();

      const late = await (await release({ version: '6' }, { job: migration(hangs), timeout: '4s' })).result();

      expect(late).toMatchObject({
        outcome: 'rolledBack',
        message: expect.stringMatching(/did not complete within 4 s|DeadlineExceeded/),
      });
      await jobPodsGone();
      expect(await application()).toEqual(before);
    },
    2 * minutes,
  );

  it.each(['startingMigration', 'migrating'])(
    'is run once though its runner is killed in phase %s',
    async (moment) => {
      const order = { job: migration(works), runId: `run-killed-${moment}` };
      const killed = await release({ version: '7' }, order);
      await killed.saw(moment, ({ phase }) => phase === moment);
      if (moment === 'migrating')
        await waitFor('the pod of the Job', async () => ((await jobPods()).length > 0 ? true : undefined));
      await killed.kill('SIGKILL');
      const before = await job();

      const resumed = await release({ version: '7' }, order);
      expect(await resumed.result()).toMatchObject({ outcome: 'succeeded' });

      const after = await job();
      const wasMade = moment === 'migrating' || before?.metadata.labels?.[migrations] !== undefined;
      if (wasMade && before?.metadata.name === after?.metadata.name)
        expect(after?.metadata.uid).toBe(before?.metadata.uid);
      expect(await jobs()).toHaveLength(1);
      expect(await jobPods()).toHaveLength(1);
      expect(after?.['status']).toMatchObject({ succeeded: 1 });
    },
    3 * minutes,
  );

  it(
    'is ended, with its pods, by a cancelled run and by `release abort`, and nothing is changed',
    async () => {
      await endingPodsGone(place.admin, place.application);
      const before = await application();
      const hanging = { job: migration(hangs) };
      const gone = () =>
        waitFor('the Job and its pods to be gone', async () =>
          (await jobs()).length + (await jobPods()).length === 0 ? true : undefined,
        );

      const cancelled = await release({ version: '8' }, hanging);
      await cancelled.saw('the migration', ({ phase }) => phase === 'migrating');
      await waitFor('the pod of the Job', async () => ((await jobPods()).length > 0 ? true : undefined));
      await cancelled.kill('SIGTERM');
      await gone();
      expect(await application()).toEqual(before);

      const aborted = await release({ version: '8' }, hanging);
      await aborted.saw('the migration', ({ phase }) => phase === 'migrating');
      await waitFor('the pod of the Job', async () => ((await jobPods()).length > 0 ? true : undefined));
      const at = ['--namespace', place.application, '--kubeconfig', place.kubeconfig];
      expectExit(await runPipeline(['release', 'abort', 'web', ...at]), 0);
      expect(await aborted.result()).toMatchObject({
        outcome: 'rolledBack',
        message: expect.stringContaining('aborted by a person while it was migrating; nothing was changed'),
      });
      await gone();
      expect(await application()).toEqual(before);

      const history = await runPipeline(['release', 'history', 'web', ...at]);
      expectExit(history, 0);
      expect(history.stdout).toContain('rolledBack');
    },
    3 * minutes,
  );
});
