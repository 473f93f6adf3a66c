import type { TestCluster } from '../support/cluster.ts';

/** Stops what global-setup.ts started. */
export default async function teardown(): Promise<void> {
  await (globalThis as { conformanceCluster?: TestCluster }).conformanceCluster?.close();
}
