import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parse, stringify } from 'yaml';

import { defined } from '../../src/base/defined.ts';
import { e2eEnvironment } from '../support/e2e-environment.ts';
import { expectExit, runPipeline, type PipelineResult } from '../support/pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder } from '../support/pipeline-folder.ts';
import { clusterArguments } from '../support/runner.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';
import { testImage } from '../support/scratch-namespace.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
/** The sandbox has no RBAC and takes every login: what is refused is seen on a real cluster alone. */
const itWhereRightsCount = environment.cluster === 'current' ? it : it.skip;
let namespaces: RunnerNamespaces;
let folder: PipelineFolder;

beforeAll(async () => {
  namespaces = await makeRunnerNamespaces(environment, 'cli-cluster');
  folder = await makePipelineFolder('little-shop');
});
afterAll(async () => {
  await folder.remove();
  await namespaces.remove();
});

/** A command on the test cluster, as the runner or as somebody else. */
function pipeline(args: readonly string[], kubeconfig = namespaces.kubeconfig): Promise<PipelineResult> {
  return runPipeline([...args, ...clusterArguments(environment, namespaces)], {
    env: { KUBECONFIG: kubeconfig, LOGIN: `${environment.registryUser}:not-the-password` },
    timeoutMs: 240_000,
  });
}

/** The same, about the namespace of the application. */
function release(...args: string[]): Promise<PipelineResult> {
  return runPipeline(
    ['release', ...args, ...clusterArguments(environment, { agents: namespaces.application })],
    { env: { KUBECONFIG: namespaces.kubeconfig }, timeoutMs: 240_000 },
  );
}

interface ShopOptions {
  replicas?: number;
  strategy?: object;
}

/** A pipeline that releases one Deployment of one container, whose manifest lies beside the file and is made in the run. */
async function shop(version: string, { replicas = 1, strategy }: ShopOptions = {}): Promise<string> {
  const { application } = namespaces;
  const manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'little-shop', namespace: application },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'little-shop' } },
      template: {
        metadata: { labels: { app: 'little-shop' } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'main',
              image: testImage,
              command: ['sh', '-c', 'sleep 100000'],
              env: [{ name: 'VERSION', value: version }],
            },
          ],
        },
      },
    },
  };
  await folder.file('deployment.yaml', stringify(manifest));
  return folder.pipeline([
    { name: 'manifests', env: { TEXT: stringify(manifest) }, run: 'printf "%s" "$TEXT" > deployment.yaml' },
    {
      name: 'deploy',
      deploy: { manifests: 'deployment.yaml', namespace: application, ...defined({ strategy }) },
    },
  ]);
}

describe('pipeline plan', () => {
  it('shows stages, objects that would be made and the steps, and changes nothing', async () => {
    const file = await shop('1');

    const result = await pipeline(['plan', file]);

    expectExit(result, 0);
    expect(result.stdout).toContain(`pipeline little-shop, agent in namespace ${namespaces.agents}`);
    expect(result.stdout).toContain('deploy (deploy) after manifests');
    expect(result.stdout).toMatch(/\+ Deployment little-shop created/);
    expect(result.stdout).toMatch(/steps:\n {4}1\. /);
    const { admin, application } = namespaces;
    expect(await admin.run(['get', 'deployments', '--namespace', application, '--output', 'name'])).toBe('');
  });

  it('ends with 1 and says where the object stands that the cluster refuses, in a folder of manifests', async () => {
    const { application } = namespaces;
    await mkdir(join(folder.path, 'k8s'), { recursive: true });
    await folder.file(
      'k8s/service.yaml',
      'apiVersion: v1\nkind: Service\nmetadata: { name: wrong }\nspec:\n  ports:\n    - { port: 70000 }\n',
    );
    const file = await folder.pipeline([
      { name: 'deploy', deploy: { manifests: 'k8s', namespace: application } },
    ]);

    const result = await pipeline(['plan', file]);

    expectExit(result, 1);
    expect(result.stdout).toMatch(/! Service wrong refused: k8s\/service\.yaml:6: .*70000/);
  });
});

