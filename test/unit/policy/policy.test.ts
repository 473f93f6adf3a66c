import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  checkAgent,
  checkCluster,
  checkHost,
  checkObjects,
  checkPipeline,
  checkPlan,
  checkStage,
  checkWrite,
} from '../../../src/policy/check.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import { ruleDefinitions, ruleNames, type RuleName } from '../../../src/policy/rules.ts';
import type { Pipeline } from '../../../src/spec/pipeline.ts';
import {
  around,
  deployment,
  pipelineOf,
  planOf,
  policyCases,
  policyFrom,
  policyOf,
  type PolicyCase,
} from './policy-cases.ts';

const rulesOf = (found: readonly { message: string }[]) =>
  [...new Set(found.map(({ message }) => /\(([\w.]+)\)$/.exec(message)?.[1]))].sort();

function refusedInFile(pipeline: Pipeline, ...policies: Policy[]) {
  return rulesOf(checkPipeline(pipeline, policies, around));
}

function refusedInPlan(pipeline: Pipeline, ...policies: Policy[]) {
  const place = { ...around, cluster: 'staging', pathOf: (stage: string) => ['stages', stage] };
  return rulesOf(checkPlan(planOf(pipeline), policies, place));
}

const named = policyCases.map((each) => [`${each.rule} ${JSON.stringify(each.limit)}`, each] as const);
/** `[]` and `false` allow nothing; a list of what is refused has no such form. */
const nothing = ({ rule }: Pick<PolicyCase, 'rule'>) =>
  policyOf(rule, ruleDefinitions[rule].form === 'switch' ? false : []);

describe.each(named)('the limit %s', (_name, { rule, limit, part, good, bad, expression }) => {
  const policy = policyOf(rule, limit);

  it.each(good)('allows %s', (value) => {
    const pipeline = pipelineOf(part(value));

    expect(refusedInFile(pipeline, policy)).toEqual([]);
    expect(refusedInPlan(pipeline, policy)).toEqual([]);
  });

  it.each(bad)('refuses %s, in the file and in its plan', (value) => {
    const pipeline = pipelineOf(part(value));
    const expected = rule === 'secrets.kubernetes' && value.includes('theirs') ? [] : [rule];

    expect(refusedInFile(pipeline, policy)).toEqual(expected); // the namespace of the agent is not known yet
    expect(refusedInPlan(pipeline, policy)).toEqual([rule]);
  });

  if (expression) {
    it.each(bad.filter((value) => value !== 'no image'))('refuses %s by an expression', (value) => {
      const pipeline = pipelineOf(part('${{ params.x }}'), value);

      expect(refusedInFile(pipeline, policy)).toEqual([]); // not known yet
      expect(refusedInPlan(pipeline, policy)).toEqual([rule]);
      expect(refusedInFile(pipeline, nothing({ rule }))).toEqual([rule]);
    });
  }
});

it('takes the Job of an analysis for one of a manifest', () => {
  const smoke = { job: { template: { spec: { containers: [{ name: 'smoke', image: 'smoke:1' }] } } } };
  const deploy = { manifests: 'k8s/*.yaml', analyses: { smoke } };
  const pipeline = pipelineOf({ stages: [{ name: 'deploy', deploy }] });

  expect(refusedInFile(pipeline, policyOf('deploy.kinds', ['Deployment']))).toEqual(['deploy.kinds']);
  expect(refusedInFile(pipeline, policyOf('deploy.kinds', ['batch/Job']))).toEqual([]);
});

it('has a case for every limit of what a file says', () => {
  const elsewhere = ['clusters', ...ruleNames.filter((name) => name.startsWith('deploy.'))];

  expect(
    ruleNames.filter((name) => !elsewhere.includes(name) && !policyCases.some(({ rule }) => rule === name)),
  ).toEqual([]);
});

