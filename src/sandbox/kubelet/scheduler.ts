import { availableParallelism, totalmem } from 'node:os';
import type { V1NodeSelectorRequirement } from '@kubernetes/client-node';
import type { Pod } from './pod-types.ts';
import { quantityToNumber } from './quantity.ts';

/** The one node's name. */
export const nodeName = 'sandbox';

/** What the scheduler knows of the node. */
export interface NodeFacts {
  labels: Readonly<Record<string, string>>;
  /** By resource name, in base units. */
  capacity: Readonly<Record<string, number>>;
  unschedulable: boolean;
}

/** The machine as a node. */
export function nodeCapacity(): Record<string, number> {
  return { cpu: availableParallelism(), memory: totalmem(), pods: 110, 'ephemeral-storage': 2 ** 40 };
}

/**
 * Whether the pod fits the one node: undefined when it does, else the message of the real scheduler. A pod's requests
 * are held against the whole machine, not against what other pods leave: these are processes, nothing is reserved.
 */
export function whyUnschedulable(pod: Pod, node: NodeFacts): string | undefined {
  const reasons = [
    ...(node.unschedulable ? ['node(s) were unschedulable'] : []),
    ...(matchesNode(pod, node.labels) ? [] : ["node(s) didn't match Pod's node affinity/selector"]),
    ...[...requestsOf(pod)].flatMap(([name, wanted]) =>
      wanted > (node.capacity[name] ?? 0) ? [`Insufficient ${name}`] : [],
    ),
  ];
  if (reasons.length === 0) return undefined;
  return `0/1 nodes are available: ${reasons.map((reason) => `1 ${reason}`).join(', ')}.`;
}

function matchesNode(pod: Pod, labels: Readonly<Record<string, string>>): boolean {
  const selected = Object.entries(pod.spec.nodeSelector ?? {}).every(
    ([name, value]) => labels[name] === value,
  );
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const terms = required?.nodeSelectorTerms;
  const hasAffinity = terms?.some(({ matchExpressions = [] }) =>
    matchExpressions.every((one) => meets(one, labels)),
  );
  return selected && hasAffinity !== false;
}

function meets(
  { key, operator, values = [] }: V1NodeSelectorRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return Number(value) > Number(values[0]);
    case 'Lt':
      return Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** What a pod asks for: the sum over its containers, or what its dearest init container asks for, if that is more. */
function requestsOf(pod: Pod): Map<string, number> {
  const sum = new Map<string, number>();
  for (const { resources } of pod.spec.containers) {
    for (const [name, quantity] of Object.entries(resources?.requests ?? {}))
      sum.set(name, (sum.get(name) ?? 0) + (quantityToNumber(quantity) ?? 0));
  }
  for (const { resources } of pod.spec.initContainers ?? []) {
    for (const [name, quantity] of Object.entries(resources?.requests ?? {}))
      sum.set(name, Math.max(sum.get(name) ?? 0, quantityToNumber(quantity) ?? 0));
  }
  return sum;
}
