import type { Objects, StoredObject } from '../store/objects.ts';
import { timestamp } from '../store/timestamp.ts';
import { controllerRefOf } from './ownership.ts';
import { isTerminating, type Plan, type World } from './plan.ts';
import { hasEnded, isReady } from './pod-facts.ts';
import { resolveCount } from './rollout-arithmetic.ts';
import { selectorMatches } from './selectors.ts';
import { withCondition } from './status.ts';
import type { Condition, DisruptionBudget, IntOrPercent, Pod } from './workload-types.ts';

/** A PodDisruptionBudget's numbers. */
export interface BudgetCounts {
  expectedPods: number;
  desiredHealthy: number;
  currentHealthy: number;
  disruptionsAllowed: number;
}

/** Whether a pod may be evicted now; `too-many-budgets` is a mistake of the user's, `budget` a matter of waiting. */
export type EvictionDecision =
  | { allowed: true }
  | { allowed: false; reason: 'budget' | 'too-many-budgets'; message: string; cause?: string };

type Reads = Pick<Objects, 'get' | 'list'>;

/** Keeps the status of PodDisruptionBudgets; evictions are decided by {@link mayEvict} from the pods themselves. */
export function planBudget(budget: DisruptionBudget, { cluster, nowMs }: World): Plan {
  const counts = countBudget(cluster, budget);
  const observedGeneration = budget.metadata.generation ?? 0;
  const isEnough = counts.disruptionsAllowed > 0;
  const conditions = withCondition(budget.status?.['conditions'] as Condition[] | undefined, {
    type: 'DisruptionAllowed',
    status: isEnough ? 'True' : 'False',
    reason: isEnough ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    lastTransitionTime: timestamp(nowMs),
    observedGeneration,
  });
  return { status: { ...counts, conditions, observedGeneration } };
}

/** The budget's numbers from the pods as they are now. */
function countBudget(objects: Reads, { metadata, spec = {} }: DisruptionBudget): BudgetCounts {
  const { namespace = 'default' } = metadata;
  const pods = objects
    .list<Pod>('Pod', { namespace })
    .filter((pod) => !hasEnded(pod) && selectorMatches(spec.selector, pod.metadata.labels));
  const healthy = pods.filter((pod) => isReady(pod) && !isTerminating(pod)).length;
  return budgetCounts(spec, { pods: pods.length, healthy, scale: scaleOf(objects, pods) });
}

/**
 * The arithmetic of a budget. A plain `minAvailable` counts the pods there are; percentages and `maxUnavailable` count
 * those that their controllers want. Both round up. Example: maxUnavailable 1 of 3 wanted with 3 healthy allows 1.
 */
export function budgetCounts(
  { minAvailable, maxUnavailable }: { minAvailable?: IntOrPercent; maxUnavailable?: IntOrPercent },
  { pods, healthy, scale }: { pods: number; healthy: number; scale: number },
): BudgetCounts {
  const expectedPods = maxUnavailable === undefined && typeof minAvailable === 'number' ? pods : scale;
  const wanted =
    maxUnavailable === undefined
      ? resolveCount(minAvailable ?? 1, expectedPods, 'up')
      : expectedPods - resolveCount(maxUnavailable, expectedPods, 'up');
  const desiredHealthy = Math.max(0, wanted);
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, healthy - desiredHealthy);
  return { expectedPods, desiredHealthy, currentHealthy: healthy, disruptionsAllowed };
}

/** The sizes that the pods' controllers want, each controller once. */
function scaleOf(objects: Reads, pods: readonly Pod[]): number {
  const owners = new Map<string, StoredObject<{ replicas?: number }> | undefined>();
  for (const pod of pods) {
    const owner = controllerRefOf(pod);
    if (owner === undefined || owners.has(owner.uid)) continue;
    const { kind, name } = owner;
    owners.set(owner.uid, objects.get({ kind, namespace: pod.metadata.namespace ?? 'default', name }));
  }
  return [...owners.values()].reduce((sum, owner) => sum + (owner?.spec?.replicas ?? 0), 0);
}

/**
 * Whether the eviction of a pod is allowed by its PodDisruptionBudget. Pods that have ended, are pending or are
 * going already may always be evicted. The answer is to be acted on at once: two evictions may not share one.
 */
export function mayEvict(objects: Reads, pod: Pod): EvictionDecision {
  const { namespace = 'default', labels } = pod.metadata;
  if (hasEnded(pod) || pod.status?.phase === 'Pending' || isTerminating(pod)) return { allowed: true };
  const [budget, ...more] = objects
    .list<DisruptionBudget>('PodDisruptionBudget', { namespace })
    .filter(({ spec }) => selectorMatches(spec?.selector, labels));
  if (budget === undefined) return { allowed: true };
  if (more.length > 0) {
    const message =
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    return { allowed: false, reason: 'too-many-budgets', message };
  }
  const { disruptionsAllowed, currentHealthy, desiredHealthy } = countBudget(objects, budget);
  const always = budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow';
  const sparesUnhealthy = always || (currentHealthy >= desiredHealthy && desiredHealthy > 0);
  if (disruptionsAllowed > 0 || (!isReady(pod) && sparesUnhealthy)) return { allowed: true };
  return {
    allowed: false,
    reason: 'budget',
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    cause: `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
  };
}
