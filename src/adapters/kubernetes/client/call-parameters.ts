import { defined } from '../../../base/defined.ts';
import type { DeleteOptions, Selection, WriteOptions } from '../../../ports/cluster.ts';

/** The part of a deletion's body that names the one object that is meant. */
export function preconditions({ uid, resourceVersion }: DeleteOptions): Record<string, unknown> {
  const conditions = defined({ uid, resourceVersion });
  return Object.keys(conditions).length === 0 ? {} : { preconditions: conditions };
}

/** Query parameters that select objects. */
export function selectors({ labelSelector, fieldSelector }: Selection): Record<string, string | undefined> {
  return { labelSelector, fieldSelector };
}

/** Query parameters of a write that is only tried. */
export function dryRun({ dryRun: dry }: WriteOptions): Record<string, string | undefined> {
  return { dryRun: dry === true ? 'All' : undefined };
}
