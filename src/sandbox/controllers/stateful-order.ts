/** In which order a StatefulSet makes, replaces and removes its pods: pure. */

export interface StatefulPod {
  ordinal: number;
  revision: string;
  /** Ready and not being deleted. */
  healthy: boolean;
  /** Succeeded or Failed. */
  ended: boolean;
  /** Being deleted. */
  going: boolean;
}

export interface StatefulPlan {
  replicas: number;
  /** podManagementPolicy Parallel: creation and removal do not wait; updates still go one by one. */
  parallel: boolean;
  updateRevision: string;
  /** Pods below it keep their revision; Infinity is OnDelete. */
  partition: number;
}

export interface StatefulStep {
  action: 'create' | 'delete';
  ordinal: number;
}

/** The ordinal in a pod's name (`web-2` of `web` is 2); undefined for a name that is not of the set. */
export function ordinalOf(set: string, pod: string): number | undefined {
  if (!pod.startsWith(`${set}-`)) return undefined;
  const end = pod.slice(set.length + 1);
  return /^(0|[1-9]\d*)$/.test(end) ? Number(end) : undefined;
}

/**
 * What to do now. In order: pods that ended are replaced; missing ones are made from 0 up, each after the ones before
 * it are ready; surplus ones go from the last down; then pods of another revision are replaced from the last down to
 * the partition, each after those above it are ready again.
 */
export function nextStatefulStep(plan: StatefulPlan, pods: readonly StatefulPod[]): StatefulStep[] {
  const byOrdinal = new Map(pods.map((pod) => [pod.ordinal, pod]));
  const steps: StatefulStep[] = [];
  for (let ordinal = 0; ordinal < plan.replicas; ordinal += 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) steps.push({ action: 'create', ordinal });
    else if (pod.ended && !pod.going) steps.push({ action: 'delete', ordinal });
    if (!plan.parallel && pod?.healthy !== true) return steps;
  }
  const surplus = pods
    .filter(({ ordinal }) => ordinal >= plan.replicas)
    .sort((left, right) => right.ordinal - left.ordinal);
  for (const { ordinal, going } of surplus) {
    if (!going) steps.push({ action: 'delete', ordinal });
    if (!plan.parallel) return steps;
  }
  return steps.length > 0 ? steps : nextUpdate(plan, byOrdinal);
}

function nextUpdate(plan: StatefulPlan, byOrdinal: ReadonlyMap<number, StatefulPod>): StatefulStep[] {
  for (let ordinal = plan.replicas - 1; ordinal >= plan.partition; ordinal -= 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || pod.going) return [];
    if (pod.revision !== plan.updateRevision) return [{ action: 'delete', ordinal }];
    if (!pod.healthy) return [];
  }
  return [];
}
