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
  volumeMounts?: { mountPath: string }[];
}

function containersOf(more: Partial<AgentSpec>): Container[] {
  return (buildAgentPod({ ...spec, ...more })['spec'] as { containers: Container[] }).containers;
}

describe('the agent pod', () => {
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
