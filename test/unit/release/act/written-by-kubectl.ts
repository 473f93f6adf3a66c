import type { FieldTree } from '../../../../src/base/fields-v1.ts';
import type { ManagedFields } from '../../../../src/kubernetes/field-set.ts';
import type { Patch } from '../../../../src/ports/cluster.ts';
import type { FakeCluster } from '../../../fakes/cluster.ts';

/**
 * Lets everything that is read from a cluster seem to be written by `kubectl create`, with these fields. The fake keeps
 * no owners but those of server-side apply: a list of managers that is written makes a new version, and nothing else.
 * @returns the lists that are written
 */
export function writtenByKubectl(cluster: FakeCluster, fieldsV1: FieldTree): ManagedFields[][] {
  const written: ManagedFields[][] = [];
  const kubectl = { manager: 'kubectl-create', operation: 'Update', fieldsType: 'FieldsV1', fieldsV1 };
  const get = cluster.get.bind(cluster);
  cluster.get = (async (...args: Parameters<typeof get>) => {
    const live = await get(...args);
    return live && { ...live, metadata: { ...live.metadata, managedFields: [kubectl] } };
  }) as typeof cluster.get;
  const patch = cluster.patch.bind(cluster);
  cluster.patch = (async (reference, sent: Patch, options) => {
    const [first] = sent.type === 'json' ? sent.body : [];
    if (first?.path !== '/metadata/managedFields') return patch(reference, sent, options);
    written.push(first.value as ManagedFields[]);
    const live = cluster.peek(reference)!;
    const labels = { ...live.metadata.labels, written: String(written.length) };
    return cluster.put({ ...live, metadata: { ...live.metadata, labels } });
  }) as typeof cluster.patch;
  return written;
}
