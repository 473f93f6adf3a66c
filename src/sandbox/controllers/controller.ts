import type { Objects, StoredObject } from '../store/objects.ts';
import type { EventRecorder } from './events.ts';
import type { WorkResult } from './work-queue.ts';

/** Which object of a controller's own kind: `namespace` is missing for cluster-scoped kinds. */
export interface ObjectName {
  namespace?: string;
  name: string;
}

/**
 * A level-triggered controller: `watches` tells which of its objects a change of some other object concerns;
 * `reconcile` brings one of them nearer to what it should be, reading all it needs from the store, and may be
 * called at any time, any number of times. It returns the milliseconds after which to look again, if any.
 */
export interface Controller {
  readonly name: string;
  /** By kind; `*` is every kind. */
  readonly watches: Readonly<
    Record<string, (object: StoredObject, deleted: boolean) => readonly ObjectName[]>
  >;
  reconcile(target: ObjectName): WorkResult;
}

/** What every controller works with. */
export interface ControllerContext {
  objects: Objects;
  events: EventRecorder;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** The object itself, as the target of its own controller. */
export function itself(object: StoredObject): ObjectName[] {
  return [nameOf(object)];
}

/** Namespace and name of an object. */
export function nameOf(object: StoredObject): ObjectName {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}
