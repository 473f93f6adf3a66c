import type { SeenReplicaSet } from '../holding.ts';
import type { LiveDeployment } from './input.ts';

/** The ReplicaSets beside the one of the new pods. */
export function oldOf({ sets, live }: LiveDeployment): SeenReplicaSet[] {
  return sets.filter(({ name }) => name !== live.name);
}

/** Old pods that there are to be. */
export function oldWanted(deployment: LiveDeployment): number {
  return oldOf(deployment).reduce((total, { wanted }) => total + wanted, 0);
}

/** Of the new pods that a step wants, those that the controller starts: a scaling since the step began has taken its room. */
export function reachable(target: number, deployment: LiveDeployment): number {
  const { desired, fields, live } = deployment;
  const surge = typeof fields.maxSurge === 'number' ? fields.maxSurge : desired;
  const room = desired + surge - oldWanted(deployment);
  return Math.max(1, Math.min(target, Math.max(room, live.wanted)));
}
