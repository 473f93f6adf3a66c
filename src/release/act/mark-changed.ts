import { managersOf } from '../../kubernetes/field-set.ts';
import { referenceOf } from '../../kubernetes/workload-objects.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { isOvertaken, patchSeen } from './as-seen.ts';

/** A label, since the Deployment controller copies annotations to ReplicaSets. */
const changed = 'slipway.dev/changed';

/**
 * Makes a new version of an object that is right as it is: an apply that the network still holds has the version before,
 * and is refused. The mark is removed at once, and the API's list of who wrote what is as it was.
 * @returns the object after that
 */
export async function markChanged(
  object: KubernetesObject,
  cluster: Cluster,
  options: CallOptions,
): Promise<KubernetesObject> {
  const mark = (value: string | null) =>
    cluster.patch(
      referenceOf(object),
      { type: 'merge', body: { metadata: { labels: { [changed]: value } } } },
      options,
    );
  const marked = await mark(crypto.randomUUID());
  const managers = managersOf(object);
  const operations = [
    { op: 'remove', path: `/metadata/labels/${changed.replace('/', '~1')}` },
    ...(managers.length === 0 ? [] : [{ op: 'add', path: '/metadata/managedFields', value: managers }]),
  ];
  try {
    return await patchSeen(marked, operations, cluster, options);
  } catch (error) {
    if (!isOvertaken(error)) throw error;
    return mark(null); // the list is another writer's by now
  }
}
