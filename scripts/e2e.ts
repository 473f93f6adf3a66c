/**
 * Runs the end-to-end tests: `npm run e2e -- --cluster sandbox|current [arguments of jest]`.
 * `current` is the cluster of KUBECONFIG; its registry and the login are taken from SLIPWAY_TEST_REGISTRY,
 * SLIPWAY_TEST_REGISTRY_USER and SLIPWAY_TEST_REGISTRY_PASSWORD. Docker on this machine must be the one that the
 * cluster's nodes run, or the agent image and the base images must be there already.
 */
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { debianKubectl } from './debian-kubectl.ts';
import { cache, makeImages } from './e2e-images.ts';
import { runCommand } from './run-command.ts';
import { startTestSandbox } from './test-sandbox.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

async function main(args: readonly string[]): Promise<number> {
  const position = args.indexOf('--cluster');
  const cluster = position < 0 ? 'sandbox' : args[position + 1];
  const rest = position < 0 ? args : args.toSpliced(position, 2);
  if (cluster === 'current') return runTests(cluster, currentCluster(), rest);
  if (cluster !== 'sandbox') throw new Error('--cluster is sandbox or current');
  const sandbox = await startTestSandbox();
  try {
    return await runTests(cluster, sandbox.environment, rest);
  } finally {
    await sandbox.stop();
  }
}

/** Tests with it are skipped, and said to be, where apt does not have it. */
async function oldKubectl(): Promise<NodeJS.ProcessEnv> {
  try {
    return { SLIPWAY_TEST_OLD_KUBECTL: await debianKubectl(cache) };
  } catch (error) {
    console.log(`no kubectl of Debian: ${error instanceof Error ? error.message : String(error)}`);
    return {};
  }
}

function currentCluster(): NodeJS.ProcessEnv {
  for (const name of ['REGISTRY', 'REGISTRY_USER', 'REGISTRY_PASSWORD'])
    if ((process.env[`SLIPWAY_TEST_${name}`] ?? '') === '')
      throw new Error(`SLIPWAY_TEST_${name} is not set: the tests push to a registry that asks for a login`);
  return { SLIPWAY_TEST_KUBECONFIG: process.env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config') };
}

async function runTests(
  cluster: string,
  environment: NodeJS.ProcessEnv,
  args: readonly string[],
): Promise<number> {
  if (cluster === 'current') await makeImages();
  await runCommand([process.execPath, join(root, 'scripts', 'build.ts')], { cwd: root });
  await mkdir(join(root, 'test-results'), { recursive: true });
  const isGiven = (option: string): boolean => args.some((argument) => argument.startsWith(option));
  const { exitCode } = await runCommand(
    [
      ...[process.execPath, join(root, 'node_modules', 'jest', 'bin', 'jest.js')],
      ...['--selectProjects', 'e2e', '--json'],
      ...(isGiven('--maxWorkers') ? [] : ['--runInBand']),
      ...(isGiven('--outputFile')
        ? []
        : [`--outputFile=${join(root, 'test-results', `e2e-${cluster}.json`)}`]),
      ...args,
    ],
    {
      cwd: root,
      env: {
        ...process.env,
        ...environment,
        ...(await oldKubectl()),
        SLIPWAY_TEST_CLUSTER: cluster,
        SLIPWAY_TEST_MAIN: join(root, 'dist', 'main.js'),
        NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
      },
      inherit: true,
      allowFailure: true,
    },
  );
  return exitCode;
}

process.exitCode = await main(process.argv.slice(2));
