import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

import type { E2eEnvironment } from './e2e-environment.ts';
import { kubectl, type Kubectl } from './kubectl.ts';
import { rbacText } from './rbac-rules.ts';
import { waitFor } from './wait-for.ts';

/** A pair of namespaces for one test file, and a runner that has the rights of deploy/rbac and no more. */
export interface RunnerNamespaces {
  /** Where agent pods run. Holds the Secret `registry` with the login of the test registry. */
  agents: string;
  /** Where applications are released to. */
  application: string;
  /** The runner's kubeconfig: its ServiceAccount alone. In the sandbox, which has no RBAC, the sandbox's own. */
  kubeconfig: string;
  /** An administrator, for looking and cleaning. */
  admin: Kubectl;
  /** Deletes both namespaces; does not wait for their end. */
  remove(): Promise<void>;
}

/** Makes the namespaces and the runner's rights. `name` goes into the names of the namespaces. */
export async function makeRunnerNamespaces(
  environment: E2eEnvironment,
  name: string,
): Promise<RunnerNamespaces> {
  const admin = kubectl(environment.kubeconfig);
  const id = `e2e-${name}-${randomBytes(3).toString('hex')}`;
  const agents = `${id}-agents`;
  const application = `${id}-app`;
  for (const namespace of [agents, application])
    await admin.run(
      ['apply', '--filename', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }),
    );
  await addRegistryLogin(admin, environment, [agents, application]);
  const folder = await mkdtemp(join(tmpdir(), 'slipway-e2e-'));
  let kubeconfig = environment.kubeconfig;
  const applyText = (text: string) => admin.run(['apply', '--filename', '-'], text);
  if (environment.cluster === 'current') {
    await applyText(await rbacText('agent-namespace.yaml', { ci: agents }));
    await applyText(await rbacText('application-namespace.yaml', { ci: agents, shop: application }));
    kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, await runnerKubeconfig(admin, agents), { mode: 0o600 });
  }
  return {
    agents,
    application,
    kubeconfig,
    admin,
    remove: async () => {
      await admin.run(['delete', 'namespace', agents, application, '--wait=false']);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A kubeconfig with the token of the runner's ServiceAccount in place of the administrator's credentials. */
export async function runnerKubeconfig(admin: Kubectl, namespace: string): Promise<string> {
  const token = await admin.run([
    'create',
    'token',
    'slipway-runner',
    '--namespace',
    namespace,
    '--duration',
    '4h',
  ]);
  const config = parse(await admin.run(['config', 'view', '--raw', '--minify', '--flatten'])) as {
    contexts: { context: { user: string; namespace?: string } }[];
    users: unknown[];
  };
  const context = config.contexts[0]!.context;
  context.user = 'runner';
  context.namespace = namespace;
  config.users = [{ name: 'runner', user: { token: token.trim() } }];
  return stringify(config);
}

/** The login as Secret `registry`, for pushes by name and for pulls by the default ServiceAccount. */
async function addRegistryLogin(
  admin: Kubectl,
  environment: E2eEnvironment,
  namespaces: readonly string[],
): Promise<void> {
  const { registry, registryUser: username, registryPassword: password } = environment;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'registry' },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: {
      '.dockerconfigjson': JSON.stringify({ auths: { [registry]: { username, password, auth } } }),
    },
  };
  for (const namespace of namespaces) {
    await admin.run(['apply', '--namespace', namespace, '--filename', '-'], JSON.stringify(secret));
    if (environment.cluster === 'sandbox') continue;
    // The controller makes the account a moment after the namespace.
    await waitFor(`the default ServiceAccount of ${namespace}`, async () => {
      const patch = JSON.stringify({ imagePullSecrets: [{ name: 'registry' }] });
      const done = await admin.try([
        'patch',
        'serviceaccount',
        'default',
        '--namespace',
        namespace,
        '--patch',
        patch,
      ]);
      return done.exitCode === 0 ? true : undefined;
    });
  }
}