describe('limits of manifests', () => {
  const pod = (fields: object) => deployment({ containers: [{ name: 'web', image: 'web:1', ...fields }] });
  const role = (kind: string) => ({
    location: 'k8s/role.yaml:1',
    object: { apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name: 'x' } },
  });
  const space = (name: string) => ({
    location: 'k8s/ns.yaml:1',
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
  });
  const rollout = (image: string) => ({
    location: 'k8s/rollout.yaml:1',
    object: {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      metadata: { name: 'x', namespace: 'shop' },
      spec: { template: { spec: { containers: [{ name: 'web', image }] } } },
    },
  });
  const unconfined = {
    metadata: { annotations: { 'container.apparmor.security.beta.kubernetes.io/main': 'unconfined' } },
  };
  const custom = (spec: object) => ({
    location: 'k8s/custom.yaml:1',
    object: {
      apiVersion: 'example.com/v1',
      kind: 'Custom',
      metadata: { name: 'x', namespace: 'shop' },
      spec,
    },
  });
  const volume = (spec: object) => ({
    location: 'k8s/volume.yaml:1',
    object: { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'x' }, spec },
  });
  const cases: [RuleName, unknown, good: object[], bad: object[]][] = [
    ['deploy.namespaces', ['shop'], [deployment({})], [deployment({}, 'kube-system')]],
    ['deploy.namespaces', ['shop'], [space('shop')], [space('kube-system')]],
    ['deploy.kinds', ['Deployment'], [deployment({})], [role('ClusterRoleBinding')]],
    ['deploy.kinds', ['apps/*', 'Namespace'], [deployment({}), space('x')], [role('ClusterRole')]],
    [
      'deploy.clusterKinds',
      ['ClusterRole'],
      [role('ClusterRole'), deployment({})],
      [role('ClusterRoleBinding')],
    ],
    [
      'deploy.images',
      ['docker.io/library/web'],
      [deployment({})],
      [pod({ image: 'evil/x' }), rollout('evil/x')],
    ],
    ['deploy.privileged', false, [deployment({})], [pod({ securityContext: { privileged: true } })]],
    [
      'deploy.hostNamespaces',
      [],
      [deployment({})],
      [
        deployment({ hostPID: true }),
        ...['hostPID', 'hostIPC', 'hostNetwork'].map((key) => custom({ [key]: true })),
      ],
    ],
    [
      'deploy.privileged',
      false,
      [custom({ initContainers: [{ name: 'i', image: 'x' }] })],
      [
        custom({ initContainers: [{ name: 'i', securityContext: { privileged: true } }] }),
        custom({ ephemeralContainers: [{ name: 'i', securityContext: { privileged: true } }] }),
        custom({ jobTemplate: { spec: { template: unconfined } } }),
      ],
    ],
    [
      'deploy.hostPaths',
      ['/data'],
      [volume({ hostPath: { path: '/data' } }), volume({ nfs: { path: '/' } })],
      [
        volume({ hostPath: { path: '/' } }),
        volume({ local: { path: '/var' } }),
        custom({ volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
      ],
    ],
    ['deploy.serviceAccounts', ['web'], [custom({})], [custom({ serviceAccountName: 'admin' })]],
    [
      'deploy.hostPaths',
      ['/data'],
      [deployment({ volumes: [{ name: 'v', hostPath: { path: '/data' } }] })],
      [deployment({ volumes: [{ name: 'v', hostPath: { path: '/' } }] })],
    ],
    [
      'deploy.volumes',
      ['emptyDir'],
      [deployment({ volumes: [{ name: 'v', emptyDir: {} }] })],
      [deployment({ volumes: [{ name: 'v', hostPath: { path: '/' } }] })],
    ],
    [
      'deploy.serviceAccounts',
      ['web'],
      [deployment({ serviceAccountName: 'web' })],
      [deployment({ serviceAccountName: 'admin' })],
    ],
    [
      'deploy.capabilities',
      [],
      [deployment({})],
      [pod({ securityContext: { capabilities: { add: ['SYS_ADMIN'] } } })],
    ],
  ];

  it.each(cases)('%s %j', (rule, limit, good, bad) => {
    const policy = policyOf(rule, limit);

    for (const object of good) expect(rulesOf(checkObjects([object as never], [policy]))).toEqual([]);
    for (const object of bad) expect(rulesOf(checkObjects([object as never], [policy]))).toEqual([rule]);
  });

  it('have one for each limit of deploys', () => {
    expect(new Set(cases.map(([rule]) => rule))).toEqual(
      new Set(ruleNames.filter((name) => name.startsWith('deploy.'))),
    );
  });

  it('objects without a namespace are closed where namespaces are limited', () => {
    const policy = policyFrom({ deploy: { namespaces: ['shop'] } });
    const [found] = checkObjects([role('ClusterRoleBinding')], [policy]);

    expect(found).toMatchObject({ location: 'k8s/role.yaml:1', path: ['kind'] });
    expect(rulesOf([found!])).toEqual(['deploy.clusterKinds']);
  });

  it('hold for what a record in the cluster brings, but for the kinds that a release makes for itself', () => {
    const policy = policyFrom({ deploy: { namespaces: ['shop'], kinds: ['Deployment'] } });
    const record = (namespace: string, kind = 'ConfigMap', apiVersion = 'v1') => ({
      apiVersion,
      kind,
      metadata: { name: 'r', namespace },
    });

    expect(checkWrite(record('shop'), [policy])).toEqual([]);
    expect(checkWrite(record('shop', 'Secret'), [policy])).toEqual([]);
    expect(checkWrite(space('shop').object, [policy])).toEqual([]);
    expect(checkWrite(record('shop', 'Pod'), [policy], { deletes: true })).toEqual([]);
    expect(rulesOf(checkWrite(space('other').object, [policy]))).toEqual(['deploy.namespaces']);
    expect(rulesOf(checkWrite(record('other'), [policy]))).toEqual(['deploy.namespaces']);
    for (const [kind, apiVersion] of [
      ['Pod', 'v1'],
      ['RoleBinding', 'rbac.authorization.k8s.io/v1'],
      ['ConfigMap', 'example.com/v1'],
    ])
      expect(rulesOf(checkWrite(record('shop', kind, apiVersion), [policy]))).toEqual(['deploy.kinds']);
  });
});

