import type { V1LabelSelectorRequirement } from '@kubernetes/client-node';
import type { LabelSelector } from './workload-types.ts';

/** Whether labels meet every requirement of a selector. A missing selector matches nothing, an empty one everything. */
export function selectorMatches(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  if (selector === undefined) return false;
  return (
    mapMatches(selector.matchLabels, labels) &&
    (selector.matchExpressions ?? []).every((requirement) => requirementMet(requirement, labels ?? {}))
  );
}

/** Whether `labels` hold every pair of `wanted` (a Service's or node selector). */
export function mapMatches(
  wanted: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => labels?.[key] === value);
}

function requirementMet(
  requirement: V1LabelSelectorRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = labels[requirement.key];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && (requirement.values ?? []).includes(value);
    case 'NotIn':
      return value === undefined || !(requirement.values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
