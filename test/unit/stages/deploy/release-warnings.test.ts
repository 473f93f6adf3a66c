import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../../src/base/defined.ts';
import type { Workload } from '../../../../src/kubernetes/workload-objects.ts';
import type { KubernetesObject } from '../../../../src/ports/kubernetes-object.ts';
import { releaseWarnings } from '../../../../src/stages/deploy/release-warnings.ts';
import { withRollingUpdate } from '../../../../src/strategies/rolling/rolling-update.ts';

const probe = { readinessProbe: { httpGet: { path: '/', port: 8080 } } };
const preStop = { lifecycle: { preStop: { exec: { command: ['sleep', '5'] } } } };
const sound = { name: 'web', ...probe, ...preStop };

function workload(
  spec: Record<string, unknown> = {},
  {
    containers = [sound],
    kind = 'Deployment',
    ...pod
  }: {
    containers?: object[];
    kind?: string;
    initContainers?: object[];
    terminationGracePeriodSeconds?: unknown;
  } = {},
): Workload {
  const template = { metadata: { labels: { app: 'web', tier: 'front' } }, spec: { containers, ...pod } };
  return {
    ...{ apiVersion: 'apps/v1', kind, metadata: { name: 'web', namespace: 'shop' } },
    spec: { template, ...spec } as unknown as Workload['spec'],
  };
}

function service(
  spec: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): KubernetesObject {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop', ...metadata } },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  };
}

const behind = (object: Workload, ...services: KubernetesObject[]) =>
  releaseWarnings([object, ...(services.length === 0 ? [service()] : services)]).map(
    ({ message }) => message,
  );

describe('what of the manifests can lose requests', () => {
  it('is told of pods behind a Service, a line for each problem, with the remedy', () => {
    const bare = workload({}, { containers: [{ name: 'web' }] });

    expect(releaseWarnings([bare, service(), service({}, { name: 'other' })])).toEqual([
      {
        object: bare,
        path: ['spec', 'template', 'spec', 'containers', 0],
        message:
          'Deployment web: container web has no readinessProbe, so pods get requests before they can answer: add one (httpGet on a path that answers 200 when the application is up)',
      },
      {
        object: bare,
        path: ['spec', 'template', 'spec', 'containers', 0],
        message:
          'Deployment web: container web has no preStop hook, so a stopping pod may still get requests: add lifecycle.preStop.exec.command: ["sleep", "5"]',
      },
    ]);
  });

  it('is nothing when all is well', () => {
    expect(behind(workload())).toEqual([]);
    expect(behind(workload({ replicas: 1 }))).toEqual([]);
    expect(behind(withRollingUpdate([workload({ replicas: 1 })], {})[0] as Workload)).toEqual([]);
  });

  it.each<[string, KubernetesObject[]]>([
    ['there is no Service', []],
    ['the Service selects others', [service({ selector: { app: 'web', tier: 'back' } })]],
    ['the Service selects none', [service({ selector: undefined })]],
    ['the Service is in another namespace', [service({}, { namespace: 'other' })]],
    ['it is a Service of another API', [{ ...service(), apiVersion: 'serving.knative.dev/v1' }]],
    ['its pods only find each other by it', [service({ clusterIP: 'None', publishNotReadyAddresses: true })]],
  ])('is nothing when %s', (_, services) => {
    const bare = workload({ replicas: 1, strategy: { type: 'Recreate' } }, { containers: [{ name: 'web' }] });

    expect(releaseWarnings([bare, ...services])).toEqual([]);
  });

  it('is nothing of a Job, though a Service selects it', () => {
    const job = { ...workload({}, { containers: [{ name: 'a' }] }), apiVersion: 'batch/v1', kind: 'Job' };

    expect(behind(job)).toEqual([]);
  });

  it.each(['StatefulSet', 'DaemonSet'])('is looked for in a %s, too', (kind) => {
    expect(behind(workload({}, { kind, containers: [{ name: 'web' }] }))).toHaveLength(2);
  });
});

