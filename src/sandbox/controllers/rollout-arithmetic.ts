/**
 * How many replicas each ReplicaSet of a Deployment gets next: plain numbers in, plain numbers out.
 * The rules are those of the real Deployment controller (kubernetes.io, Deployments: rolling update, proportional scaling).
 */
import type { IntOrPercent } from './workload-types.ts';

/** One ReplicaSet as far as the arithmetic goes. */
export interface ReplicaSetSize {
  name: string;
  /** `spec.replicas`. */
  replicas: number;
  /** `status.availableReplicas`. */
  available: number;
  /** Orders ReplicaSets by age: the smaller, the older. */
  age: number;
  /** The annotation `max-replicas`: replicas plus surge of the Deployment when this was last scaled. */
  maxReplicas?: number;
}

/** The ReplicaSet named is to have this size. */
export interface Resize {
  name: string;
  replicas: number;
}

/** The limits of a rolling update, in pods. */
export interface RolloutLimits {
  /** `spec.replicas` of the Deployment. */
  replicas: number;
  /** Pods allowed over `replicas`. */
  surge: number;
  /** Pods allowed to be missing from `replicas`. */
  unavailable: number;
}

/** A count or a percentage of `total`, rounded; `25%` of 10 is 3 up and 2 down. */
export function resolveCount(value: IntOrPercent, total: number, rounding: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const exact = (Number.parseInt(value, 10) * total) / 100;
  return rounding === 'up' ? Math.ceil(exact) : Math.floor(exact);
}

/**
 * maxSurge rounded up and maxUnavailable rounded down; when both come to 0, one pod may be unavailable, for otherwise
 * nothing could ever move. Example: 25% and 25% of 3 replicas are a surge of 1 and 0 unavailable.
 */
export function rolloutLimits(
  replicas: number,
  maxSurge: IntOrPercent,
  maxUnavailable: IntOrPercent,
): RolloutLimits {
  const surge = resolveCount(maxSurge, replicas, 'up');
  const unavailable = resolveCount(maxUnavailable, replicas, 'down');
  const least = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return { replicas, surge, unavailable: Math.min(least, replicas) };
}

/** The size of the new ReplicaSet: as much of the missing replicas as replicas + surge leaves room for. */
export function newReplicaSetSize(limits: RolloutLimits, current: number, total: number): number {
  const room = limits.replicas + limits.surge - total;
  if (room <= 0) return current;
  return current + Math.min(room, limits.replicas - current);
}

/**
 * The next step of a rolling update: first the new ReplicaSet up (or down, when the Deployment shrank), and only when
 * it cannot move, the old ones down: their unhealthy pods first, then as many healthy ones as availability allows.
 * Nothing to do is an empty list.
 */
export function nextRollingStep(
  limits: RolloutLimits,
  newer: ReplicaSetSize,
  older: readonly ReplicaSetSize[],
): Resize[] {
  const total = sum([newer, ...older], ({ replicas }) => replicas);
  const wanted =
    newer.replicas > limits.replicas ? limits.replicas : newReplicaSetSize(limits, newer.replicas, total);
  if (wanted !== newer.replicas) return [{ name: newer.name, replicas: wanted }];
  return shrinkOld(limits, newer, older);
}

function shrinkOld(limits: RolloutLimits, newer: ReplicaSetSize, older: readonly ReplicaSetSize[]): Resize[] {
  const total = sum([newer, ...older], ({ replicas }) => replicas);
  const leastAvailable = limits.replicas - limits.unavailable;
  const unhealthyBudget = total - leastAvailable - (newer.replicas - newer.available);
  if (unhealthyBudget <= 0) return [];
  const oldestFirst = [...older].sort((left, right) => left.age - right.age);
  const sizes = new Map(older.map(({ name, replicas }) => [name, replicas]));
  take(oldestFirst, sizes, unhealthyBudget, (size) => size.replicas - size.available);
  const healthyBudget = sum([newer, ...older], ({ available }) => available) - leastAvailable;
  take(oldestFirst, sizes, healthyBudget, (size) => sizes.get(size.name) ?? 0);
  return older
    .filter(({ name, replicas }) => sizes.get(name) !== replicas)
    .map(({ name }) => ({ name, replicas: sizes.get(name) ?? 0 }));
}

/** Takes at most `budget` pods away, from each ReplicaSet in turn at most what `takeable` gives. */
function take(
  sides: readonly ReplicaSetSize[],
  sizes: Map<string, number>,
  budget: number,
  takeable: (size: ReplicaSetSize) => number,
): void {
  let left = budget;
  for (const side of sides) {
    const current = sizes.get(side.name) ?? 0;
    const taken = Math.max(0, Math.min(left, takeable(side), current));
    sizes.set(side.name, current - taken);
    left -= taken;
  }
}

/**
 * Sizes after the Deployment was scaled in the middle of a rollout: the difference is spread over the active
 * ReplicaSets in proportion to their sizes, the larger and newer first; what rounding leaves goes to the first.
 */
export function proportionalSizes(
  limits: RolloutLimits,
  sides: readonly ReplicaSetSize[],
  statusReplicas: number,
): Resize[] {
  const allowed = limits.replicas > 0 ? limits.replicas + limits.surge : 0;
  const toAdd = allowed - sum(sides, ({ replicas }) => replicas);
  const newestFirst = toAdd > 0 ? 1 : -1;
  const ordered = [...sides].sort(
    (left, right) => right.replicas - left.replicas || newestFirst * (right.age - left.age),
  );
  let added = 0;
  const resized = ordered.map((side) => {
    const share = shareOf(side, limits, statusReplicas);
    const left = toAdd - added;
    const part = toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
    const taken = side.replicas === 0 || left === 0 ? 0 : part;
    added += taken;
    return { name: side.name, replicas: side.replicas + taken };
  });
  const [first] = resized;
  if (first !== undefined) first.replicas = Math.max(0, first.replicas + toAdd - added);
  return resized;
}

/** The ReplicaSet's part of the change: its size now, brought from the old maximum to the new one, rounded. */
function shareOf(side: ReplicaSetSize, limits: RolloutLimits, statusReplicas: number): number {
  if (limits.replicas === 0) return -side.replicas;
  const before = side.maxReplicas ?? statusReplicas;
  if (before === 0) return 0;
  return Math.round((side.replicas * (limits.replicas + limits.surge)) / before) - side.replicas;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
