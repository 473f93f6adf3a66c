import { InputError } from '../../base/errors.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { ConflictError, ForbiddenError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

/**
 * Sees that the application's namespace is there, and makes it when asked to, or when the manifests bring it.
 * @returns whether it was made
 * @throws InputError when it is not there and may not be made
 */
export async function ensureNamespace(
  namespace: string,
  { create, objects, cluster }: { create: boolean; objects: readonly KubernetesObject[]; cluster: Cluster },
  options: CallOptions,
): Promise<boolean> {
  const reference = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
  const found = await cluster.get(reference, options).catch((error: unknown) => {
    // Who may work in one namespace only may often not read the namespace itself: then it is there.
    if (error instanceof ForbiddenError) return 'hidden' as const;
    throw error;
  });
  if (found === 'hidden') return false;
  if (found !== undefined) {
    if (found.metadata.deletionTimestamp === undefined) return false;
    throw new InputError(`namespace ${namespace} is being deleted`, { hint: 'wait until it is gone' });
  }
  const manifest = objects.find(
    (object) => object.kind === 'Namespace' && object.metadata.name === namespace,
  );
  if (!create && manifest === undefined) {
    throw new InputError(`namespace ${namespace} does not exist`, {
      hint: 'create it, or set "createNamespace: true" under deploy',
    });
  }
  const labels = { 'app.kubernetes.io/managed-by': 'slipway' };
  try {
    await cluster.create(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
      options,
    );
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    return false;
  }
  return true;
}
