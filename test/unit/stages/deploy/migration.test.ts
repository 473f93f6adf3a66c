import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import type { RunEvent } from '../../../../src/ports/events.ts';
import type { StageContext } from '../../../../src/ports/stage.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { ForbiddenError, QuotaError, RejectedError } from '../../../../src/ports/cluster-errors.ts';
import { deployStage } from '../../../../src/stages/deploy/deploy-stage.ts';
import type { Manifest } from '../../../../src/stages/deploy/parse-manifests.ts';
import { planRelease } from '../../../../src/stages/deploy/plan-release.ts';
import { migrationSuffix } from '../../../../src/stages/deploy/prepare-migration.ts';
import { deploySettings } from '../../../../src/stages/deploy/settings.ts';
import { folderAgent } from '../../../fakes/folder-agent.ts';
import { runJobs } from '../../release/migration-world.ts';
import { World } from '../../release/release-world.ts';

const { signal } = new AbortController();
const digest = `sha256:${'b'.repeat(64)}`;
const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "shop/web:1", envFrom: [{configMapRef: {name: web}}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {version: "1"}
---
apiVersion: v1
kind: Secret
metadata: {name: pull}
type: kubernetes.io/dockerconfigjson
data: {.dockerconfigjson: e30=}
`;
const job = `apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 2
  ttlSecondsAfterFinished: 5
  activeDeadlineSeconds: 3600
  template:
    metadata: {labels: {app: migrate}}
    spec:
      restartPolicy: Never
      serviceAccountName: migrate
      imagePullSecrets: [{name: pull}, {name: elsewhere}]
      containers:
        - name: migrate
          image: shop/web:1
          envFrom: [{configMapRef: {name: web}}, {configMapRef: {name: theirs}}]
          env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: database, key: password}}}]
