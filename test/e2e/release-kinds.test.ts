import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createKubernetes, type Kubernetes } from '../../src/adapters/kubernetes/create-kubernetes.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { verifySettings } from '../../src/stages/verify/settings.ts';
import { verifyStage } from '../../src/stages/verify/verify-stage.ts';
import { planRelease } from '../../src/stages/deploy/plan-release.ts';
import { deploySettings } from '../../src/stages/deploy/settings.ts';
import { releaseHistory, releaseStatus } from '../../src/release/status.ts';
import { ReleaseStore } from '../../src/release/record/release-store.ts';
import { rollbackRelease } from '../../src/release/release.ts';
import type { StageContext } from '../../src/ports/stage.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { startRelease, webManifests } from './release-runner.ts';

const minutes = 60_000;
const { signal } = new AbortController();

/** A container that is ready at once, or ends with exit code 1. */
function container(version: string, broken = false): string {
  const script = broken
    ? 'echo cannot start >&2; exit 1'
    : `trap 'exit 0' TERM; echo ${version}; while true; do sleep 1; done`;
  return JSON.stringify({ name: 'main', image: 'node:24-bookworm-slim', command: ['sh', '-c', script] });
}

function workload(kind: string, name: string, containerText: string, more = ''): string {
  return `apiVersion: apps/v1
kind: ${kind}
metadata: { name: ${name} }
spec:
  ${more}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { terminationGracePeriodSeconds: 2, containers: [${containerText}] }
`;
}

function job(script: string): string {
  const one = JSON.stringify({ name: 'main', image: 'node:24-bookworm-slim', command: ['sh', '-c', script] });
  return `apiVersion: batch/v1
kind: Job
metadata: { name: migrate }
spec:
  backoffLimit: 0
  template: { spec: { restartPolicy: Never, containers: [${one}] } }
`;
}

