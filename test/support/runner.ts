import type { E2eEnvironment } from './e2e-environment.ts';
import type { Kubectl } from './kubectl.ts';
import type { RunnerNamespaces } from './runner-namespaces.ts';

/** The arguments of `pipeline` that name the test cluster and the namespace of the agents. */
export function clusterArguments(
  environment: E2eEnvironment,
  namespaces: Pick<RunnerNamespaces, 'agents'>,
): string[] {
  const cluster = environment.cluster === 'sandbox' ? ['--cluster', 'sandbox'] : [];
  return [...cluster, '--namespace', namespaces.agents];
}

/**
 * What runs have left in a namespace, as `kind/name`: pods that are not already ending, and Secrets and Leases of
 * Slipway's. The record of a run that has ended (a ConfigMap, and its Lease, which nobody holds) is its history and
 * may stay.
 */
export async function ourObjects(admin: Kubectl, namespace: string): Promise<string[]> {
  const { items } = await admin.json<{
    items: {
      kind: string;
      metadata: { name: string; deletionTimestamp?: string };
      spec?: { holderIdentity?: string };
    }[];
  }>([
    ...['get', 'pods,secrets,leases', '--namespace', namespace],
    ...['--selector', 'app.kubernetes.io/managed-by=slipway'],
  ]);
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .filter(({ kind, spec }) => kind !== 'Lease' || (spec?.holderIdentity ?? '') !== '')
    .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}