`;
const companions = `apiVersion: v1
kind: Secret
metadata: {name: database}
stringData: {password: open-sesame}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: migrate}
`;

let world: World;
let checkout: string;
let events: RunEvent[];

beforeEach(async () => {
  world = new World(() => 'ready');
  events = [];
  checkout = await mkdtemp(join(tmpdir(), 'slipway-migrate-'));
  await mkdir(join(checkout, 'k8s'));
  await writeFile(join(checkout, 'k8s', 'web.yaml'), web);
  await world.cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }, { signal });
});
afterEach(async () => {
  world.close();
  await rm(checkout, { recursive: true });
});

const settings = (migrate: object = {}) =>
  deploySettings.parse({
    ...{ manifests: 'k8s', namespace: 'shop' },
    migrate: { job: 'k8s/migrate.yaml', ...migrate },
  });

async function deploy(file: string, migrate?: object, attempt = 1) {
  await writeFile(join(checkout, 'k8s', 'migrate.yaml'), file);
  const context: Partial<StageContext> = {
    run: { id: 'run-1', pipeline: 'web', namespace: 'ci' },
    stage: { name: 'deploy', attempt },
    agent: async () => folderAgent(checkout),
    container: 'main',
    workingDirectory: checkout,
    outputs: { image: { reference: `shop/web@${digest}` } },
    emit: async (event) => void events.push(event),
    clock: world.clock,
    signal,
  };
  const { cluster, leases, clock } = world;
  const pods = { logs: () => Promise.reject(new Error('no logs here')) };
  const stage = deployStage({ cluster, leases, clock, pods, who: 'test' });
  return world.clock.unlessStopped(stage.run({ deploy: settings(migrate) }, context as StageContext));
}

const suffix = migrationSuffix({ runId: 'run-1', stage: 'deploy', attempt: 1 });
const notices = () => events.flatMap((event) => (event.type === 'notice' ? [event.message] : []));

describe('the migration of a deploy stage', () => {
  it('is made with the pushed image, its time limit, and copies of the configuration that its pods use', async () => {
    const made = new Map<string, KubernetesObject>();
    world.cluster.onStore = (object) => void made.set(`${object.kind}/${object.metadata.name}`, object);
    runJobs(world);

    expect(await deploy(`${job}---\n${companions}`, { timeout: '90s' })).toMatchObject({
      outcome: 'succeeded',
    });

    const live = made.get(`Job/migrate-${suffix}`) as Workload;
    expect(live.metadata).toMatchObject({
      namespace: 'shop',
      labels: { 'slipway.dev/application': 'web', 'slipway.dev/migration': 'migrate' },
      ownerReferences: [{ kind: 'ConfigMap', name: 'slipway-release-web.1.migration' }],
    });
    expect(live.spec).toEqual({
      backoffLimit: 2,
      activeDeadlineSeconds: 90,
      template: {
        metadata: {
          labels: { app: 'migrate', 'slipway.dev/application': 'web', 'slipway.dev/migration': 'migrate' },
        },
        spec: {
          ...{ restartPolicy: 'Never', serviceAccountName: 'migrate' },
          imagePullSecrets: [{ name: `pull-${suffix}` }, { name: 'elsewhere' }],
          containers: [
            {
              ...{ name: 'migrate', image: `shop/web@${digest}` },
              envFrom: [{ configMapRef: { name: `web-${suffix}` } }, { configMapRef: { name: 'theirs' } }],
              env: [
                {
                  name: 'PASSWORD',
                  valueFrom: { secretKeyRef: { name: `database-${suffix}`, key: 'password' } },
                },
              ],
            },
          ],
        },
      },
    });
    expect(made.get(`ConfigMap/web-${suffix}`)).toMatchObject({ data: { version: '1' } });
    expect(made.get(`Secret/pull-${suffix}`)).toMatchObject({ type: 'kubernetes.io/dockerconfigjson' });
    expect(made.has(`Secret/database-${suffix}`)).toBe(true);
    // Others know it by its name: it stays.
    expect(world.cluster.all('ServiceAccount').map(({ metadata }) => metadata.name)).toEqual(['migrate']);
    const left = [...world.cluster.all('ConfigMap'), ...world.cluster.all('Secret')];
    expect(left.filter(({ metadata }) => metadata.name.endsWith(suffix))).toEqual([]);
  });

  it('is none of the manifests that are applied, though its file lies among them', async () => {
    runJobs(world);

    await deploy(`${job}---\n${companions}`);

    expect(world.cluster.all('Job').map(({ metadata }) => metadata.name)).toEqual([`migrate-${suffix}`]);
    expect(world.cluster.calls).not.toContain('apply Job/migrate');
  });

  it('has a time limit of its own, of ten minutes', async () => {
    runJobs(world);

    await deploy(`${job}---\n${companions}`.replace('activeDeadlineSeconds: 3600', 'parallelism: 1'));

    expect(world.cluster.all<Workload>('Job')[0]?.spec['activeDeadlineSeconds']).toBe(600);
  });

  it('keeps the time limit of the manifest where that is shorter', async () => {
    runJobs(world);

    await deploy(`${job}---\n${companions}`.replace('3600', '30'));

    expect(world.cluster.all<Workload>('Job')[0]?.spec['activeDeadlineSeconds']).toBe(30);
  });

  it('runs again in another attempt of the stage', async () => {
    const watch = runJobs(world, { [`migrate-${suffix}`]: { end: 'Failed' } });
    expect(await deploy(`${job}---\n${companions}`)).toMatchObject({ outcome: 'failed' });

    expect(await deploy(`${job}---\n${companions}`, {}, 2)).toMatchObject({ outcome: 'succeeded' });

    expect(watch.made).toHaveLength(2);
  });

  it('says which objects of its file it does not need', async () => {
    runJobs(world);
    const unused = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spare}\ndata: {}\n';

    await deploy(`${job}---\n${companions}---\n${unused}`);

    expect(notices()).toContain(
      'ConfigMap spare of the migration is used by no pod of its Job: it is not made',
    );
  });

  it('is refused with file and line where it can never be run, with nothing changed', async () => {
    const before = world.cluster.calls.length;
    const wrong = job
      .replace('restartPolicy: Never', 'restartPolicy: Always')
      .replace('labels: {app: migrate}', 'labels: {app: web}');

    await expect(deploy(wrong)).rejects.toThrow(
      'k8s/migrate.yaml:11: Job migrate has no restartPolicy that ends: it must be Never or OnFailure; ' +
        'k8s/migrate.yaml:9: Service shop/web would send requests to the pods of Job migrate, by their labels',
    );

    expect(
      world.cluster.calls.slice(before).filter((call) => /create|apply|patch|delete/.test(call)),
    ).toEqual([]);
  });

  it('is refused at once when its pods cannot be made', async () => {
    const refused = new RejectedError('serviceaccount "migrate" not found', { status: 403 });
    world.cluster.before = (verb, { kind }) => {
      if (verb === 'create' && kind === 'Pod') throw refused;
    };

    expect(await deploy(`${job}---\n${companions.split('---')[0]!}`)).toMatchObject({
      outcome: 'failed',
      message: `nothing was changed: the cluster rejected k8s/migrate.yaml:1: Job shop/migrate-${suffix}: serviceaccount "migrate" not found`,
    });
  });

  it.each([
    ['the right to make pods is missing', new ForbiddenError('User "ci" cannot create resource "pods"')],
    ['a webhook takes no part in dry runs', new RejectedError('webhook "a" does not support dry run')],
    ['a quota may have room later', new QuotaError('exceeded quota', { isFinal: false })],
  ])('is tried when %s', async (_, error) => {
    runJobs(world);
    world.cluster.before = (verb, { kind }) => {
      if (verb === 'create' && kind === 'Pod') throw error;
    };

    expect(await deploy(job)).toMatchObject({ outcome: 'succeeded' });
  });

  it('goes through what looks at manifests before they are sent, as they do', async () => {
    const { cluster, clock } = world;
    const seen: string[] = [];

    const admit = (manifests: readonly Manifest[]) =>
      seen.push(
        ...manifests.map(
          ({ object, location }) => `${location} ${object.kind} ${object.metadata.namespace ?? ''}`,
        ),
      );
    await planRelease(
      {
        ...{ cluster, clock, settings: settings(), application: 'web', namespace: 'shop', elsewhere: 'ci' },
        ...{ files: [], migrationFiles: [{ path: 'migrate.yaml', text: `${job}---\n${companions}` }], admit },
      },
      { signal },
    );

    expect(seen).toEqual([
      ...['migrate.yaml:1 Job shop', 'migrate.yaml:20 Secret shop', 'migrate.yaml:25 ServiceAccount shop'],
    ]);
  });

  it('names its own setting when the file is not there', async () => {
    await expect(deploy(job, { job: 'k8s/other.yaml' })).rejects.toThrow(
      'deploy.migrate.job: no file matches "k8s/other.yaml"',
    );
  });
});

describe('the plan of a release with a migration', () => {
  it('has it as its first step, and what is made for it', async () => {
    const { cluster, clock } = world;

    const plan = await planRelease(
      {
        ...{ cluster, clock, settings: settings({ timeout: '5m' }), application: 'web', namespace: 'shop' },
        files: [{ path: 'k8s/web.yaml', text: web }],
        migrationFiles: [{ path: 'k8s/migrate.yaml', text: `${job}---\n${companions}` }],
        elsewhere: 'ci',
      },
      { signal },
    );

    expect(plan.steps[0]).toBe(
      'run the Job of k8s/migrate.yaml until it is complete, for 5m at most; if it fails, end with nothing changed',
    );
    expect(
      plan.objects
        .slice(0, 5)
        .map(({ reference, change }) => `${reference.kind} ${reference.name} ${change}`),
    ).toEqual([
      'ServiceAccount migrate created',
      'ConfigMap web-xxxxxxxxxx created',
      'Secret database-xxxxxxxxxx created',
      'Secret pull-xxxxxxxxxx created',
      'Job migrate-xxxxxxxxxx created',
    ]);
  });
});