describe('what the API warns of', () => {
  it('is shown once by plan and by run, with the line', async () => {
    const { application, admin } = namespaces;
    const old = 'networking.k8s.io/v1beta1';
    const isServed = (await admin.run(['api-versions'])).split('\n').includes(old);
    if (!isServed && environment.cluster === 'current') return; // it warns of nothing that is made here
    const warned = (name: string) =>
      isServed
        ? `---\napiVersion: ${old}\nkind: Ingress\nmetadata: { name: ${name} }\nspec: { backend: { serviceName: web, servicePort: 80 } }\n`
        : `---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: ${name} }\nspec: { podSelector: {} }\n`;
    const text = warned('one') + warned('two');
    await folder.file('warned.yaml', text);
    const file = await folder.pipeline([
      { name: 'manifests', env: { TEXT: text }, run: 'printf "%s" "$TEXT" > warned.yaml' },
      {
        name: 'deploy',
        deploy: { manifests: 'warned.yaml', namespace: application, application: 'old-shop' },
      },
    ]);
    const warning =
      /warned\.yaml:2: \w+ \S+\/one and 1 more: .*(?:v1beta1 Ingress is deprecated|the sandbox stores the NetworkPolicy)/g;

    const plan = await pipeline(['plan', file]);
    const run = await pipeline(['run', file]);

    expectExit(plan, 0);
    expectExit(run, 0);
    expect(plan.stdout.match(warning)).toHaveLength(1);
    expect((run.stdout + run.stderr).match(warning)).toHaveLength(1);
    expect((run.stdout + run.stderr).match(/is deprecated|the sandbox stores/g)).toHaveLength(1);
  });
});

describe('pipeline release', () => {
  it('tells of an application that was never released', async () => {
    const result = await release('status', 'unknown-shop');

    expectExit(result, 2);
    expect(result.stderr).toMatch(/unknown-shop was never released to namespace/);
  });

  it('shows status and history, and rolls back to the revision before', async () => {
    expectExit(await pipeline(['run', await shop('1', { replicas: 2 })]), 0);
    const canary = { canary: { steps: [{ weight: 50 }, { pause: true }] } };
    const forecast = await pipeline(['plan', await shop('2', { replicas: 2, strategy: canary })]);
    const second = await shop('2', { replicas: 2 });
    const plan = await pipeline(['plan', second]);
    expectExit(await pipeline(['run', second]), 0);

    const status = await release('status', 'little-shop');
    const back = await release('rollback', 'little-shop');
    const history = await release('history', 'little-shop');

    expect(plan.stdout).toMatch(/~ Deployment little-shop changed\n.*"1" → "2"/);
    expect(status.stdout).toContain('serving: revision 2, ');
    expect(status.stdout).toMatch(/stable little-shop\S*: 2 of 2 ready, 100 % of traffic/);
    expect(forecast.stdout).toContain(
      [
        '    old  new  traffic to new',
        '      2    0    0 %',
        '      2    1   33 %  applying revision 2: 1 of 2 pods (50 %) start beside the old ones',
        '      1    1   50 %  moving to 1 of 2 pods (50 %)',
        '      1    1   50 %  step 2 of 2: pause until promote',
      ].join('\n'),
    );
    expect(plan.stdout).not.toContain('traffic to new');
    expectExit(back, 0);
    expect(history.stdout.split('\n')[0]).toMatch(/^REVISION +OUTCOME +AGE +TOOK +BY +IMAGES$/);
    expect(history.stdout.split('\n')[1]).toMatch(/^3 .*as 1/);
    const { admin, application } = namespaces;
    const path = 'jsonpath={.spec.template.spec.containers[0].env[0].value}';
    const args = ['get', 'deployment', 'little-shop', '--namespace', application, '--output', path];
    expect(await admin.run(args)).toBe('1');
    expect(
      await admin.run(['rollout', 'status', 'deployment/little-shop', '--namespace', application]),
    ).toMatch(/successfully rolled out/);
  });

  it('gives status and history as JSON for machines', async () => {
    const result = await release('status', 'little-shop', '--output', 'json');
    const history = await release('history', 'little-shop', '--output', 'json');

    expectExit(result, 0);
    expect(JSON.parse(result.stdout)).toMatchObject({ application: 'little-shop', stable: { number: 3 } });
    expect(JSON.parse(history.stdout)).toMatchObject([
      { number: 3, rollbackOf: 1 },
      { number: 2 },
      { number: 1 },
    ]);
  });
});