describe('which containers are looked at', () => {
  const port = { ports: [{ name: 'http', containerPort: 8080 }] };
  const metrics = { ports: [{ name: 'metrics', containerPort: 9090 }] };
  const pod = (...containers: object[]) => workload({}, { containers });

  it.each<[string, unknown]>([
    ['a number', 8080],
    ['a name', 'http'],
  ])('are those that a port of the Service reaches by %s', (_, targetPort) => {
    const own = service({ ports: [{ port: 80, targetPort }] });

    expect(behind(pod({ name: 'web', ...port }, { ...sound, name: 'side', ...metrics }), own)).toEqual([
      expect.stringContaining('container web has no readinessProbe'),
      expect.stringContaining('container web has no preStop hook'),
    ]);
    expect(behind(pod({ ...sound, ...port }, { name: 'side', ...metrics }), own)).toEqual([]);
  });

  it('are those with the port itself where it has no target', () => {
    const own = service({ ports: [{ port: 8080 }] });

    expect(behind(pod({ name: 'side' }, { name: 'web', ...port }), own)[0]).toContain('container web has no');
  });

  it('are named together, once for each problem', () => {
    const own = service({
      ports: [
        { port: 80, targetPort: 'http' },
        { port: 81, targetPort: 'metrics' },
      ],
    });

    expect(behind(pod({ name: 'web', ...port }, { name: 'side', ...metrics }), own)).toEqual([
      expect.stringContaining('Deployment web: containers web, side have no readinessProbe'),
      expect.stringContaining('Deployment web: containers web, side have no preStop hook'),
    ]);
  });

  it('are all where no port tells: one that has it is enough', () => {
    expect(behind(pod({ name: 'web' }, { name: 'side' }))).toEqual([
      expect.stringContaining('Deployment web: no container has a readinessProbe'),
      expect.stringContaining('Deployment web: no container has a preStop hook'),
    ]);
    expect(behind(pod({ name: 'web', ...preStop }, { name: 'side', ...probe }))).toEqual([]);
  });

  it('may be a sidecar, which is stopped after the containers', () => {
    const proxy = { name: 'proxy', restartPolicy: 'Always', ...port };
    const object = workload({}, { containers: [sound], initContainers: [{ name: 'init' }, proxy] });

    expect(releaseWarnings([object, service()])).toMatchObject([
      {
        path: ['spec', 'template', 'spec', 'initContainers', 1],
        message: expect.stringContaining('container proxy has no readinessProbe'),
      },
    ]);
    const abrupt = workload({}, { containers: [{ name: 'web' }], initContainers: [{ ...proxy, ...probe }] });
    expect(behind(abrupt)).toEqual([expect.stringContaining('container proxy has no preStop hook')]);
  });

  it('are ready no earlier than their startupProbe says', () => {
    expect(behind(pod({ name: 'web', ...preStop, startupProbe: {} }))).toEqual([]);
  });
});

