import type { Objects } from '../store/objects.ts';
import { withCondition, writeStatus } from './status.ts';
import { itself, nameOf, type Controller, type ControllerContext } from './controller.ts';
import { timestamp } from '../store/timestamp.ts';
import { controllerRefOf } from './ownership.ts';
import { hasEnded, isReady } from './pod-facts.ts';
import { resolveCount } from './rollout-arithmetic.ts';
import { selectorMatches } from './selectors.ts';
import type { Condition, DisruptionBudget, Pod } from './workload-types.ts';

/** A PodDisruptionBudget's numbers. */
export interface BudgetCounts {
  expectedPods: number;
  desiredHealthy: number;
  currentHealthy: number;
  disruptionsAllowed: number;
}

/** Whether a pod may be evicted now; `tooManyBudgets` is a mistake of the user's, `budget` a matter of waiting. */
export type EvictionDecision =
  | { allowed: true }
  | { allowed: false; reason: 'budget' | 'tooManyBudgets'; message: string; cause?: string };

/** Keeps the status of PodDisruptionBudgets; evictions are decided by {@link mayEvict} from the pods themselves. */
export function disruptionController(context: ControllerContext): Controller {
  const { objects, now } = context;
  return {
    name: 'disruption-controller',
    watches: {
      PodDisruptionBudget: itself,
      Pod: (pod) => budgetsOf(objects, pod as Pod).map(nameOf),
    },
    reconcile: (target) => {
      const budget = objects.get<DisruptionBudget>({
        kind: 'PodDisruptionBudget',
        group: 'policy',
        ...target,
      });
      if (budget !== undefined)
        writeStatus(objects, budget, statusOf(budget, countBudget(objects, budget), now()));
      return undefined;
    },
  };
}

function statusOf({ status, metadata }: DisruptionBudget, counts: BudgetCounts, nowMs: number): object {
  const enough = counts.disruptionsAllowed > 0;
  const condition: Condition = {
    type: 'DisruptionAllowed',
    status: enough ? 'True' : 'False',
    reason: enough ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    lastTransitionTime: timestamp(nowMs),
    observedGeneration: metadata.generation ?? 0,
  };
  const conditions = withCondition(status?.['conditions'] as Condition[] | undefined, condition);
  return { ...counts, conditions, observedGeneration: metadata.generation ?? 0 };
}

function budgetsOf(objects: Objects, pod: Pod): DisruptionBudget[] {
  const { namespace, labels } = pod.metadata;
  return objects
    .list<DisruptionBudget>('PodDisruptionBudget', namespace === undefined ? {} : { namespace })
    .filter(({ spec }) => selectorMatches(spec?.selector, labels));
}

/** The budget's numbers from the pods as they are now. */
export function countBudget(objects: Objects, budget: DisruptionBudget): BudgetCounts {
  const { namespace } = budget.metadata;
  const pods = objects
    .list<Pod>('Pod', namespace === undefined ? {} : { namespace })
    .filter((pod) => !hasEnded(pod) && selectorMatches(budget.spec?.selector, pod.metadata.labels));
  const healthy = pods.filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined).length;
  return budgetCounts(budget.spec ?? {}, { pods: pods.length, healthy, scale: scaleOf(objects, pods) });
}

/**
 * The arithmetic of a budget. A plain `minAvailable` counts the pods there are; percentages and `maxUnavailable` count
 * those that their controllers want. Both round up. Example: maxUnavailable 1 of 3 wanted with 3 healthy allows 1.
 */
export function budgetCounts(
  { minAvailable, maxUnavailable }: { minAvailable?: number | string; maxUnavailable?: number | string },
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
function scaleOf(objects: Objects, pods: readonly Pod[]): number {
  const seen = new Map<string, number>();
  for (const pod of pods) {
    const owner = controllerRefOf(pod);
    if (owner === undefined || seen.has(owner.uid)) continue;
    const { namespace } = pod.metadata;
    const key = { kind: owner.kind, name: owner.name, ...(namespace === undefined ? {} : { namespace }) };
    const spec = objects.get(key)?.spec as { replicas?: number } | undefined;
    seen.set(owner.uid, spec?.replicas ?? 0);
  }
  return [...seen.values()].reduce((sum, replicas) => sum + replicas, 0);
}

/**
 * Whether the eviction of a pod is allowed by its PodDisruptionBudget. Pods that have ended, are pending or are
 * going already may always be evicted. The answer is to be acted on at once: two evictions may not share one.
 */
export function mayEvict(objects: Objects, pod: Pod): EvictionDecision {
  const spared =
    hasEnded(pod) || pod.status?.phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined;
  if (spared) return { allowed: true };
  const [budget, ...more] = budgetsOf(objects, pod);
  if (budget === undefined) return { allowed: true };
  if (more.length > 0) {
    const message =
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    return { allowed: false, reason: 'tooManyBudgets', message };
  }
  const { disruptionsAllowed, currentHealthy, desiredHealthy } = countBudget(objects, budget);
  const always = budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow';
  if (!isReady(pod) && (always || (currentHealthy >= desiredHealthy && desiredHealthy > 0)))
    return { allowed: true };
  if (disruptionsAllowed > 0) return { allowed: true };
  return {
    allowed: false,
    reason: 'budget',
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    cause: `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
  };
}
