import type { PlanNode } from '../plan/plan.ts';
import type { StageOutcome } from '../ports/events.ts';

/** How a node stands, as far as its successors care. */
export interface NodeState {
  state: 'pending' | 'running' | 'done';
  outcome?: StageOutcome;
  /** It was skipped because something that it needs failed. */
  blocked?: boolean;
}

/** What may happen to a node now. */
export type Verdict = 'wait' | 'start' | 'blocked';

/**
 * Decides about a node that is pending. It waits until all its needs are done; it is blocked when one of them failed
 * and was not allowed to, or was blocked itself. A need that was skipped by its own condition counts as done. Finally
 * stages are never blocked.
 */
export function decideNode(
  node: PlanNode,
  nodes: ReadonlyMap<string, PlanNode>,
  states: ReadonlyMap<string, NodeState>,
): Verdict {
  const needs = node.needs.map((name) => states.get(name));
  if (needs.some((need) => need?.state !== 'done')) return 'wait';
  if (node.phase === 'finally') return 'start';
  return node.needs.some((name) => blocks(nodes.get(name), states.get(name))) ? 'blocked' : 'start';
}

/** Whether a done node keeps those that need it from starting. */
export function blocks(node: PlanNode | undefined, state: NodeState | undefined): boolean {
  if (state?.blocked === true) return true;
  if (state?.outcome === 'succeeded' || state?.outcome === 'skipped') return false;
  return node?.allowFailure !== true || state?.outcome === 'cancelled';
}

/** The failed or blocked needs of a node, for its message. */
export function blockersOf(
  node: PlanNode,
  nodes: ReadonlyMap<string, PlanNode>,
  states: ReadonlyMap<string, NodeState>,
): string[] {
  return node.needs.filter((name) => blocks(nodes.get(name), states.get(name)));
}
