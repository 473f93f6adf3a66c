import { testCluster } from '../support/cluster.ts';

/** Starts the cluster once for all files; they find it through SLIPWAY_TEST_KUBECONFIG. */
export default async function setup(): Promise<void> {
  const cluster = await testCluster();
  process.env['SLIPWAY_TEST_KUBECONFIG'] = cluster.kubeconfig;
  process.env['SLIPWAY_TEST_CLUSTER'] = cluster.kind;
  (globalThis as { conformanceCluster?: unknown }).conformanceCluster = cluster;
}
