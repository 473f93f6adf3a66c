import type { RunnerNamespaces } from '../support/runner-namespaces.ts';

/** What must be as before when a release is over: the Deployment `web` but for its template, and what marks it as held. */
export async function liveDeployment({ admin, application: namespace }: RunnerNamespaces) {
  const { metadata, spec } = await admin.json<{
    metadata: { annotations: Record<string, string> };
    spec: Record<string, unknown> & { template: unknown };
  }>(['get', 'deployment', 'web', '--namespace', namespace]);
  const { template: _, ...rest } = spec;
  return {
    spec: rest,
    held: Object.keys(metadata.annotations).filter((key) => key.startsWith('slipway.dev/')),
  };
}

/** Ready pods of the Deployment `web` by ReplicaSet, the fewest first. */
export async function readyGroups({ admin, application }: RunnerNamespaces): Promise<number[]> {
  const { items } = await admin.json<{ items: { status: { readyReplicas?: number } }[] }>([
    ...['get', 'replicasets', '--namespace', application, '--selector', 'app=web'],
  ]);
  return items.flatMap(({ status }) => status.readyReplicas ?? []).sort((left, right) => left - right);
}
