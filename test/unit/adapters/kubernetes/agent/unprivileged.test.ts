import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildAgentPod } from '../../../../../src/adapters/kubernetes/agent/agent-pod.ts';
import type { Fields } from '../../../../../src/base/fields.ts';
import type { AgentContainer, AgentSpec } from '../../../../../src/ports/agent.ts';
import { restrictedViolations } from '../../../../support/restricted-rules.ts';

const ours: AgentContainer = { name: 'default', image: 'slipway/agent:1', env: {}, unprivileged: true };
const named: AgentContainer = { name: 'node', image: 'node:24', env: {} };
const spec: AgentSpec = {
  runId: '01JABCDEFGHJKMNPQRSTVWXYZ0',
  pipeline: 'shop-web',
  name: 'main',
  namespace: 'ci',
  containers: [ours],
  services: [],
  imagePullSecrets: [],
  deadlineSeconds: 3600,
  startTimeoutMs: 60_000,
};

interface PodSpec extends Fields {
  securityContext?: Fields;
  containers: { name: string; securityContext?: Fields }[];
}

const podOf = (more: Partial<AgentSpec>) => buildAgentPod({ ...spec, ...more })['spec'] as PodSpec;
const contextOf = (podSpec: Fields, more: Partial<AgentSpec> = {}) =>
  podOf({ ...more, podTemplate: { spec: podSpec } }).containers[0]?.securityContext;

const quantity = fc.constantFrom('50m', '1', '2Gi');
const variable = fc.oneof(
  fc.record({ type: fc.constant('plain' as const), value: fc.string() }),
  fc.record({ type: fc.constant('secret' as const), secret: fc.constantFrom('npm', 'harbor') }),
);
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}[a-z0-9]$/);

/** Specs of agents without a container and a service, with templates that ask for no more rights. */
const defaultSpec = fc.record(
  {
    runId: fc.ulid(),
    pipeline: name,
    name,
    namespace: name,
    containers: fc
      .record({
        env: fc.dictionary(name, variable),
        resources: fc.record({ limits: fc.dictionary(name, quantity) }),
      })
      .map((more): [AgentContainer] => [{ ...ours, ...more }]),
    services: fc.constant([]),
    imagePullSecrets: fc.array(name),
    cacheClaim: name,
    deadlineSeconds: fc.integer({ min: 1, max: 100_000 }),
    startTimeoutMs: fc.constant(60_000),
    podTemplate: fc.constantFrom<Fields>(
      {},
      { metadata: { labels: { team: 'shop' } } },
      { spec: { nodeSelector: { disk: 'ssd' }, serviceAccountName: 'builds' } },
      { spec: { securityContext: { runAsUser: 2000, fsGroup: 2000 } } },
      { spec: { securityContext: { runAsNonRoot: true } } },
      { spec: { containers: [{ name: 'default', resources: { limits: { cpu: '4' } } }] } },
      { spec: { containers: [{ name: 'default', securityContext: { readOnlyRootFilesystem: true } }] } },
      { spec: { containers: [{ name: 'default', securityContext: { runAsUser: 4000 } }] } },
      { spec: { volumes: [{ name: 'settings', configMap: { name: 'maven' } }] } },
    ),
  },
  {
    requiredKeys: [
      ...(['runId', 'pipeline', 'name', 'namespace', 'containers', 'services'] as const),
      ...(['imagePullSecrets', 'deadlineSeconds', 'startTimeoutMs'] as const),
    ],
  },
);