describe('what is known in the run alone', () => {
  it.each(
    policyCases.filter(
      ({ expression, rule }) => expression && /^(checkout|image|deploy|verify)\./.test(rule),
    ),
  )('is refused by $rule when its stage is about to run', ({ rule, limit, part, good, bad }) => {
    const policy = policyOf(rule, limit);
    const pipeline = pipelineOf(part('${{ stages.a.outputs.x }}'));
    expect(refusedInFile(pipeline, policy)).toEqual([]);
    expect(refusedInPlan(pipeline, policy)).toEqual([]);
    const run = (value: string) => {
      const { kind, input } = pipelineOf(part(value)).stages[1]!;
      return rulesOf(checkStage({ kind, input, path: [] }, [policy], { ...around, namespace: 'shop-pr' }));
    };

    for (const value of good) expect(run(value)).toEqual([]);
    for (const value of bad) expect(run(value)).toEqual([rule]);
  });

  it('is taken as it is, though it looks like an expression', () => {
    const stage = {
      kind: 'checkout',
      input: { checkout: { url: 'https://evil.example/${{ x }}' } },
      path: [],
    };
    const policy = policyOf('checkout.urls', ['https://git.example.com/**']);

    expect(rulesOf(checkStage(stage, [policy], { ...around, namespace: 'ci' }))).toEqual(['checkout.urls']);
  });

  it('is refused when the agent is about to be made', () => {
    const { agents } = planOf(pipelineOf({ agent: { containers: { main: { image: 'evil/x' } } } }));
    const [agent] = Object.values(agents);
    if (agent === undefined) throw new Error('the plan has no agent');
    const spec = { ...agent, runId: 'r', name: 'main', deadlineSeconds: 1 };

    expect(rulesOf(checkAgent(spec, [policyOf('agent.images', ['docker.io/library/*'])], ''))).toEqual([
      'agent.images',
    ]);
  });

  it('is refused with what to write instead, where the policy allows no Docker Engine', () => {
    const stage = { kind: 'image', input: { image: { repository: 'web' } }, path: [] };
    const [refused] = checkStage(stage, [policyOf('image.engines', [])], { ...around, namespace: 'ci' });

    expect(refused?.hint).toBe('the policy allows none; write `builder: layers`, which needs none');
  });

  it('is refused for a repository that leaves what is allowed by "..", which the schema refuses before', () => {
    const repository = 'harbor.example.com/forks/../shop/web';
    const stage = { kind: 'image', input: { image: { repository, builder: 'layers' } }, path: [] };
    const policy = policyOf('image.repositories', ['harbor.example.com/forks/**']);

    expect(rulesOf(checkStage(stage, [policy], { ...around, namespace: 'ci' }))).toEqual([
      'image.repositories',
    ]);
  });

  it('is refused for hosts of redirects', () => {
    const policy = policyOf('verify.hosts', ['web.shop']);

    expect(checkHost({ host: 'web.shop', port: 80 }, [policy])).toEqual([]);
    expect(rulesOf(checkHost({ host: '169.254.169.254', port: 80 }, [policy]))).toEqual(['verify.hosts']);
  });
});

