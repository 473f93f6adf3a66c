import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { stringify } from 'yaml';

import { e2eEnvironment } from '../support/e2e-environment.ts';
import { expectExit, runPipeline, type PipelineResult } from '../support/pipeline-command.ts';
import { makePipelineFolder, type PipelineFolder } from '../support/pipeline-folder.ts';
import { makeRunnerNamespaces, type RunnerNamespaces } from '../support/runner-namespaces.ts';

jest.setTimeout(400_000);

const environment = e2eEnvironment();
const repository = `${environment.registry}/pull-secrets/web`;
let namespaces: RunnerNamespaces;
let folder: PipelineFolder;

beforeAll(async () => {
  namespaces = await makeRunnerNamespaces(environment, 'pull-secrets');
  folder = await makePipelineFolder('pull-secrets');
  // The default ServiceAccount of a real cluster's namespaces has a pull secret here; this one has none.
  const { admin, application } = namespaces;
  await admin.run(['create', 'serviceaccount', 'bare', '--namespace', application]);
});
afterAll(async () => {
  await folder.remove();
  await namespaces.remove();
});

/** A command by the kubeconfig: the sandbox is a cluster as any other then. */
function pipeline(command: string, file: string): Promise<PipelineResult> {
  const place = command === 'validate' ? [] : ['--namespace', namespaces.agents];
  return runPipeline([command, file, ...place], {
    env: { KUBECONFIG: namespaces.kubeconfig },
    cwd: folder.path,
    timeoutMs: 240_000,
  });
}

/** A pipeline that would push with credentials and release what it pushed, and fails before it builds. */
async function shop(spec: Record<string, unknown>): Promise<string> {
  const manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { serviceAccountName: 'bare', containers: [{ name: 'web', image: repository }], ...spec },
      },
    },
  };
  await folder.file('web.yaml', stringify(manifest));
  return folder.pipeline(
    [
      { name: 'test', run: 'exit 3' },
      { name: 'image', image: { repository, credentials: 'registry' } },
      { name: 'deploy', deploy: { manifests: 'web.yaml', namespace: namespaces.application } },
    ],
    { secrets: { registry: { kubernetes: { name: 'registry' } } } },
  );
}

it('pods without a login are told by validate, plan, doctor, and by a run before it builds', async () => {
  const file = await shop({});
  const { application } = namespaces;
  const words = `Deployment ${application}/web may not be able to pull its image: neither its pod template nor the ServiceAccount bare has imagePullSecrets, and stage image pushes ${repository} with credentials`;
  const command = `kubectl create secret docker-registry NAME --namespace ${application} --docker-server=${environment.registry} `;

  const validated = await pipeline('validate', file);
  const planned = await pipeline('plan', file);
  const examined = await pipeline('doctor', file);
  const run = await pipeline('run', file);

  expectExit(validated, 0);
  expect(validated.stderr).toMatch(/app-\d+\.yaml:\d+:\d+: warning: .*has no imagePullSecrets/);
  expectExit(planned, 0);
  expect(planned.stdout).toContain(`  warning: ${words}`);
  expect(planned.stdout).toContain(command);
  expect(examined.stdout).toContain(`! ${words}`);
  expect(examined.stdout).toContain(command);
  expectExit(run, 1);
  expect(run.stderr).toContain(words);
  expect(run.stderr).toContain(command);
});

it('a pull secret is looked at: whether it is there, its type, and its registries', async () => {
  const { admin, application } = namespaces;
  const secret = (type: string, host: string) => ({
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'web-pull' }, type },
    stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [host]: { auth: 'YTpi' } } }) },
  });
  const put = async (object: object) => {
    await admin.run(['delete', 'secret', 'web-pull', '--namespace', application, '--ignore-not-found']);
    await admin.run(['create', '--namespace', application, '--filename', '-'], JSON.stringify(object));
  };
  const file = await shop({ imagePullSecrets: [{ name: 'web-pull' }] });
  const doctor = async () => (await pipeline('doctor', file)).stdout;

  const validated = await pipeline('validate', file);
  const missing = await doctor();
  await put(secret('Opaque', environment.registry));
  const untyped = await doctor();
  await put(secret('kubernetes.io/dockerconfigjson', 'ghcr.io'));
  const other = await doctor();
  await put(secret('kubernetes.io/dockerconfigjson', environment.registry));
  const good = await doctor();

  expect(validated.stderr).toBe('');
  expect(missing).toContain(`its pull secret web-pull is not in namespace ${application}`);
  expect(untyped).toContain('its pull secret web-pull is of type Opaque');
  expect(other).toContain(
    `its pull secret web-pull has no login for ${environment.registry}; it has: ghcr.io`,
  );
  expect(good).toContain(`✓ Deployment ${application}/web has a login for ${environment.registry}: web-pull`);
});

it('a ServiceAccount gives its pods a login', async () => {
  const { admin, application } = namespaces;
  const patch = JSON.stringify({ imagePullSecrets: [{ name: 'registry' }] });
  await admin.run(['create', 'serviceaccount', 'equipped', '--namespace', application]);
  await admin.run(['patch', 'serviceaccount', 'equipped', '--namespace', application, '--patch', patch]);

  const file = await shop({ serviceAccountName: 'equipped' });
  const planned = await pipeline('plan', file);
  const run = await pipeline('run', file);

  expectExit(planned, 0);
  expect(planned.stdout).not.toContain('may not be able to pull');
  expectExit(run, 1);
  expect(run.stderr).not.toContain('may not be able to pull');
});
