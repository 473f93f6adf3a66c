/** What `npm run e2e` prepared for the tests; see scripts/e2e.ts. */
export interface E2eEnvironment {
  /** `sandbox`, or `current` for the cluster of the kubeconfig. */
  cluster: 'sandbox' | 'current';
  /** An administrator's kubeconfig: for what tests look at and clean up, never for the runner. */
  kubeconfig: string;
  /** The registry that images are pushed to: host and port. */
  registry: string;
  registryUser: string;
  registryPassword: string;
  /** Arguments that make Maven work without a network on the machine of a sandbox; empty where the agent image does. */
  mavenArguments: string;
}

/**
 * Reads the environment that scripts/e2e.ts sets.
 * @throws Error that says how to run the tests when it was not set
 */
export function e2eEnvironment(): E2eEnvironment {
  const cluster = variable('SLIPWAY_TEST_CLUSTER');
  if (cluster !== 'sandbox' && cluster !== 'current') throw new Error(`no such test cluster: ${cluster}`);
  return {
    cluster,
    kubeconfig: variable('SLIPWAY_TEST_KUBECONFIG'),
    registry: variable('SLIPWAY_TEST_REGISTRY'),
    registryUser: variable('SLIPWAY_TEST_REGISTRY_USER'),
    registryPassword: variable('SLIPWAY_TEST_REGISTRY_PASSWORD'),
    mavenArguments: process.env['SLIPWAY_TEST_MAVEN_ARGUMENTS'] ?? '',
  };
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(
      `${name} is not set: end-to-end tests are run by "npm run e2e -- --cluster sandbox|current"`,
    );
  return value;
}