describe('the default agent', () => {
  it('breaks no rule of the level restricted, whatever it is called and given', () => {
    fc.assert(
      fc.property(defaultSpec, (given) => {
        expect(restrictedViolations(buildAgentPod(given)['spec'] as Fields)).toEqual([]);
      }),
    );
  });

  it('has an image whose user the kubelet knows not to be root', async () => {
    const dockerfile = await readFile('agent-image/Dockerfile', 'utf8');

    expect(dockerfile.match(/^USER .*$/gm)).toEqual(['USER 1000:1000']);
  });

  it.each<[string, Fields]>([
    ['a user', { securityContext: { runAsUser: 0 } }],
    ['that a user may be root', { securityContext: { runAsNonRoot: false } }],
    ['a user of the container', { containers: [{ name: 'default', securityContext: { runAsUser: 0 } }] }],
    ['privileges', { containers: [{ name: 'default', securityContext: { privileged: true } }] }],
    [
      'setuid programs',
      { containers: [{ name: 'default', securityContext: { allowPrivilegeEscalation: true } }] },
    ],
    [
      'a capability',
      { containers: [{ name: 'default', securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }] },
    ],
    ['an image', { containers: [{ name: 'default', image: 'ours:1' }] }],
  ])('is as a template has it that asks for %s', (_, podSpec) => {
    const containers = podSpec['containers'] as { securityContext?: Fields }[] | undefined;

    expect(contextOf(podSpec, { cacheClaim: 'ci-cache' })).toEqual(containers?.[0]?.securityContext);
    expect(
      podOf({ cacheClaim: 'ci-cache', podTemplate: { spec: podSpec } }).securityContext,
    ).not.toHaveProperty('fsGroup');
  });

  it('takes single fields from a template', () => {
    const securityContext = {
      runAsUser: 4000,
      allowPrivilegeEscalation: null,
      capabilities: { drop: ['KILL'] },
    };

    expect(contextOf({ containers: [{ name: 'default', securityContext }] })).toEqual({
      runAsNonRoot: true,
      runAsUser: 4000,
      capabilities: { drop: ['KILL'] },
    });
  });

  describe('gives its volumes to its group', () => {
    const groupOf = (more: Partial<AgentSpec>) => podOf(more).securityContext?.['fsGroup'];
    const cacheClaim = 'ci-cache';

    it('where a claim keeps the caches', () => {
      expect(groupOf({ cacheClaim })).toBe(1000);
      expect(groupOf({ cacheClaim, podTemplate: { spec: { securityContext: { fsGroup: 7 } } } })).toBe(7);
      expect(
        groupOf({ cacheClaim, podTemplate: { spec: { securityContext: { fsGroup: null } } } }),
      ).toBeUndefined();
    });

    it.each<[string, Partial<AgentSpec>]>([
      ['there is no claim', {}],
      ['a service shares the pod', { cacheClaim, services: [{ name: 'db', image: 'postgres:16', env: {} }] }],
      [
        'a container of the template does',
        { cacheClaim, podTemplate: { spec: { containers: [{ name: 'x', image: 'x' }] } } },
      ],
      [
        'the template brings a volume',
        { cacheClaim, podTemplate: { spec: { volumes: [{ name: 'x', emptyDir: {} }] } } },
      ],
      ['the image is named', { cacheClaim, containers: [named] }],
    ])('and not where %s', (_, more) => {
      expect(groupOf(more)).toBeUndefined();
    });
  });
});

describe('containers whose image is named, and services', () => {
  it('are as they were', () => {
    const services = [{ name: 'db', image: 'postgres:16', env: {} }];
    const pod = podOf({ containers: [named], services });

    expect(pod.securityContext).toEqual({ seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.containers.map(({ securityContext }) => securityContext)).toEqual([undefined, undefined]);
    expect(restrictedViolations(pod)).toEqual(
      expect.arrayContaining(['allowPrivilegeEscalation', 'runAsNonRoot', 'capabilities.drop']),
    );
    expect(
      podOf({ services }).containers.map(({ securityContext }) => securityContext === undefined),
    ).toEqual([false, true]);
  });
});

describe('the rules of the level restricted', () => {
  it.each<[string, Fields]>([
    ['volume of type hostPath', { volumes: [{ name: 'x', hostPath: { path: '/' } }] }],
    ['hostPID', { hostPID: true }],
    ['seccompProfile', { securityContext: { seccompProfile: null } }],
    ['runAsUser: 0', { securityContext: { runAsUser: 0 } }],
    ['hostPort', { containers: [{ name: 'default', ports: [{ containerPort: 80, hostPort: 80 }] }] }],
    [
      'capabilities.add',
      { containers: [{ name: 'default', securityContext: { capabilities: { add: ['CHOWN'] } } }] },
    ],
    ['privileged', { containers: [{ name: 'default', securityContext: { privileged: true } }] }],
    ['allowPrivilegeEscalation', { initContainers: [{ name: 'i', image: 'x' }] }],
  ])('find %s', (rule, podSpec) => {
    expect(restrictedViolations(podOf({ podTemplate: { spec: podSpec } }))).toContain(rule);
  });
});