describe('pipeline doctor', () => {
  it('is content with a cluster that a run can use', async () => {
    const result = await pipeline(['doctor', await shop('1')]);

    expectExit(result, 0);
    expect(result.stdout).toMatch(/^✓ .* answers at https:.*Kubernetes v/);
    expect(result.stdout).toMatch(/✓ all \d+ rights are given in/);
    expect(result.stdout).toContain(`✓ ${namespaces.agents} takes the pod of agent main`);
    expect(result.stdout).not.toContain('✗');
  });

  it('asks the API whether it takes the pod of the agent, and makes none', async () => {
    const tooLittle = { name: 'main', resources: { limits: { memory: '1Mi' } } };
    const file = await folder.pipeline([{ name: 'test', run: 'true' }], {
      agent: {
        containers: { main: { image: 'debian:bookworm-slim' } },
        podTemplate: { spec: { containers: [tooLittle] } },
      },
    });

    const { admin, agents } = namespaces;
    const pods = async () =>
      (await admin.run(['get', 'pods', '--namespace', agents, '--output', 'name'])).split('\n');
    // The pod of a run before this may still be terminating.
    const before = await pods();

    const result = await pipeline(['doctor', file]);

    expectExit(result, 3);
    expect(result.stdout).toMatch(/✗ the agent pod was refused: .*less than or equal to memory limit/);
    expect((await pods()).filter((pod) => pod !== '' && !before.includes(pod))).toEqual([]);
  });

  it('ends with 3 and says what to do when the API cannot be reached', async () => {
    const kubeconfig = await folder.file(
      'gone.yaml',
      stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'gone' },
        users: [{ name: 'u', user: { token: 't' } }],
        clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:9' } }],
        contexts: [{ name: 'gone', context: { cluster: 'c', user: 'u' } }],
      }),
    );

    const result = await runPipeline(['doctor', '--kubeconfig', kubeconfig], { timeoutMs: 240_000 });

    expectExit(result, 3);
    expect(result.stdout).toMatch(/✗ .*127\.0\.0\.1:9/);
  });

  itWhereRightsCount('names each right that is missing, and what it is for', async () => {
    const { admin, agents } = namespaces;
    await admin.run(['create', 'serviceaccount', 'limited', '--namespace', agents]);
    await admin.run([
      ...['create', 'role', 'limited', '--namespace', agents],
      ...['--verb=create,get,list,watch,delete', '--resource=pods'],
    ]);
    await admin.run([
      ...['create', 'rolebinding', 'limited', '--namespace', agents, '--role=limited'],
      `--serviceaccount=${agents}:limited`,
    ]);
    const token = await admin.run(['create', 'token', 'limited', '--namespace', agents, '--duration', '1h']);
    const config = parse(await admin.run(['config', 'view', '--raw', '--minify', '--flatten'])) as {
      contexts: { context: { user: string } }[];
      users: unknown[];
    };
    config.contexts[0]!.context.user = 'limited';
    config.users = [{ name: 'limited', user: { token: token.trim() } }];
    const kubeconfig = await folder.file('limited.yaml', stringify(config));

    const result = await pipeline(['doctor'], kubeconfig);

    expectExit(result, 3);
    expect(result.stdout).toContain(`✗ not allowed: create pods/exec in ${agents} (steps)`);
    expect(result.stdout).toContain('deploy/rbac');
    expect(result.stdout).not.toContain(`not allowed: create pods in`);
  });

  itWhereRightsCount('finds a wrong password of the registry before a run does', async () => {
    const file = await folder.pipeline(
      [
        { name: 'context', run: 'echo "FROM scratch" > Dockerfile' },
        {
          name: 'image',
          image: { repository: `${environment.registry}/doctor/web`, credentials: 'registry' },
        },
      ],
      { secrets: { registry: { env: 'LOGIN' } } },
    );

    const result = await pipeline(['doctor', file]);

    expectExit(result, 3);
    expect(result.stdout).toMatch(/✗ cannot push .*401 authentication required\n.*image\.credentials/);
    expect(result.stdout + result.stderr).not.toContain('not-the-password');
  });

  itWhereRightsCount('finds that the right login may push', async () => {
    const file = await folder.pipeline(
      [
        { name: 'context', run: 'echo "FROM scratch" > Dockerfile' },
        {
          name: 'image',
          image: { repository: `${environment.registry}/doctor/web`, credentials: 'registry' },
        },
      ],
      { secrets: { registry: { kubernetes: { name: 'registry' } } } },
    );

    const result = await pipeline(['doctor', file]);

    expect(result.stdout).toContain(`✓ may push to ${environment.registry}/doctor/web`);
    expect(result.stdout).toMatch(/✓ images are built by: /);
  });
});

describe('--namespace', () => {
  it('that is not there is told of in one line', async () => {
    const file = await folder.pipeline([{ name: 'one', run: 'true' }]);
    const cluster = environment.cluster === 'sandbox' ? ['--cluster', 'sandbox'] : [];

    const result = await runPipeline(['run', file, ...cluster, '--namespace', 'no-such-namespace'], {
      env: { KUBECONFIG: namespaces.kubeconfig },
      cwd: join(folder.path),
      timeoutMs: 240_000,
    });

    // Where rights count, they end with the namespaces: what is not there looks like what may not be used.
    expectExit(result, environment.cluster === 'sandbox' ? 3 : 1);
    expect(result.stdout + result.stderr).toContain('no-such-namespace');
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });
});