describe('what is looked at wherever it stands', () => {
  const checkout = (url: string, more: object = {}) => ({ name: 's', checkout: { url }, ...more });
  const policy = policyOf('checkout.urls', ['https://git.example.com/**']);

  it('is refused in finally, as in stages', () => {
    const pipeline = pipelineOf({ finally: [checkout('https://evil.example/x')] });

    expect(refusedInFile(pipeline, policy)).toEqual(['checkout.urls']);
    expect(refusedInPlan(pipeline, policy)).toEqual(['checkout.urls']);
  });

  it('is refused in one of the values of a matrix', () => {
    const matrix = { host: ['git.example.com', 'evil.example'] };
    const pipeline = (values: string[]) =>
      pipelineOf({ stages: [checkout('https://${{ matrix.host }}/x', { matrix: { host: values } })] });

    expect(refusedInPlan(pipeline(matrix.host), policy)).toEqual(['checkout.urls']);
    expect(refusedInPlan(pipeline(matrix.host.slice(0, 1)), policy)).toEqual([]);
  });

  it('is refused in Secrets that images are pulled with', () => {
    const pipeline = pipelineOf({ agent: { imagePullSecrets: ['theirs'] } });

    expect(refusedInPlan(pipeline, policyOf('secrets.kubernetes', ['ci/theirs']))).toEqual([]);
    expect(refusedInPlan(pipeline, policyOf('secrets.kubernetes', ['ci/ours']))).toEqual([
      'secrets.kubernetes',
    ]);
  });

  it('is refused for the cluster of a plan', () => {
    expect(refusedInPlan(pipelineOf({}), policyOf('clusters', ['production']))).toEqual(['clusters']);
    expect(refusedInPlan(pipelineOf({}), policyOf('clusters', ['staging']))).toEqual([]);
  });
});

describe('a deploy that names no namespace', () => {
  it('goes to that of the run, which has to be allowed', () => {
    const pipeline = pipelineOf({ stages: [{ name: 's', deploy: { manifests: 'k8s/*.yaml' } }] });

    expect(refusedInPlan(pipeline, policyOf('deploy.namespaces', ['shop']))).toEqual(['deploy.namespaces']);
    expect(refusedInPlan(pipeline, policyOf('deploy.namespaces', ['ci']))).toEqual([]);
  });
});

describe('clusters', () => {
  it('are allowed by name', () => {
    const policy = policyOf('clusters', ['staging', 'fork-*']);

    expect(checkCluster('staging', [policy])).toEqual([]);
    expect(rulesOf(checkCluster('production', [policy]))).toEqual(['clusters']);
  });
});

describe('the agent’s image that the runner chooses', () => {
  it('needs no policy', () => {
    expect(refusedInPlan(pipelineOf({}), policyOf('agent.images', []))).toEqual([]);
  });
});

describe('several policies', () => {
  it('are all in force', () => {
    const pipeline = pipelineOf({ secrets: { s: { env: 'CI_TOKEN' } } });

    expect(refusedInFile(pipeline, policyOf('secrets.env', ['CI_*']), policyOf('secrets.env', []))).toEqual([
      'secrets.env',
    ]);
  });
});

describe('any pipeline that uses a thing', () => {
  const uses = policyCases
    .filter(({ rule }) => ruleDefinitions[rule].refuses !== true)
    .flatMap((each) => each.bad.map((value) => ({ ...each, value })));
  const limits = ruleNames.filter((rule) => ruleDefinitions[rule].refuses !== true);
  const policyOfNothing = (rules: readonly RuleName[]): Policy => {
    const all = policyFrom({ default: 'deny' });
    return { ...all, rules: new Map(rules.map((rule) => [rule, all.rules.get(rule)!])) };
  };

  it('is refused by every policy that allows nothing of it, and by no other', () => {
    fc.assert(
      fc.property(fc.constantFrom(...uses), fc.subarray(limits), ({ rule, part, value }, rules) => {
        const refused = refusedInPlan(pipelineOf(part(value)), policyOfNothing(rules));

        expect(refused.includes(rule)).toBe(rules.includes(rule));
        expect(refused.every((name) => rules.includes(name as RuleName))).toBe(true);
      }),
    );
  });

  it('is refused by a policy that denies by default', () => {
    for (const { rule, part, value } of uses)
      expect(refusedInPlan(pipelineOf(part(value)), policyFrom({ default: 'deny' }))).toContain(rule);
  });

  it('is allowed by a policy that names nothing', () => {
    for (const { part, value } of uses)
      expect(refusedInPlan(pipelineOf(part(value)), policyFrom({}))).toEqual([]);
  });
});
