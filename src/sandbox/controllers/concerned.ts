import type { StoredObject, StoreEvent } from '../store/objects.ts';
import { kindNameOf, type Inventory } from './inventory.ts';
import { controllerRefOf } from './ownership.ts';
import { isTerminating } from './plan.ts';
import { hasEnded } from './pod-facts.ts';
import { selectorMatches } from './selectors.ts';
import type { LabelSelector, Pod } from './workload-types.ts';

/** Who may adopt an object that has no controller. */
const adopterKinds: Readonly<Record<string, readonly string[]>> = {
  Pod: ['ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job'],
  ReplicaSet: ['Deployment'],
};
/** Who minds the pods that it selects, whatever controls them. */
const selectingPods = ['Service', 'PodDisruptionBudget'];
/** Of the same name; one makes the other, and goes with it. */
const twinKinds: Readonly<Record<string, string>> = { Service: 'Endpoints', Endpoints: 'Service' };

/**
 * The uids of the objects to look at after a change: the object itself, its owners, those that it owned, and those
 * that select it or did so before.
 */
export function concernedBy({ type, object, previous }: StoreEvent, cluster: Inventory): Set<string> {
  const deleted = type === 'DELETED';
  const { uid, namespace: place = '', name } = object.metadata;
  const kind = kindNameOf(object);
  const twin = twinKinds[kind];
  const others: (StoredObject | undefined)[] = [
    ...(deleted ? cluster.dependentsOf(uid) : []),
    ...(kind === 'Node' ? cluster.list('DaemonSet') : []),
    ...(deleted && twin !== undefined ? [cluster.get({ kind: twin, namespace: place, name })] : []),
    // What goes may be the last thing of its namespace, or what every namespace has.
    ...(deleted || isTerminating(object) ? [cluster.get({ kind: 'Namespace', name: place })] : []),
    // A Deployment that recreates waits for the last old pod to be gone.
    ...(kind === 'Pod' && (deleted || hasEnded(object as Pod))
      ? ownersOf(object, cluster).flatMap((owner) => ownersOf(owner, cluster))
      : []),
    ...[object, ...(previous === undefined ? [] : [previous])].flatMap((version) => [
      ...ownersOf(version, cluster),
      ...selecting(version, kind, cluster),
    ]),
  ];
  const uids = others.flatMap((other) => other?.metadata.uid ?? []);
  return new Set(deleted ? uids : [uid, ...uids]);
}

function ownersOf({ metadata }: StoredObject, cluster: Inventory): StoredObject[] {
  return (metadata.ownerReferences ?? []).flatMap(({ uid }) => cluster.byUid(uid) ?? []);
}

function selecting(object: StoredObject, kind: string, cluster: Inventory): StoredObject[] {
  const { namespace = '', labels } = object.metadata;
  const adopters = controllerRefOf(object) === undefined ? (adopterKinds[kind] ?? []) : [];
  return [...adopters, ...(kind === 'Pod' ? selectingPods : [])]
    .flatMap((selector) => cluster.list(selector, { namespace }))
    .filter((selector) => selectorMatches(selectorOf(selector), labels));
}

function selectorOf({ kind, spec }: StoredObject): LabelSelector | undefined {
  const { selector } = (spec ?? {}) as { selector?: LabelSelector };
  return kind === 'Service' && selector !== undefined
    ? { matchLabels: selector as Record<string, string> }
    : selector;
}
