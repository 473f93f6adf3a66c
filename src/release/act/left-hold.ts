import { InputError } from '../../base/errors.ts';
import { holdMarkOf } from '../../kubernetes/hold-mark.ts';
import { hashLabel } from '../../kubernetes/replica-sets.ts';
import { isHeld, rolloutFieldsOf } from '../../kubernetes/rollout-fields.ts';
import { nameOf, referenceOf, type Workload } from '../../kubernetes/workload-objects.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

interface Service extends KubernetesObject {
  spec: { selector?: Record<string, string> };
}

/**
 * Refuses a release by a strategy that holds nothing while an earlier one has left the Deployment held or its Service
 * pinned: its new pods would not become available, or get no traffic.
 * @throws InputError before anything is changed
 */
export async function assertNotHeld(
  objects: readonly KubernetesObject[],
  { cluster, application }: { cluster: Cluster; application: string },
  options: CallOptions,
): Promise<void> {
  for (const object of objects) {
    if (object.kind !== 'Deployment') continue;
    const live = await cluster.get<Workload>(referenceOf(object), options);
    if (live === undefined) continue;
    const mark = holdMarkOf(live);
    if (mark === undefined) continue;
    const fields = rolloutFieldsOf(live);
    const isAtRest = fields.paused !== true && !isHeld(fields);
    // kubectl rollout undo may have brought the mark alone back.
    if (isAtRest && !(await isPinned(objects, cluster, options))) continue;
    throw new InputError(
      `${nameOf(referenceOf(live))} is held since ${mark.since} by revision ${String(mark.revision)} (${mark.step})`,
      {
        hint: `end that first: pipeline release rollback ${application}; or release once with the strategy that holds it`,
      },
    );
  }
}

async function isPinned(
  objects: readonly KubernetesObject[],
  cluster: Cluster,
  options: CallOptions,
): Promise<boolean> {
  for (const object of objects) {
    if (object.kind !== 'Service' || object.apiVersion !== 'v1') continue;
    const live = await cluster.get<Service>(referenceOf(object), options);
    if (live?.spec.selector?.[hashLabel] !== undefined) return true;
  }
  return false;
}
