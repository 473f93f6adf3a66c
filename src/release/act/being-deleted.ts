import { SlipwayError } from '../../base/errors.ts';
import { nameOf, referenceOf } from '../../kubernetes/workload-objects.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';

/** Milliseconds that an object gets to be gone: a pod ends within 30 s where nothing else is said. */
const goneWithinMs = 60_000;
const lookEveryMs = 500;

/** An object is being deleted: what is applied to it would go with it. */
export class BeingDeletedError extends SlipwayError {
  readonly code = 'being-deleted';
  readonly fault = 'failure';

  constructor(live: KubernetesObject) {
    const finalizers = finalizersOf(live);
    const held = finalizers.length === 0 ? '' : ` and held by its finalizers (${finalizers.join(', ')})`;
    super(
      `${nameOf(referenceOf(live))}: it is being deleted${held}; what is applied to it would go with it`,
      {
        hint: 'release again when it is gone; what a finalizer waits for is in the status and the events of the object',
      },
    );
  }
}

/** Whether an object only waits for its end. */
export function isBeingDeleted({ metadata }: KubernetesObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/**
 * Waits until an object that is being deleted is gone, for a minute. One of the same name that was made meanwhile
 * counts as another.
 * @throws BeingDeletedError when it is still there then
 */
export async function untilGone(
  object: KubernetesObject,
  { cluster, clock }: { cluster: Cluster; clock: Clock },
  options: CallOptions,
): Promise<void> {
  const untilMs = clock.monotonicMs() + goneWithinMs;
  for (;;) {
    const live = await cluster.get(referenceOf(object), options);
    if (live === undefined || live.metadata.uid !== object.metadata.uid) return;
    if (clock.monotonicMs() >= untilMs) throw new BeingDeletedError(live);
    await clock.sleep(lookEveryMs, options);
  }
}

function finalizersOf({ metadata }: KubernetesObject): readonly string[] {
  return metadata['finalizers'] ?? [];
}