describe('the time in which a pod ends', () => {
  const sleeping = (hook: object, terminationGracePeriodSeconds?: unknown) =>
    behind(
      workload(
        {},
        {
          containers: [{ ...sound, lifecycle: { preStop: hook } }],
          ...defined({ terminationGracePeriodSeconds }),
        },
      ),
    );
  const command = (...words: string[]) => ({ exec: { command: words } });

  it('must be longer than its preStop hook sleeps', () => {
    expect(sleeping(command('sleep', '20'), 15)).toEqual([
      'Deployment web: the preStop hook of container web sleeps for 20 s of the 15 s after which the pod is killed, so it cannot finish its requests: raise terminationGracePeriodSeconds above 20 by the time that requests take',
    ]);
    expect(sleeping(command('sleep', '15'), 15)).toHaveLength(1);
    expect(sleeping(command('sleep', '14'), 15)).toEqual([]);
  });

  it('is 30 s where the manifest does not say', () => {
    expect(sleeping(command('sleep', '30'))).toHaveLength(1);
    expect(sleeping(command('sleep', '29'))).toEqual([]);
  });

  it.each<[string, object, number]>([
    ['its own action', { sleep: { seconds: 40 } }, 40],
    ['a path', command('/bin/sleep', '40'), 40],
    ['a shell', command('/bin/sh', '-c', 'sleep 40; nginx -s quit'), 40],
    ['the longest of several', command('sh', '-c', 'test -f /x && sleep 50 || sleep 10'), 50],
    ['minutes', command('sleep', '2m'), 120],
  ])('is compared with a sleep by %s', (_, hook, seconds) => {
    expect(sleeping(hook)).toEqual([expect.stringContaining(`sleeps for ${String(seconds)} s of the 30 s`)]);
  });

  it.each<[string, object]>([
    ['another command', command('nginx', '-s', 'quit')],
    ['a sleep of unknown length', command('sh', '-c', 'sleep $DELAY')],
    ['a word that only looks like one', command('sh', '-c', 'nosleep 40; sleep-well 40')],
    ['a request', { httpGet: { path: '/stop', port: 8080 } }],
    ['what the API refuses', { exec: { command: 'sleep 40' }, sleep: 'long' }],
  ])('is not compared with %s', (_, hook) => {
    expect(sleeping(hook)).toEqual([]);
  });

  it('is not known where a stage fills it in', () => {
    expect(sleeping(command('sleep', '40'), '${GRACE}')).toEqual([]);
  });
});

describe('a rollout that leaves no pod', () => {
  const rolling = (rollingUpdate: object, more: object = {}) =>
    workload({ replicas: 1, strategy: { type: 'RollingUpdate', rollingUpdate }, ...more });
  const autoscaler = (name: string): KubernetesObject => ({
    ...{
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web', namespace: 'shop' },
    },
    spec: { scaleTargetRef: { kind: 'Deployment', name } },
  });

  it.each([
    [{ maxSurge: 1, maxUnavailable: 1 }],
    [{ maxSurge: '25%', maxUnavailable: '100%' }],
    [{ maxSurge: 0, maxUnavailable: '25%' }],
    [{ maxSurge: '0%', maxUnavailable: '50%' }],
  ])('is told of one replica with %j', (rollingUpdate) => {
    const { maxSurge, maxUnavailable } = rollingUpdate;

    expect(behind(rolling(rollingUpdate))).toEqual([
      `Deployment web has one replica, maxSurge ${String(maxSurge)} and maxUnavailable ${String(maxUnavailable)}, so its pod may go before the new one is ready: set maxSurge: 1 and maxUnavailable: 0`,
    ]);
  });

  it.each<[string, Workload]>([
    ['none may be missing', rolling({ maxSurge: 1, maxUnavailable: 0 })],
    ['a share of one is none', rolling({ maxSurge: '25%', maxUnavailable: '25%' })],
    ['there are two', rolling({ maxUnavailable: 1 }, { replicas: 2 })],
    ['it is not said how many there are', rolling({ maxUnavailable: 1 }, { replicas: undefined })],
  ])('is not told when %s', (_, object) => {
    expect(behind(object)).toEqual([]);
  });

  it('is not told where an autoscaler says how many pods there are', () => {
    const risky = rolling({ maxUnavailable: 1 });

    expect(behind(risky, service(), autoscaler('web'))).toEqual([]);
    expect(behind(risky, service(), autoscaler('other'))).toHaveLength(1);
  });

  it('is not told of a strategy that holds the old pods', () => {
    expect(releaseWarnings([rolling({ maxUnavailable: 1 }), service()], { holds: true })).toEqual([]);
  });

  it('is told once of Recreate', () => {
    expect(behind(workload({ replicas: 1, strategy: { type: 'Recreate' } }))).toEqual([
      'Deployment web has strategy Recreate: every release stops the old pods before the new ones start; take it out unless two versions must not run at once',
    ]);
  });
});
