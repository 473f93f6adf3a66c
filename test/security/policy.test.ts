import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { makeHostileCheckout, type HostileCheckout } from '../support/hostile-links.ts';
import { useOwnSandbox } from '../support/own-sandbox.ts';
import { expectExit, runPipeline, startPipeline, type PipelineResult } from '../support/pipeline-command.ts';

const environment = useOwnSandbox('policy');
const onSandbox = ['--cluster', 'sandbox'];
let checkout: HostileCheckout;
let policy: string;

beforeEach(() => {
  checkout = makeHostileCheckout();
  policy = join(checkout.outside, 'policy.yaml');
});
afterEach(() => checkout.remove());

function command(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<PipelineResult> {
  return runPipeline(args, {
    cwd: checkout.tree,
    env: { ...environment, SLIPWAY_POLICY: undefined, ...env },
  });
}

function limits(rules: object): void {
  const head = { apiVersion: 'slipway.dev/v1', kind: 'Policy', name: 'forks' };
  writeFileSync(policy, stringify({ ...head, ...rules }));
}

function pipeline(parts: object): void {
  const head = { apiVersion: 'slipway.dev/v1', kind: 'Pipeline', name: 'foreign' };
  const stages = [{ name: 'build', run: 'echo built' }];
  checkout.file('app.yaml', stringify({ ...head, stages, ...parts }));
}

/** What a whole run of the file has left: nothing, when it was refused before. */
async function runs(): Promise<string> {
  const result = await command(['runs', ...onSandbox]);
  expectExit(result, 0);
  return result.stdout;
}

const hostile = {
  secrets: { home: { env: 'HOME' }, host: { file: '/etc/shadow' } },
  agent: { podTemplate: { spec: { volumes: [{ name: 'node', hostPath: { path: '/' } }] } } },
};

describe('a pipeline file that reaches for more than the policy allows', () => {
  beforeEach(() => {
    limits({ secrets: { env: ['CI_*'], files: [] }, agent: { hostPaths: [] } });
    pipeline(hostile);
  });

  it.each([
    ['validate', ['validate', 'app.yaml']],
    ['plan', ['plan', ...onSandbox, 'app.yaml']],
    ['run', ['run', ...onSandbox, 'app.yaml']],
    ['doctor', ['doctor', ...onSandbox, 'app.yaml']],
  ])('is refused by %s, with the place of each use, before anything happens', async (_name, args) => {
    const before = await runs();

    const result = await command([...args, '--policy', policy]);

    expectExit(result, 2);
    expect(result.stderr).toMatch(/app\.yaml:\d+:\d+: policy forks does not allow environment variable HOME/);
    expect(result.stderr).toMatch(
      /app\.yaml:\d+:\d+: .*\/etc\/shadow \(secrets\.files\) \(the policy allows none\)/,
    );
    expect(result.stderr).toMatch(/app\.yaml:\d+:\d+: .*hostPath \/ \(agent\.hostPaths\)/);
    expect(await runs()).toBe(before);
  });

  it('is refused by the machine’s policy, whatever the command line says', async () => {
    const lax = join(checkout.outside, 'lax.yaml');
    writeFileSync(lax, 'apiVersion: slipway.dev/v1\nkind: Policy\nname: lax\n');

    for (const args of [['app.yaml'], ['app.yaml', '--policy', lax]]) {
      const result = await command(['validate', ...args], { SLIPWAY_POLICY: policy });
      expectExit(result, 2);
      expect(result.stderr).toContain('policy forks does not allow');
    }
  });

  it('tells machines the same', async () => {
    const result = await command(['validate', 'app.yaml', '--policy', policy, '--output', 'json']);

    expectExit(result, 2);
    const told = JSON.parse(result.stderr) as { diagnostics: { code: string; path: unknown }[] };
    expect(told.diagnostics).toContainEqual(
      expect.objectContaining({ code: 'policy', path: ['secrets', 'home', 'env'] }),
    );
  });
});

describe('a policy', () => {
  it('that lies in the tree that it limits is refused, over a link or not', async () => {
    limits({});
    pipeline({});
    checkout.file('policy.yaml', 'apiVersion: slipway.dev/v1\nkind: Policy\nname: mine\n');
    symlinkSync(policy, join(checkout.tree, 'link.yaml'));
    symlinkSync(join(checkout.tree, 'policy.yaml'), join(checkout.outside, 'into-the-tree.yaml'));

    for (const file of ['policy.yaml', 'link.yaml', join(checkout.outside, 'into-the-tree.yaml')]) {
      const result = await command(['validate', 'app.yaml', '--policy', file]);
      expectExit(result, 2);
      expect(result.stderr).toContain('which it limits');
    }
  });

  it('that is wrong or not there lets nothing pass', async () => {
    pipeline({});
    writeFileSync(policy, 'apiVersion: slipway.dev/v1\nkind: Policy\nname: forks\nsecret: {}\n');

    const wrong = await command(['run', ...onSandbox, 'app.yaml'], { SLIPWAY_POLICY: policy });
    const missing = await command(['validate', 'app.yaml', '--policy', join(checkout.outside, 'none.yaml')]);

    expectExit(wrong, 2);
    expect(wrong.stderr).toMatch(/policy\.yaml:4:1: unknown key "secret" \(did you mean "secrets"\?/);
    expectExit(missing, 2);
    expect(missing.stderr).toContain('nothing is done without it');
  });

  it.each([
    ['SLIPWAY_POLICY is set, but empty', [], { SLIPWAY_POLICY: '' }],
    ['--policy names no file', ['--policy', ''], {}],
  ])(
    'without a name lets nothing pass: %s',
    async (message, options, env) => {
      pipeline({});
      const before = await runs();

      for (const args of [
        ['validate', 'app.yaml'],
        ['plan', ...onSandbox, 'app.yaml'],
        ['run', ...onSandbox, 'app.yaml'],
        ['resume', ...onSandbox, '01JAAAAAAAAAAAAAAAAAAAAAAA'],
        ['doctor', ...onSandbox],
      ]) {
        const result = await command([...args, ...options], env);
        expectExit(result, 2);
        expect(result.stderr).toContain(message);
      }
      expect(await runs()).toBe(before);
    },
    60_000,
  );

  it('is shown by doctor', async () => {
    limits({ default: 'deny', secrets: { env: ['CI_*'] }, agent: { privileged: true } });

    const result = await command(['doctor', ...onSandbox, '--policy', policy]);

    expect(result.stdout).toContain('policy forks (');
    expect(result.stdout).toContain('nothing else is allowed');
    expect(result.stdout).toContain('secrets.env: CI_*');
    expect(result.stdout).toContain('secrets.files: none');
    expect(result.stdout).toContain('agent.privileged: yes');
  });

  it('of a cluster is kept to before it is reached', async () => {
    limits({ clusters: ['staging'] });
    pipeline({});

    const result = await command(['run', ...onSandbox, '--policy', policy, 'app.yaml']);

    expectExit(result, 2);
    expect(result.stderr).toContain('policy forks does not allow cluster sandbox (clusters)');
  });
});

describe('a run under a policy', () => {
  it('that it keeps to succeeds', async () => {
    limits({
      default: 'deny',
      clusters: ['sandbox'],
      agent: { namespaces: ['default'], images: ['example.test/*'] },
      deploy: { namespaces: ['default'], kinds: ['ConfigMap'] },
    });
    const configuration = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'shop' },
      data: { a: 'b' },
    };
    checkout.file('k8s/shop.yaml', stringify(configuration));
    pipeline({
      agent: { containers: { main: { image: 'example.test/any:1' } } },
      stages: [
        { name: 'source', checkout: {} },
        { name: 'build', run: 'echo built' },
        { name: 'deploy', deploy: { manifests: 'k8s/*.yaml' } },
      ],
    });

    expectExit(await command(['run', ...onSandbox, '--policy', policy, 'app.yaml']), 0);
  }, 120_000);

  it.each([
    [
      'the URL of a checkout',
      { checkout: { url: '${{ stages.make.outputs.value }}' } },
      'file:///etc',
      'checkout URL file:///etc',
    ],
    [
      'the namespace of a deploy',
      { deploy: { manifests: 'k8s/*.yaml', namespace: '${{ stages.make.outputs.value }}' } },
      'kube-system',
      'namespace kube-system',
    ],
    [
      'the repository of an image',
      { image: { repository: '${{ stages.make.outputs.value }}', builder: 'layers' } },
      'evil.example/web',
      'image repository evil.example/web',
    ],
    [
      'a host to ask',
      { verify: { tcp: { host: '${{ stages.make.outputs.value }}', port: 80 } } },
      '169.254.169.254',
      'host 169.254.169.254',
    ],
  ])(
    'does not get around it by an expression: %s',
    async (_what, stage, value, refused) => {
      limits({
        checkout: { urls: ['https://git.example.com/**'] },
        deploy: { namespaces: ['default'] },
        image: { repositories: ['harbor.example.com/**'] },
        verify: { hosts: ['web.default'] },
      });
      pipeline({
        stages: [
          { name: 'make', run: `echo "value=${value}" >> "$SLIPWAY_OUTPUT"` },
          { name: 'use', ...stage },
        ],
      });

      const result = await command(['run', ...onSandbox, '--policy', policy, 'app.yaml']);

      expectExit(result, 1);
      expect(result.stdout + result.stderr).toContain(`policy forks does not allow ${refused}`);
    },
    120_000,
  );

  it('does not get around it by a link', async () => {
    limits({ checkout: { urls: [`file://${checkout.tree}/**`] } });
    mkdirSync(join(checkout.outside, 'repository'));
    checkout.link('lib', join(checkout.outside, 'repository'));
    pipeline({ stages: [{ name: 'source', checkout: { url: './lib' } }] });

    const result = await command(['run', ...onSandbox, '--policy', policy, 'app.yaml']);

    expectExit(result, 1);
    expect(result.stdout + result.stderr).toContain('/outside/repository (checkout.urls)');
  }, 120_000);

  it('does not get around it by a manifest that names another namespace, or the node', async () => {
    limits({ deploy: { namespaces: ['default'], hostPaths: [] } });
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'shop', namespace: 'kube-system' },
    };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'node' },
      spec: {
        containers: [{ name: 'main', image: 'example.test/any:1' }],
        volumes: [{ name: 'node', hostPath: { path: '/' } }],
      },
    };
    checkout.file('k8s/shop.yaml', `${stringify(object)}---\n${stringify(pod)}`);
    pipeline({
      stages: [
        { name: 'source', checkout: {} },
        { name: 'deploy', deploy: { manifests: 'k8s/*.yaml' } },
      ],
    });

    const plan = await command(['plan', ...onSandbox, '--policy', policy, 'app.yaml']);
    const run = await command(['run', ...onSandbox, '--policy', policy, 'app.yaml']);

    expectExit(plan, 2);
    expectExit(run, 1);
    for (const output of [plan.stderr, run.stdout + run.stderr]) {
      expect(output).toMatch(
        /k8s\/shop\.yaml:1: metadata\.namespace: policy forks does not allow namespace kube-system/,
      );
      expect(output).toMatch(/k8s\/shop\.yaml:\d+: spec\.volumes\.0\.hostPath\.path: .* hostPath \//);
    }
  }, 120_000);

  it('is resumed under the policy of the runner that resumes it', async () => {
    limits({ secrets: { env: [] } });
    pipeline({
      secrets: { home: { env: 'HOME' } },
      stages: [{ name: 'wait', run: 'echo begun; sleep 300' }],
    });
    const first = startPipeline(['run', ...onSandbox, 'app.yaml'], {
      cwd: checkout.tree,
      env: { ...environment, SLIPWAY_POLICY: undefined },
    });
    const [, runId] = await first.output(/\b(01[0-9A-HJKMNP-TV-Z]{24})\b/);
    await first.output(/begun/);
    first.child.kill('SIGKILL');
    await first.result;

    const result = await command(['resume', runId!, ...onSandbox, '--policy', policy]);
    await command(['cancel', runId!, ...onSandbox]);

    expectExit(result, 2);
    expect(result.stderr).toContain('policy forks does not allow environment variable HOME');
  }, 120_000);
});
