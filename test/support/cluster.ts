import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A cluster to run tests on. */
export interface TestCluster {
  kind: 'sandbox' | 'current';
  /** Path of an administrator's kubeconfig. */
  kubeconfig: string;
  /** Stops the sandbox and removes its folder; leaves a current cluster alone. */
  close(): Promise<void>;
}

/**
 * The cluster that SLIPWAY_TEST_CLUSTER names: `sandbox` (the default) starts a sandbox of its own in a temporary
 * folder, `current` is the cluster of KUBECONFIG. SLIPWAY_TEST_ISOLATION=none gives a sandbox as on a machine without
 * namespaces.
 * @throws Error when the variable holds something else or KUBECONFIG is missing
 */
export async function testCluster(): Promise<TestCluster> {
  const kind = process.env['SLIPWAY_TEST_CLUSTER'] ?? 'sandbox';
  if (kind === 'current') {
    const kubeconfig = process.env['KUBECONFIG'];
    if (kubeconfig === undefined) throw new Error('SLIPWAY_TEST_CLUSTER=current needs KUBECONFIG');
    return { kind, kubeconfig, close: async () => undefined };
  }
  if (kind !== 'sandbox') throw new Error(`SLIPWAY_TEST_CLUSTER is sandbox or current, not ${kind}`);
  const directory = await mkdtemp(join(tmpdir(), 'slipway-test-cluster-'));
  const { startSandbox } = await import('../../src/sandbox/server.ts');
  const isolation = process.env['SLIPWAY_TEST_ISOLATION'] === 'none' ? 'none' : 'auto';
  const sandbox = await startSandbox({ folder: directory, isolation });
  return {
    kind,
    kubeconfig: sandbox.kubeconfig,
    close: async () => {
      await sandbox.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
