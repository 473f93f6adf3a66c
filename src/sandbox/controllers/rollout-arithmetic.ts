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

/** New sizes by the ReplicaSets' names. */
export type Sizes = ReadonlyMap<string, number>;

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
  return room <= 0 ? current : current + Math.min(room, limits.replicas - current);
}

/**
 * The next step of a rolling update: first the new ReplicaSet up (or down, when the Deployment shrank), and only when
 * it cannot move, the old ones down: their unhealthy pods first, then as many healthy ones as availability allows.
 */
export function nextRollingStep(
  limits: RolloutLimits,
  newer: ReplicaSetSize,
  older: readonly ReplicaSetSize[],
): Sizes {
  const total = sum([newer, ...older], ({ replicas }) => replicas);
  const wanted =
    newer.replicas > limits.replicas ? limits.replicas : newReplicaSetSize(limits, newer.replicas, total);
  if (wanted !== newer.replicas) return new Map([[newer.name, wanted]]);

  const leastAvailable = limits.replicas - limits.unavailable;
  const unhealthyBudget = total - leastAvailable - (newer.replicas - newer.available);
  const sizes = new Map<string, number>();
  if (unhealthyBudget <= 0) return sizes;
  const oldestFirst = [...older].sort((left, right) => left.age - right.age);
  /** Takes at most `budget` pods away, from each ReplicaSet in turn at most what `takeable` gives. */
  const take = (budget: number, takeable: (size: ReplicaSetSize) => number): void => {
    let left = budget;
    for (const side of oldestFirst) {
      const current = sizes.get(side.name) ?? side.replicas;
      const taken = Math.max(0, Math.min(left, takeable(side), current));
      if (taken > 0) sizes.set(side.name, current - taken);
      left -= taken;
    }
  };
  take(unhealthyBudget, ({ replicas, available }) => replicas - available);
  const healthyBudget = sum([newer, ...older], ({ available }) => available) - leastAvailable;
  take(healthyBudget, ({ replicas }) => replicas);
  return sizes;
}

/**
 * Sizes after the Deployment was scaled in the middle of a rollout: the difference is spread over the active
 * ReplicaSets in proportion to their sizes, the larger and newer first; what rounding leaves goes to the first.
 */
export function proportionalSizes(
  limits: RolloutLimits,
  sides: readonly ReplicaSetSize[],
  statusReplicas: number,
): Sizes {
  const allowed = limits.replicas > 0 ? limits.replicas + limits.surge : 0;
  const toAdd = allowed - sum(sides, ({ replicas }) => replicas);
  const newestFirst = toAdd > 0 ? 1 : -1;
  const ordered = [...sides].sort(
    (left, right) => right.replicas - left.replicas || newestFirst * (right.age - left.age),
  );
  let left = toAdd;
  const sizes = new Map<string, number>();
  for (const side of ordered) {
    const share = shareOf(side, limits, statusReplicas);
    const part = toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
    const taken = side.replicas === 0 || left === 0 ? 0 : part;
    left -= taken;
    sizes.set(side.name, side.replicas + taken);
  }
  const [first] = ordered;
  if (first !== undefined) sizes.set(first.name, Math.max(0, (sizes.get(first.name) ?? 0) + left));
  return sizes;
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