describe('releases of other kinds', () => {
  const environment = e2eEnvironment();
  let place: RunnerNamespaces;
  let kubernetes: Kubernetes;
  let run = 0;

  beforeAll(async () => {
    place = await makeRunnerNamespaces(environment, 'kinds');
    kubernetes = await createKubernetes({ kubeconfig: place.kubeconfig });
  }, 2 * minutes);

  afterAll(async () => {
    await kubernetes.close();
    await place.remove();
  }, minutes);

  const release = async (
    application: string,
    manifests: string,
    settings: object = {},
    kubeconfig = place.kubeconfig,
  ) => {
    const order = {
      kubeconfig,
      runId: `run-${String(++run)}`,
      namespace: place.application,
      settings: { application, timeout: '90s', ...settings },
    };
    return (await startRelease(manifests, order)).result();
  };

  const json = <T>(...args: string[]) => place.admin.json<T>([...args, '--namespace', place.application]);

  it(
    'rolls a StatefulSet back whose new pod never starts, though the controller waits for it',
    async () => {
      const set = (text: string) =>
        workload('StatefulSet', 'store', text, 'replicas: 2\n  serviceName: store');
      expect(await release('store', set(container('one')))).toMatchObject({ outcome: 'succeeded' });

      const result = await release('store', set(container('two', true)));

      expect(result.outcome).toBe('rolledBack');
      expect(result.message).toMatch(/crashes: exit code 1.*cannot start/);
      const { status } = await json<{
        status: { readyReplicas: number; currentRevision: string; updateRevision: string };
      }>(...['get', 'statefulset', 'store']);
      expect(status.readyReplicas).toBe(2);
      expect(status.currentRevision).toBe(status.updateRevision);
    },
    6 * minutes,
  );

  it(
    'rolls a DaemonSet back',
    async () => {
      expect(await release('node', workload('DaemonSet', 'node', container('one')))).toMatchObject({
        outcome: 'succeeded',
      });

      const result = await release('node', workload('DaemonSet', 'node', container('two', true)));

      expect(result.outcome).toBe('rolledBack');
      const { status } = await json<{ status: { numberReady: number; desiredNumberScheduled: number } }>(
        ...['get', 'daemonset', 'node'],
      );
      expect(status.numberReady).toBe(status.desiredNumberScheduled);
    },
    4 * minutes,
  );

  it(
    'waits for a Job, makes it anew when it has changed, and tells how it failed',
    async () => {
      expect(await release('migrate', job('echo one'))).toMatchObject({ outcome: 'succeeded' });
      expect(await release('migrate', job('echo two'))).toMatchObject({ outcome: 'succeeded' });

      const result = await release('migrate', job('echo table is locked; exit 4'), { rollback: 'never' });

      expect(result.outcome).toBe('failed');
      expect(result.message).toMatch(/Job migrate failed: BackoffLimitExceeded.*table is locked/);
    },
    4 * minutes,
  );

  it(
    'refuses what does not fit the schema at once, with file and line, and makes no namespace for it',
    async () => {
      const namespace = `${place.application}-new`;
      const manifests = workload('Deployment', 'web', container('one')).replace('"image"', '"imag"');
      const begun = Date.now();

      const settings = { namespace, createNamespace: true };
      const result = await release('web', manifests, settings, environment.kubeconfig);

      expect(result.outcome).toBe('failed');
      expect(result.message).toMatch(/nothing was changed: .*app\.yaml:9: Deployment \S+\/web: .*\.imag/);
      expect(Date.now() - begun).toBeLessThan(20_000);
      const left = await place.admin.run(['get', 'namespace', namespace, '--ignore-not-found']);
      expect(left).toBe('');
    },
    minutes,
  );

  it(
    'releases more than one object of the record can hold, and knows it again',
    async () => {
      const blobs = ['one', 'two'].map((name) => ({
        ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
        binaryData: { blob: randomBytes(800_000).toString('base64') },
      }));
      const manifests = blobs.map((blob) => JSON.stringify(blob)).join('\n');

      expect(await release('blobs', manifests)).toMatchObject({ outcome: 'succeeded' });

      const store = new ReleaseStore(kubernetes.cluster, 'blobs', place.application);
      expect(await store.loadRevision(1, { signal })).toMatchObject(blobs);
      await store.removeRevision(1, { signal });
      const left = await json<{ items: unknown[] }>('get', 'configmaps', '-l', 'slipway.dev/release=blobs');
      expect(left.items).toHaveLength(1);
    },
    minutes,
  );

  it(
    'takes a Job that is gone for what it ended as, and makes one again that had failed',
    async () => {
      const condition = (value: string) =>
        place.admin.run(
          ['apply', '--namespace', place.application, '--filename', '-'],
          JSON.stringify({
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: 'database' },
            data: { value },
          }),
        );
      // Kubernetes before 1.21 does not know the field: there the test removes the Job.
      const once = job(`[ "$DATABASE" = open ]`)
        .replace('name: migrate', 'name: once')
        .replace('backoffLimit: 0', 'backoffLimit: 0\n  ttlSecondsAfterFinished: 3')
        .replace(
          '"name":"main"',
          '"name":"main","env":[{"name":"DATABASE","valueFrom":{"configMapKeyRef":{"name":"database","key":"value"}}}]',
        );
      const slow = { readinessProbe: { exec: { command: ['true'] }, initialDelaySeconds: 10 } };
      const beside = container('one').replace('{', `{${JSON.stringify(slow).slice(1, -1)},`);
      await condition('locked');
      const failed = await release('once', once.replace('ttlSecondsAfterFinished: 3', ''), {
        rollback: 'never',
      });
      expect(failed.message).toMatch(/Job once failed: BackoffLimitExceeded/);

      await condition('open');
      const result = release('once', `${workload('Deployment', 'slow', beside)}---\n${once}`);
      await place.admin.run([
        'wait',
        'job',
        'once',
        '--for=condition=complete',
        '--timeout=60s',
        '--namespace',
        place.application,
      ]);
      await place.admin.run([
        'delete',
        'job',
        'once',
        '--ignore-not-found',
        '--namespace',
        place.application,
      ]);

      expect(await result).toMatchObject({ outcome: 'succeeded' });
    },
    4 * minutes,
  );

  // The API server of the real test cluster (1.20 built with a newer Go) ends for good when a custom object is stored.
  const itStoresCustomObjects = environment.cluster === 'sandbox' ? it : it.skip;
  itStoresCustomObjects(
    'applies a definition and an object of it in one release',
    async () => {
      const group = `${place.application}.example.com`;
      const manifests = `apiVersion: ${group}/v1
kind: Widget
metadata: { name: one }
spec: { size: 3 }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { kind: Widget, plural: widgets, singular: widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;
      try {
        // Definitions belong to the whole cluster: a runner of one namespace may not make them.
        const result = await release('widgets', manifests, {}, environment.kubeconfig);

        expect(result).toMatchObject({ outcome: 'succeeded' });
        expect(await json('get', `widgets.${group}`, 'one')).toMatchObject({ spec: { size: 3 } });
      } finally {
        await place.admin.try(['delete', 'crd', `widgets.${group}`]);
      }
    },
    2 * minutes,
  );

  it(
    'changes nothing when the API refuses an object',
    async () => {
      const manifests = `apiVersion: v1
kind: ConfigMap
metadata: { name: fine }
---
apiVersion: v1
kind: Service
metadata: { name: wrong }
spec: { ports: [{ port: 70000 }] }
`;

      const result = await release('refused', manifests);

      expect(result.outcome).toBe('failed');
      expect(result.message).toMatch(
        /nothing was changed: the cluster rejected app\.yaml:8: Service .*wrong.*70000/,
      );
      expect(
        (await place.admin.try(['get', 'configmap', 'fine', '--namespace', place.application])).exitCode,
      ).not.toBe(0);
    },
    minutes,
  );

  it(
    'says which version of a kind the cluster serves',
    async () => {
      const result = await release(
        'old',
        'apiVersion: extensions/v1beta9\nkind: Ingress\nmetadata: { name: web }\n',
      );

      expect(result.type).toBe('error');
      expect(result.message).toMatch(
        /app\.yaml:1: .*does not serve extensions\/v1beta9 Ingress; it serves .*v1/,
      );
    },
    minutes,
  );

  it(
    'tells the manager whose field it is',
    async () => {
      const config = (value: string) =>
        `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shared }\ndata: { a: "${value}" }\n`;
      const apply = [
        'apply',
        '--server-side',
        '--field-manager',
        'another',
        '--namespace',
        place.application,
      ];
      await place.admin.run([...apply, '--filename', '-'], config('theirs'));

      const refused = await release('shared', config('ours'));
      const forced = await release('shared', config('ours'), { force: true });

      expect(refused).toMatchObject({ outcome: 'failed', hint: expect.stringContaining('force: true') });
      expect(refused.message).toMatch(/conflict with "another".*\.data\.a/s);
      expect(forced).toMatchObject({ outcome: 'succeeded' });
    },
    minutes,
  );

  it(
    'plans, releases, verifies through the Service, rolls back by hand, with the rights of deploy/rbac alone',
    async () => {
      const { cluster, leases, pods } = kubernetes;
      const application = { name: 'web', namespace: place.application };
      const plan = (text: string) =>
        planRelease(
          {
            cluster,
            clock: systemClock,
            files: [{ path: 'app.yaml', text }],
            settings: deploySettings.parse({ manifests: 'app.yaml', prune: true }),
            application: application.name,
            namespace: application.namespace,
            elsewhere: application.namespace,
          },
          { signal },
        );
      const check = async (version: string) => {
        const verify = verifySettings.parse({
          http: { url: `http://web.${application.namespace}/`, expect: { json: { version } } },
          retries: 5,
        });
        const context: Partial<StageContext> = {
          run: { id: 'r', pipeline: 'web', namespace: application.namespace },
          stage: { name: 'smoke', attempt: 1 },
          outputs: {},
          emit: async () => undefined,
          clock: systemClock,
          signal,
        };
        const rollBack = { cluster, leases, pods, clock: systemClock, who: 'test' };
        return (
          (await verifyStage({ cluster, pods, rollBack }).run({ verify }, context as StageContext)).message ??
          'passed'
        );
      };
      const changes = async (text: string) =>
        (await plan(text)).objects.map(({ reference, change }) => `${reference.kind} ${change}`);
      const more = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra }\n';

      const first = webManifests({ version: '1', replicas: 1, more: `---\n${more}` });
      expect(await changes(first)).toEqual(
        ['ConfigMap', 'ConfigMap', 'Service', 'Deployment'].map((kind) => `${kind} created`),
      );
      expect(await release('web', first)).toMatchObject({ outcome: 'succeeded' });
      expect(await changes(first)).toEqual(
        ['ConfigMap', 'ConfigMap', 'Service', 'Deployment'].map((kind) => `${kind} unchanged`),
      );
      expect(await check('1')).toBe('passed');
      const second = webManifests({ version: '2', replicas: 1 });
      expect(await changes(second)).toEqual([
        'ConfigMap created',
        'Service unchanged',
        'Deployment changed',
        'ConfigMap pruned',
      ]);
      expect(await release('web', second, { prune: true })).toMatchObject({ outcome: 'succeeded' });
      expect(await check('2')).toBe('passed');
      expect(await check('3')).toMatch(/expected version to be "3", got .*2/);

      const report = { progress: async () => undefined, notice: async () => undefined };
      const back = await rollbackRelease(
        {
          application: 'web',
          namespace: place.application,
          lockTimeoutMs: 0,
          by: { runId: 'cli', pipeline: 'web', stage: 'release', attempt: 1, who: 'test' },
        },
        { cluster, leases, pods, clock: systemClock, report },
        { signal },
      );

      expect(back).toMatchObject({ outcome: 'released', revision: 3 });
      expect(await check('1')).toBe('passed');
      const history = await releaseHistory({ cluster, application }, { signal });
      expect(history.map(({ number, outcome }) => `${String(number)} ${outcome}`)).toEqual([
        '3 released',
        '2 released',
        '1 released',
      ]);
      const status = await releaseStatus({ cluster, leases, clock: systemClock, application }, { signal });
      expect(status).toMatchObject({
        stable: { number: 3, rollbackOf: 1 },
        workloads: [{ complete: true, ready: 1 }],
      });
    },
    4 * minutes,
  );
});
