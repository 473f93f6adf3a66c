import { isHeld, type RolloutFields } from '../../kubernetes/rollout-fields.ts';
import type { SeenReplicaSet } from '../holding.ts';

/** A ReplicaSet in the simulation: its pods are ready as soon as they are there. */
export interface SimulatedSet {
  hash: string;
  pods: number;
  /** Whether its pods count as available; kept from when it was the live one. */
  isAvailable: boolean;
}

/**
 * What the Deployment controller does next with the pods of a Deployment
 * (https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/deployment/rolling.go): new pods up to `maxSurge`
 * beyond those that shall be, then old ones go as far as `maxUnavailable` lets them. A paused one stays as it is.
 * @param live hash of the ReplicaSet of its template
 */
export function stepController(
  { desired, fields, live }: { desired: number; fields: RolloutFields; live: string },
  sets: readonly SimulatedSet[],
): SimulatedSet[] {
  const seen = sets.map((set) => (set.hash === live ? { ...set, isAvailable: !isHeld(fields) } : set));
  if (fields.paused === true) return seen;
  const surge = countOf(fields.maxSurge ?? '25%', desired, Math.ceil);
  const mayMiss = countOf(fields.maxUnavailable ?? '25%', desired, Math.floor);
  // Both 0 would let nothing be replaced: the controller takes 1.
  const unavailable = surge === 0 && mayMiss === 0 ? 1 : mayMiss;
  const all = total(seen);
  const own = podsOf(seen, live);
  const more = Math.min(desired - own, desired + surge - all);
  if (more > 0) return withPods(seen, live, own + more);
  return withoutOld(seen, { live, least: desired - unavailable });
}

/** Old pods go, those that are available as long as so many are left. */
function withoutOld(
  sets: readonly SimulatedSet[],
  { live, least }: { live: string; least: number },
): SimulatedSet[] {
  const waiting = total(sets.filter(({ hash, isAvailable }) => hash === live && !isAvailable));
  const available = total(sets.filter(({ isAvailable }) => isAvailable));
  let left = Math.min(total(sets) - least - waiting, available - least);
  return sets.map((set) => {
    const going = set.hash === live ? 0 : Math.max(0, Math.min(left, set.pods));
    left -= going;
    return { ...set, pods: set.pods - going };
  });
}

/** A ReplicaSet as a release sees it. */
export function seenSet({ hash, pods }: SimulatedSet): SeenReplicaSet {
  return { name: hash, hash, wanted: pods, present: pods, ready: pods };
}

function withPods(sets: readonly SimulatedSet[], hash: string, pods: number): SimulatedSet[] {
  return sets.map((set) => (set.hash === hash ? { ...set, pods } : set));
}

function podsOf(sets: readonly SimulatedSet[], wanted: string): number {
  return total(sets.filter(({ hash }) => hash === wanted));
}

function total(sets: readonly SimulatedSet[]): number {
  return sets.reduce((sum, { pods }) => sum + pods, 0);
}

/** `25%` of the pods, or a number of them. */
function countOf(value: number | string, desired: number, round: (count: number) => number): number {
  return typeof value === 'number' ? value : round((Number.parseInt(value, 10) * desired) / 100);
}
