import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mayEvict, startControllers } from '../../../../src/sandbox/controllers/index.ts';
import type { Deployment, Job, Pod, ReplicaSet } from '../../../../src/sandbox/controllers/workload-types.ts';
import type { StoredObject } from '../../../../src/sandbox/store/objects.ts';
import { testCluster } from './cluster.ts';

let cluster: ReturnType<typeof testCluster>;
beforeEach(() => {
  cluster = testCluster();
});
afterEach(() => cluster.close());

const namespace = 'default';
const template = (image: string, labels: Record<string, string> = { app: 'web' }): object => ({
  metadata: { labels },
  spec: { containers: [{ name: 'main', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
});
const deployment = (more: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template('app:1'), ...more },
});
const web = (): Deployment =>
  cluster.objects.get<Deployment>({ kind: 'Deployment', namespace, name: 'web' })!;
const replicaSets = (): ReplicaSet[] => cluster.objects.list<ReplicaSet>('ReplicaSet', { namespace });
const pods = (): Pod[] => cluster.objects.list<Pod>('Pod', { namespace });
const images = (): unknown[] => pods().map(({ spec }) => spec.containers[0]?.['image']);
const change = (spec: object): void => {
  cluster.objects.modify<Deployment>(
    { kind: 'Deployment', namespace, name: 'web' },
    (object) => void Object.assign(object.spec, spec),
  );
};
const condition = (type: string): { status: string; reason?: string } | undefined =>
  web().status?.conditions?.find((entry) => entry.type === type);
const isRolledOut = (): boolean =>
  condition('Progressing')?.reason === 'NewReplicaSetAvailable' &&
  web().status?.observedGeneration === web().metadata.generation &&
  web().status?.updatedReplicas === web().spec.replicas &&
  web().status?.replicas === web().spec.replicas;
const events = (reason: string): string[] =>
  cluster.objects
    .list('Event', { namespace })
    .filter((event) => event['reason'] === reason)
    .map((event) => String(event['message']));

describe('a Deployment', () => {
  it('brings its pods up and says so in status, revision and events', async () => {
    cluster.create(deployment());

    await cluster.until(isRolledOut, 'rollout');

    const [replicaSet] = replicaSets();
    expect(web().status).toMatchObject({
      replicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      observedGeneration: 1,
    });
    expect(web().metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    expect(condition('Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' });
    expect(pods().every((pod) => pod.metadata.labels?.['pod-template-hash'] !== undefined)).toBe(true);
    expect(events('ScalingReplicaSet')).toEqual([`Scaled up replica set ${replicaSet!.metadata.name} to 3`]);
    expect(cluster.errors).toEqual([]);
  });

  it('replaces its pods when the template changes and goes back to the same ReplicaSet', async () => {
    cluster.create(deployment());
    await cluster.until(isRolledOut, 'first rollout');
    change({ template: template('app:2') });
    await cluster.until(() => isRolledOut() && replicaSets().length === 2, 'second rollout');

    change({ template: template('app:1') });
    await cluster.until(
      () =>
        isRolledOut() &&
        pods().length === 3 &&
        web().metadata.annotations?.['deployment.kubernetes.io/revision'] === '3',
      'rollback',
    );

    expect(replicaSets()).toHaveLength(2);
    expect(images()).toEqual(['app:1', 'app:1', 'app:1']);
    const active = replicaSets().find(({ spec }) => spec.replicas === 3);
    expect(active?.metadata.annotations?.['deployment.kubernetes.io/revision-history']).toBe('1');
  });

  it('keeps the old pods while new ones do not become ready, and fails at its progress deadline', async () => {
    cluster.create(deployment({ progressDeadlineSeconds: 1 }));
    await cluster.until(isRolledOut, 'first rollout');
    cluster.breakPods('app:bad');

    change({ template: template('app:bad') });
    await cluster.until(() => condition('Progressing')?.reason === 'ProgressDeadlineExceeded', 'deadline');

    expect(images().filter((image) => image === 'app:1')).toHaveLength(3);
    expect(condition('Progressing')?.status).toBe('False');
    expect(condition('Available')?.status).toBe('True');
  });

  it('does not roll out while paused, but scales', async () => {
    cluster.create(deployment());
    await cluster.until(isRolledOut, 'first rollout');

    change({ paused: true, template: template('app:2'), replicas: 5 });
    await cluster.until(() => web().status?.readyReplicas === 5, 'scaling');

    expect(replicaSets()).toHaveLength(1);
    expect(condition('Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' });
    change({ paused: false });
    await cluster.until(() => isRolledOut() && pods().length === 5, 'rollout after resuming');
    expect(new Set(images())).toEqual(new Set(['app:2']));
  });

  it('takes all old pods away before it makes new ones when it recreates', async () => {
    cluster.create(deployment({ strategy: { type: 'Recreate' } }));
    await cluster.until(isRolledOut, 'first rollout');
    const seen = new Set<string>();
    cluster.objects.subscribe(['Pod'], () => seen.add([...new Set(images())].join('+')));

    change({ template: template('app:2') });
    await cluster.until(() => isRolledOut() && replicaSets().length === 2, 'second rollout');

    expect([...seen].some((together) => together.includes('+'))).toBe(false);
  });

  it('keeps as many old ReplicaSets as its history limit says', async () => {
    cluster.create(deployment({ revisionHistoryLimit: 1 }));
    await cluster.until(isRolledOut, 'first rollout');
    for (const version of [2, 3, 4]) {
      change({ template: template(`app:${version}`) });
      await cluster.until(
        () => isRolledOut() && images().every((image) => image === `app:${version}`),
        `rollout ${version}`,
      );
    }

    await cluster.until(() => replicaSets().length === 2, 'pruning');

    expect(
      replicaSets()
        .map(({ metadata }) => metadata.annotations?.['deployment.kubernetes.io/revision'])
        .sort(),
    ).toEqual(['3', '4']);
  });

  it('takes its ReplicaSets and pods with it, or leaves them when told to', async () => {
    cluster.create(deployment());
    await cluster.until(isRolledOut, 'rollout');

    cluster.objects.delete({ kind: 'Deployment', namespace, name: 'web' }, { propagation: 'Orphan' });
    await cluster.until(() => replicaSets()[0]?.metadata.ownerReferences === undefined, 'orphaning');
    expect(pods()).toHaveLength(3);

    cluster.objects.delete(
      { kind: 'ReplicaSet', namespace, name: replicaSets()[0]!.metadata.name },
      { propagation: 'Foreground' },
    );
    await cluster.until(() => replicaSets().length === 0, 'removal in the foreground');
    expect(pods()).toEqual([]);
  });
});

describe('a ReplicaSet', () => {
  const replicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'set', namespace },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: template('app:1') },
  };

  it('adopts a pod that matches and lets go of one that no longer does', async () => {
    cluster.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'alone', namespace, labels: { app: 'web' } },
      spec: { containers: [{ name: 'main', image: 'app:1' }] },
    });
    cluster.create(replicaSet);
    await cluster.until(
      () =>
        pods().length === 2 && pods().every(({ metadata }) => metadata.ownerReferences?.[0]?.name === 'set'),
      'adoption',
    );

    cluster.objects.modify(
      { kind: 'Pod', namespace, name: 'alone' },
      ({ metadata }) => (metadata.labels = { app: 'other' }),
    );
    await cluster.until(() => pods().length === 3, 'a new pod in its place');

    expect(
      cluster.objects.get({ kind: 'Pod', namespace, name: 'alone' })?.metadata.ownerReferences,
    ).toBeUndefined();
  });
});

