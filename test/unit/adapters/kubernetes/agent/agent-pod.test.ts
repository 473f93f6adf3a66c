import { describe, expect, it } from '@jest/globals';
import { agentPodName, labelValue } from '../../../../../src/adapters/kubernetes/agent/agent-names.ts';
import { buildAgentPod } from '../../../../../src/adapters/kubernetes/agent/agent-pod.ts';
import type { AgentSpec } from '../../../../../src/ports/agent.ts';

const spec: AgentSpec = {
  runId: '01JABCDEFGHJKMNPQRSTVWXYZ0',
  pipeline: 'shop-web',
  name: 'main',
  namespace: 'ci',
  containers: [{ name: 'node', image: 'node:24', env: {} }],
  services: [],
  imagePullSecrets: ['harbor'],
  deadlineSeconds: 3600,
  startTimeoutMs: 60_000,
};

interface Container {
  name: string;
  command?: string[];
  env?: unknown[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  readinessProbe?: Record<string, unknown>;
  volumeMounts?: { name: string; mountPath: string }[];
}

function containersOf(more: Partial<AgentSpec>): Container[] {
  return (buildAgentPod({ ...spec, ...more })['spec'] as { containers: Container[] }).containers;
}

describe('the agent pod', () => {
  it('has the kubelet keep the last log lines of each container that fails', () => {
    const podTemplate = {
      spec: {
        initContainers: [{ name: 'proxy', image: 'proxy:1' }],
        containers: [{ name: 'node', terminationMessagePolicy: 'File' }],
      },
    };
    const services = [{ name: 'db', image: 'postgres:16', env: {} }];
    const pod = buildAgentPod({ ...spec, services, podTemplate })['spec'] as {
      initContainers: { terminationMessagePolicy: string }[];
      containers: { name: string; terminationMessagePolicy: string }[];
    };

    expect(pod.initContainers[0]?.terminationMessagePolicy).toBe('FallbackToLogsOnError');
    expect(Object.fromEntries(pod.containers.map((c) => [c.name, c.terminationMessagePolicy]))).toEqual({
      node: 'File',
      db: 'FallbackToLogsOnError',
    });
  });

  it('is found by the run, owned by its record, and ends by itself', () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-run-x', uid: 'u' };

    const pod = buildAgentPod({ ...spec, owner });

    expect(pod.metadata.labels).toMatchObject({
      'app.kubernetes.io/managed-by': 'slipway',
      'slipway.dev/run': spec.runId,
      'slipway.dev/pipeline': 'shop-web',
    });
    expect(pod.metadata.ownerReferences).toMatchObject([owner]);
    expect(pod['spec']).toMatchObject({
      restartPolicy: 'Never',
      activeDeadlineSeconds: 3600,
      automountServiceAccountToken: false,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      imagePullSecrets: [{ name: 'harbor' }],
    });
  });

  it('asks for something in every container, so that none is the first to be evicted', () => {
    const [bare, limited] = containersOf({
      containers: [
        { name: 'a', image: 'x', env: {} },
        { name: 'b', image: 'x', env: {}, resources: { limits: { memory: '1Gi' } } },
      ],
    });

    expect(bare?.resources?.requests).toEqual({ cpu: '50m', memory: '64Mi' });
    expect(limited?.resources).toEqual({ requests: { cpu: '50m' }, limits: { memory: '1Gi' } });
  });

  it('keeps Kubernetes from expanding dollars in the wrapper and in values', () => {
    const [container] = containersOf({
      containers: [{ name: 'a', image: 'x', env: { PRICE: { type: 'plain', value: '$(HOME) $5 $$' } } }],
    });
    const expand = (text: string) => text.replaceAll('$$', '$');

    expect(container?.env).toEqual([{ name: 'PRICE', value: '$$(HOME) $$5 $$$$' }]);
    expect(container?.command?.[2]).not.toMatch(/(?<!\$)(?:\$\$)*\$(?!\$)/);
    expect(expand(container?.command?.[2] ?? '')).toContain('home=/slipway/$1');
  });

  it('takes secret variables from a Secret of the run', () => {
    const [container] = containersOf({
      containers: [{ name: 'a', image: 'x', env: { TOKEN: { type: 'secret', secret: 'npm' } } }],
    });

    expect(container?.env).toEqual([
      {
        name: 'TOKEN',
        valueFrom: { secretKeyRef: { name: `${agentPodName(spec)}-env`, key: 'a.TOKEN' } },
      },
    ]);
  });

  it('probes services in the way that they are said to be ready', () => {
    const [, db, web, job] = containersOf({
      services: [
        { name: 'db', image: 'postgres', env: {}, ready: { tcp: 5432 } },
        { name: 'web', image: 'web', env: {}, ready: { http: { port: 80, path: '/up' } } },
        { name: 'job', image: 'job', env: {}, ready: { exec: ['true'] } },
      ],
    });

    expect(db?.readinessProbe).toMatchObject({ tcpSocket: { port: 5432 } });
    expect(web?.readinessProbe).toMatchObject({ httpGet: { port: 80, path: '/up' } });
    expect(job?.readinessProbe).toMatchObject({ exec: { command: ['true'] } });
  });

  it('takes a pod template by strategic merge, but stays ours', () => {
    const pod = buildAgentPod({
      ...spec,
      podTemplate: {
        metadata: { name: 'mine', labels: { team: 'shop', 'slipway.dev/run': 'other' } },
        spec: {
          restartPolicy: 'Always',
          nodeSelector: { disk: 'ssd' },
          containers: [{ name: 'node', securityContext: { runAsUser: 1000 } }],
          volumes: [{ name: 'workspace', emptyDir: { medium: 'Memory' } }],
        },
      },
    });

    expect(pod.metadata).toMatchObject({
      name: agentPodName(spec),
      labels: { team: 'shop', 'slipway.dev/run': spec.runId },
    });
    expect(pod['spec']).toMatchObject({
      restartPolicy: 'Never',
      nodeSelector: { disk: 'ssd' },
      containers: [{ name: 'node', image: 'node:24', securityContext: { runAsUser: 1000 } }],
    });
    expect((pod['spec'] as { volumes: unknown[] }).volumes).toContainEqual({
      name: 'workspace',
      emptyDir: { medium: 'Memory' },
    });
  });

  describe('keeps the control files of each step container from all others', () => {
    const container = (name: string) => ({ name, image: 'x', env: {} });
    const both: AgentSpec['containers'] = [container('a'), container('b')];
    const template = (spec: Record<string, unknown>) =>
      containersOf({ containers: both, services: [container('db')], podTemplate: { spec } });

    it('by a volume each', () => {
      const long = 'c'.repeat(63);
      const pod = buildAgentPod({
        ...spec,
        containers: [...both, container(long)],
        services: [container('db')],
      });
      const { containers, volumes } = pod['spec'] as { containers: Container[]; volumes: { name: string }[] };
      const control = containers.map(
        ({ volumeMounts }) => volumeMounts?.find(({ mountPath }) => mountPath === '/slipway')?.name,
      );

      expect(control).toEqual(['slipway-a', 'slipway-b', expect.stringMatching(/^slipway-\w+$/), undefined]);
      for (const name of control.slice(0, 3)) {
        expect(volumes).toContainEqual({ name, emptyDir: {} });
        expect(name?.length).toBeLessThanOrEqual(63);
      }
    });

    it.each([
      [
        'another step container',
        { containers: [{ name: 'a', volumeMounts: [{ name: 'slipway-b', mountPath: '/x' }] }] },
        /mounts the volume "slipway-b" in container "a"/,
      ],
      [
        'a service',
        { containers: [{ name: 'db', volumeMounts: [{ name: 'slipway-b', mountPath: '/x' }] }] },
        /mounts the volume "slipway-b" in container "db"/,
      ],
      [
        'an init container',
        {
          initContainers: [{ name: 'i', image: 'x', volumeMounts: [{ name: 'slipway-a', mountPath: '/x' }] }],
        },
        /mounts the volume "slipway-a" in container "i"/,
      ],
      [
        'whoever has the volume that stands there instead',
        { containers: [{ name: 'a', volumeMounts: [{ name: 'workspace', mountPath: '/slipway' }] }] },
        /mounts something else at \/slipway of container "a"/,
      ],
      [
        'an init container that fills a part of its own volume',
        {
          containers: [
            { name: 'a', volumeMounts: [{ name: 'slipway-a', mountPath: '/slipway', subPath: 'x' }] },
          ],
        },
        /mounts something else at \/slipway of container "a"/,
      ],
      [
        'the node',
        { volumes: [{ name: 'slipway-a', emptyDir: null, hostPath: { path: '/tmp' } }] },
        /the volume "slipway-a", which holds control files and must be an emptyDir/,
      ],
    ])('and refuses a template that shows them to %s', (_, podSpec, message) => {
      expect(() => template(podSpec)).toThrow(message);
      expect(() => template(podSpec)).toThrow(expect.objectContaining({ name: 'InputError' }));
    });

    it('and lets a template choose how such a volume is kept', () => {
      expect(template({ volumes: [{ name: 'slipway-a', emptyDir: { medium: 'Memory' } }] })).toHaveLength(3);
    });
  });

  it('has the same name for the same run, a host name at most', () => {
    const long = {
      pipeline: 'a-very-long-pipeline-name-that-goes-on-and-on-and-on',
      runId: spec.runId,
      name: 'main',
    };

    expect(agentPodName(long)).toBe(agentPodName(long));
    expect(agentPodName(long)).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    expect(agentPodName({ ...long, name: 'other' })).not.toBe(agentPodName(long));
  });

  it.each(['../etc', 'ünïcode', 'x'.repeat(100), '-a-', ''])('makes a label of %j', (text) => {
    expect(labelValue(text)).toMatch(/^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/);
  });
});
