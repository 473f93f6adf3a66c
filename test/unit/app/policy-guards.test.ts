import { describe, expect, it } from '@jest/globals';
import { guardAgents, guardCluster } from '../../../src/app/policy-guards.ts';
import { PolicyError } from '../../../src/app/policy-error.ts';
import type { AgentSpec, Agents } from '../../../src/ports/agent.ts';
import type { Cluster } from '../../../src/ports/cluster.ts';
import { policyFrom } from '../policy/policy-cases.ts';

const signal = new AbortController().signal;

/** Remembers its calls. */
function remembering(): { target: unknown; calls: string[] } {
  const calls: string[] = [];
  const target = new Proxy(
    {},
    {
      get: (_target, name) => (asked: { kind?: string }) => {
        // Discovery changes nothing.
        if (name === 'served')
          return Promise.resolve({ namespaced: asked.kind?.startsWith('Cluster') !== true });
        calls.push(String(name));
        return Promise.resolve({});
      },
    },
  );
  return { target, calls };
}

describe('the cluster under a policy', () => {
  const policy = policyFrom({ deploy: { namespaces: ['shop'], kinds: ['Deployment'], privileged: false } });
  const reference = (namespace: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', namespace });
  const object = (namespace: string, spec = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x', namespace },
    spec,
  });
  const writes: [string, (cluster: Cluster, namespace: string) => Promise<unknown>][] = [
    ['create', (cluster, namespace) => cluster.create(object(namespace), { signal })],
    ['apply', (cluster, namespace) => cluster.apply(object(namespace), { signal })],
    ['replace', (cluster, namespace) => cluster.replace(object(namespace), { signal })],
    [
      'patch',
      (cluster, namespace) => cluster.patch(reference(namespace), { type: 'merge', body: {} }, { signal }),
    ],
    ['delete', (cluster, namespace) => cluster.delete(reference(namespace), { signal })],
  ];

  it.each(writes)('lets a %s pass in a namespace that is allowed, and in no other', async (name, write) => {
    const { target, calls } = remembering();
    const cluster = guardCluster(target as Cluster, [policy]);

    await write(cluster, 'shop');
    await expect(write(cluster, 'kube-system')).rejects.toThrow(PolicyError);

    expect(calls).toEqual([name]);
  });

  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'x', namespace: 'shop' },
  };

  it.each([
    ['another kind', { kinds: ['Deployment'] }, { ...binding, kind: 'RoleBinding' }, 'deploy.kinds'],
    ['a kind without a namespace that names an allowed one', {}, binding, 'deploy.clusterKinds'],
  ])('applies and deletes nothing that a forged record brings: %s', async (_what, more, forged, rule) => {
    const { target, calls } = remembering();
    const limited = policyFrom({ deploy: { namespaces: ['shop'], ...more } });
    const cluster = guardCluster(target as Cluster, [limited]);
    const { metadata, ...kind } = forged;

    await expect(cluster.apply(forged, { signal })).rejects.toThrow(rule);
    await expect(cluster.replace(forged, { signal })).rejects.toThrow(rule);
    await expect(cluster.delete({ ...kind, ...metadata }, { signal })).rejects.toThrow(rule);

    expect(calls).toEqual([]);
  });

  it('deletes pods that a strategy replaces, though manifests may not bring pods', async () => {
    const { target, calls } = remembering();
    const cluster = guardCluster(target as Cluster, [policy]);

    await cluster.delete({ ...reference('shop'), kind: 'Pod' }, { signal });
    await expect(cluster.apply({ ...object('shop'), kind: 'Pod' }, { signal })).rejects.toThrow(
      'deploy.kinds',
    );

    expect(calls).toEqual(['delete']);
  });

  it('applies no pod that is not allowed, whatever brings it', async () => {
    const { target, calls } = remembering();
    const spec = { containers: [{ name: 'x', securityContext: { privileged: true } }] };

    await expect(
      guardCluster(target as Cluster, [policy]).apply(object('shop', spec), { signal }),
    ).rejects.toThrow(PolicyError);

    expect(calls).toEqual([]);
  });
});

describe('agents under a policy', () => {
  it('are not made when their specification is not allowed', async () => {
    const { target, calls } = remembering();
    const agents = guardAgents(target as Agents, [policyFrom({ agent: { hostNamespaces: [] } })]);
    const spec = (podSpec: object): AgentSpec => ({
      runId: 'r',
      pipeline: 'shop',
      name: 'main',
      namespace: 'ci',
      containers: [{ name: 'main', image: 'any', env: {} }],
      services: [],
      podTemplate: { spec: podSpec },
      imagePullSecrets: [],
      deadlineSeconds: 1,
      startTimeoutMs: 1,
    });

    await agents.acquire(spec({ hostPID: false }), { signal });
    await expect(agents.acquire(spec({ hostPID: true }), { signal })).rejects.toThrow(
      'agent.podTemplate.spec.hostPID',
    );

    expect(calls).toEqual(['acquire']);
  });
});