describe('a Job', () => {
  const job = (spec: object): object => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'once', namespace },
    spec: {
      template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'app:1' }] } },
      ...spec,
    },
  });
  const once = (): Job | undefined => cluster.objects.get<Job>({ kind: 'Job', namespace, name: 'once' });
  const end = async (phase: 'Succeeded' | 'Failed'): Promise<void> => {
    await cluster.until(() => pods().every(({ status }) => status?.phase === 'Running'), 'running pods');
    for (const { metadata } of pods()) {
      cluster.objects.modify<Pod>(
        { kind: 'Pod', namespace, name: metadata.name },
        (pod) => (pod.status = { ...pod.status, phase }),
        'status',
      );
    }
  };

  it('is complete when its pods succeeded, and goes after its time to live', async () => {
    cluster.create(job({ completions: 2, parallelism: 2, ttlSecondsAfterFinished: 0 }));
    await cluster.until(() => once()?.status?.active === 2, 'start');

    await end('Succeeded');
    await cluster.until(() => once() === undefined, 'removal');

    expect(events('Completed')).toEqual(['Job completed']);
  });

  it('has no pods while suspended and says so, and goes on when resumed', async () => {
    const key = { kind: 'Job', namespace, name: 'once' };
    const suspended = (): string | undefined =>
      once()?.status?.conditions?.find(({ type }) => type === 'Suspended')?.status;
    cluster.create(job({ suspend: true }));
    await cluster.until(() => suspended() === 'True', 'suspension');
    expect(pods()).toEqual([]);

    cluster.objects.modify<Job>(key, ({ spec }) => void (spec.suspend = false));
    await cluster.until(() => once()?.status?.active === 1, 'start');

    expect(suspended()).toBe('False');
  });

  it('fails when its pods failed more often than allowed', async () => {
    cluster.create(job({ backoffLimit: 0 }));
    await cluster.until(() => once()?.status?.active === 1, 'start');

    await end('Failed');
    await cluster.until(() => once()?.status?.conditions !== undefined, 'failure');

    expect(once()?.status).toMatchObject({
      failed: 1,
      conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }],
    });
  });
});

