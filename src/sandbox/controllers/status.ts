import type { Condition } from './workload-types.ts';

/** The counts of a status that are to be written: real controllers leave zeros out. */
export function withoutZeros(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** The condition of a type, if there is one. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * The conditions with one set: an equal one (status and reason) is left as it is, and the transition time is kept
 * while the status does not change.
 */
export function withCondition(conditions: readonly Condition[] = [], next: Condition): Condition[] {
  const current = findCondition(conditions, next.type);
  if (current?.status === next.status && current.reason === next.reason) return [...conditions];
  const kept = current?.status === next.status ? current.lastTransitionTime : undefined;
  return [
    ...withoutCondition(conditions, next.type),
    kept === undefined ? next : { ...next, lastTransitionTime: kept },
  ];
}

/** The conditions without those of a type. */
export function withoutCondition(conditions: readonly Condition[] = [], type: string): Condition[] {
  return conditions.filter((condition) => condition.type !== type);
}
