import { defined } from '../../base/defined.ts';
/** What the controllers decide, and from what: plans are pure, `carry-out.ts` acts on them. */
import type { NewObject, OwnerReference, StoredObject } from '../store/objects.ts';
import type { RecordedEvent } from './events.ts';
import type { Inventory } from './inventory.ts';
import type { PodTemplate } from './workload-types.ts';

/** All that a plan is made from, beside the object itself. */
export interface World {
  cluster: Inventory;
  nowMs: number;
  /** Whether objects of a kind can exist at all. */
  isServed: (apiVersion: string, kind: string) => boolean;
  /** PEM of the API server's CA. */
  caCertificate?: string | undefined;
}

/** One thing to do. A pod that a workload makes or deletes is reported by an event of the workload. */
export type Action =
  | { act: 'create'; object: NewObject }
  | { act: 'delete'; object: StoredObject; propagation: 'Background' | 'Foreground' }
  | { act: 'change'; object: StoredObject; change(stored: StoredObject): void }
  | { act: 'event'; event: Omit<RecordedEvent, 'component'> };

/** What brings an object nearer to what it should be. Any plan may be carried out any number of times. */
export interface Plan {
  /** In order; the first that fails is the last, and the plan is made anew a little later. */
  actions?: Action[];
  /** The status of the object itself. */
  status?: object;
  /** The status instead when an action failed. */
  failed?: (error: Error) => object;
  /** Milliseconds after which to look again, `Infinity` for never; sooner when something changes. */
  againInMs?: number;
}

/** A controller of one kind. */
export interface Controller {
  /** `source.component` of its events. */
  component?: string;
  /** The kind of the objects that it owns, by its selector; `plan` gets them. */
  owns?: 'Pod' | 'ReplicaSet';
  plan(object: StoredObject, world: World, owned: readonly StoredObject[]): Plan;
}

/** Whether the object is being deleted. */
export function isTerminating({ metadata }: StoredObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** The reference that an owner puts on what it manages. */
export function controllerRefTo({ apiVersion, kind, metadata }: StoredObject): OwnerReference {
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** What a controller lays over its pod template for one pod. */
export interface PodOverlay {
  /** A fixed name; otherwise the owner's name and a random end. */
  name?: string;
  labels?: Record<string, string>;
  spec?: Record<string, unknown>;
}

/** Makes a pod of a template. */
export function createPod(owner: StoredObject, template: PodTemplate, overlay: PodOverlay = {}): Action {
  const { namespace = 'default', name } = owner.metadata;
  const { labels, annotations } = template.metadata ?? {};
  const metadata = {
    ...(overlay.name === undefined ? { generateName: `${name}-` } : { name: overlay.name }),
    namespace,
    labels: { ...labels, ...overlay.labels },
    ...defined({ annotations }),
    ownerReferences: [controllerRefTo(owner)],
  };
  const spec = { ...template.spec, ...overlay.spec };
  return { act: 'create', object: { apiVersion: 'v1', kind: 'Pod', metadata, spec } };
}

/** Deletes an object. */
export function remove(object: StoredObject): Action {
  return { act: 'delete', object, propagation: 'Background' };
}

/** Deletes an object once those that it owns are gone. */
export function removeAfterDependents(object: StoredObject): Action {
  return { act: 'delete', object, propagation: 'Foreground' };
}