describe('StatefulSets and DaemonSets', () => {
  it('make pods with stable names and their claims', async () => {
    cluster.create({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace },
      spec: {
        replicas: 2,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: template('db:1', { app: 'db' }),
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      },
    });
    const set = (): StoredObject<unknown, Record<string, unknown>> | undefined =>
      cluster.objects.get({ kind: 'StatefulSet', namespace, name: 'db' });

    await cluster.until(() => set()?.status?.['readyReplicas'] === 2, 'start');

    expect(pods().map(({ metadata }) => metadata.name)).toEqual(['db-0', 'db-1']);
    const claims = cluster.objects.list<StoredObject<unknown, { phase?: string }>>('PersistentVolumeClaim', {
      namespace,
    });
    expect(claims.map(({ metadata, status }) => [metadata.name, status?.phase])).toEqual([
      ['data-db-0', 'Bound'],
      ['data-db-1', 'Bound'],
    ]);
    expect(set()?.status?.['currentRevision']).toBe(set()?.status?.['updateRevision']);
  });

  it('run one pod a node', async () => {
    cluster.create({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent', namespace },
      spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent:1', { app: 'agent' }) },
    });

    await cluster.until(
      () =>
        cluster.objects.get<StoredObject<unknown, Record<string, unknown>>>({
          kind: 'DaemonSet',
          namespace,
          name: 'agent',
        })?.status?.['numberReady'] === 1,
      'start',
    );

    expect(pods()).toHaveLength(1);
  });
});

describe('minReadySeconds', () => {
  it.each(['StatefulSet', 'DaemonSet'])('is waited for by a %s without any further change', async (kind) => {
    const spec = {
      serviceName: 'x',
      minReadySeconds: 1,
      selector: { matchLabels: { app: 'x' } },
      template: template('x:1', { app: 'x' }),
    };
    cluster.create({ apiVersion: 'apps/v1', kind, metadata: { name: 'x', namespace }, spec });
    const available = (): unknown => {
      const set = cluster.objects.get<StoredObject<unknown, Record<string, unknown>>>({
        kind,
        namespace,
        name: 'x',
      });
      return set?.status?.['availableReplicas'] ?? set?.status?.['numberAvailable'];
    };

    await cluster.until(() => available() === 1, 'availability');

    expect(available()).toBe(1);
  });
});

