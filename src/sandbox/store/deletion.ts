import { at } from '../kinds/fields.ts';
import type { DeleteOptions, ObjectMetadata, StoredObject } from './objects.ts';
import { timestamp } from './timestamp.ts';

/** What a deletion does: take the object away now, mark it, or nothing (it is marked already). */
export type DeletionDecision =
  { act: 'remove' } | { act: 'mark'; metadata: Partial<ObjectMetadata> } | { act: 'nothing' };

const finalizerOfPropagation = {
  Foreground: 'foregroundDeletion',
  Orphan: 'orphan',
  Background: undefined,
} as const;

/** Seconds that a pod gets to end; 0 where no process can be running. */
function gracePeriodOf(pod: StoredObject, options: DeleteOptions): number {
  const phase = at(pod, 'status', 'phase');
  if (at(pod, 'spec', 'nodeName') === undefined || phase === 'Succeeded' || phase === 'Failed') return 0;
  const wanted = options.gracePeriodSeconds ?? at(pod, 'spec', 'terminationGracePeriodSeconds');
  const seconds = typeof wanted === 'number' ? Math.max(wanted, 0) : 30;
  return Math.min(seconds, pod.metadata.deletionGracePeriodSeconds ?? seconds);
}

/** Finalizers that are left: those of the metadata, and a namespace's own. */
export function finalizersOf(object: StoredObject): string[] {
  const own = object.kind === 'Namespace' ? at(object, 'spec', 'finalizers') : undefined;
  return [...(object.metadata.finalizers ?? []), ...(Array.isArray(own) ? (own as string[]) : [])];
}

/** The finalizers with the one that stands for the way dependents go. */
function withPropagation(finalizers: readonly string[], propagation: DeleteOptions['propagation']): string[] {
  const added = finalizerOfPropagation[propagation ?? 'Background'];
  return added === undefined || finalizers.includes(added) ? [...finalizers] : [...finalizers, added];
}

/**
 * Decides a deletion as the API server does: a pod that may be running is given its grace period (its kubelet
 * deletes it again with 0), an object with finalizers waits for them, anything else goes at once.
 */
export function decideDeletion(object: StoredObject, options: DeleteOptions, now: Date): DeletionDecision {
  const { finalizers: before = [], deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  const grace = object.kind === 'Pod' ? gracePeriodOf(object, options) : 0;
  const finalizers = withPropagation(before, options.propagation);
  if (grace === 0 && finalizers.length === 0 && finalizersOf(object).length === 0) return { act: 'remove' };
  const isSooner = grace < (deletionGracePeriodSeconds ?? grace);
  const keepsTime = deletionTimestamp !== undefined && !isSooner;
  if (keepsTime && finalizers.length === before.length) return { act: 'nothing' };
  return {
    act: 'mark',
    metadata: {
      ...(finalizers.length > 0 ? { finalizers } : {}),
      deletionTimestamp: keepsTime ? deletionTimestamp : timestamp(now.getTime() + grace * 1000),
      deletionGracePeriodSeconds: grace,
    },
  };
}

/** Whether an object that was marked deleted can go now. */
export function isRemovable(object: StoredObject): boolean {
  return (
    object.metadata.deletionTimestamp !== undefined &&
    (object.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    finalizersOf(object).length === 0
  );
}