describe('when nothing changes', () => {
  it('nothing is written, nor after a restart of the controllers', async () => {
    cluster.create(deployment());
    cluster.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
    });
    for (const kind of ['StatefulSet', 'DaemonSet']) {
      const spec = {
        serviceName: 'x',
        selector: { matchLabels: { app: kind } },
        template: template('x:1', { app: kind }),
      };
      cluster.create({
        apiVersion: 'apps/v1',
        kind,
        metadata: { name: kind.toLowerCase(), namespace },
        spec,
      });
    }
    cluster.create({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    });
    await cluster.until(() => isRolledOut() && pods().length === 5, 'all pods');
    await cluster.until(cluster.quietFromNow(), 'quiet');
    const before = cluster.objects.version();

    const again = startControllers(cluster.objects, { caCertificate: 'PEM' });
    await cluster.until(cluster.quietFromNow(), 'quiet after the restart');
    again.close();

    expect(cluster.objects.version()).toBe(before);
    expect(cluster.errors).toEqual([]);
  });
});

describe('around them', () => {
  it('a Service has Endpoints and a slice of its ready pods, and they go with it', async () => {
    cluster.create(deployment());
    cluster.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
    });
    const slices = (): StoredObject[] => cluster.objects.list('EndpointSlice', { namespace });
    await cluster.until(
      () => (slices()[0]?.['endpoints'] as unknown[] | undefined)?.length === 3,
      'endpoints',
    );

    const endpoints = cluster.objects.get({ kind: 'Endpoints', namespace, name: 'web' });
    expect(endpoints?.['subsets']).toMatchObject([{ ports: [{ port: 8080 }] }]);
    expect(slices()[0]?.['ports']).toMatchObject([{ port: 8080, protocol: 'TCP' }]);
    cluster.objects.delete({ kind: 'Service', namespace, name: 'web' });
    await cluster.until(
      () =>
        slices().length === 0 &&
        cluster.objects.get({ kind: 'Endpoints', namespace, name: 'web' }) === undefined,
      'removal',
    );
  });

  it('a namespace is furnished, and emptied before it goes', async () => {
    cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
    const namespaced = { namespace: 'team' };
    await cluster.until(
      () => cluster.objects.get({ kind: 'ConfigMap', ...namespaced, name: 'kube-root-ca.crt' }) !== undefined,
      'furnishing',
    );
    expect(cluster.objects.get({ kind: 'ServiceAccount', ...namespaced, name: 'default' })).toBeDefined();

    cluster.objects.delete({ kind: 'Namespace', name: 'team' });
    expect(() =>
      cluster.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late', ...namespaced } }),
    ).toThrow('being terminated');
    await cluster.until(
      () => cluster.objects.get({ kind: 'Namespace', name: 'team' }) === undefined,
      'removal',
    );

    expect(cluster.objects.list('ConfigMap', namespaced)).toEqual([]);
  });

  it('a disruption budget refuses the eviction of the pod that is needed', async () => {
    cluster.create(deployment({ replicas: 2 }));
    cluster.create({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    });
    const budget = (): StoredObject<unknown, Record<string, unknown>> | undefined =>
      cluster.objects.get({ kind: 'PodDisruptionBudget', namespace, name: 'web' });
    await cluster.until(() => budget()?.status?.['disruptionsAllowed'] === 1, 'budget');

    const [first] = pods();
    expect(mayEvict(cluster.objects, first!)).toEqual({ allowed: true });
    cluster.objects.modify<StoredObject<{ minAvailable: number }>>(
      { kind: 'PodDisruptionBudget', namespace, name: 'web' },
      ({ spec }) => void (spec!.minAvailable = 2),
    );
    expect(mayEvict(cluster.objects, first!)).toMatchObject({
      allowed: false,
      reason: 'budget',
      cause: 'The disruption budget web needs 2 healthy pods and has 2 currently',
    });
  });
});
