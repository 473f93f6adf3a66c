import { stepsOf, type CanarySettings, type CanaryStep } from '../canary/settings.ts';
import type { Aim } from './input.ts';

/** Fewer new pods would leave their Service empty when one of them fails, or when the Deployment is scaled down. */
const fewest = 2;

/**
 * New pods that an aim takes of a Deployment that has `desired` of them: as many as carry their share of the traffic,
 * rounded up; a step that says their number starts as many, with the traffic as it is.
 */
export function podsOf({ weight, pods }: Aim, desired: number): number {
  const carrying = weight === 0 ? 0 : Math.max(fewest, Math.ceil((desired * weight) / 100));
  return Math.max(1, Math.min(desired, Math.max(carrying, pods ?? 0)));
}

/** What a step moves to; undefined for one that moves nothing. */
export function aimOf(step: CanaryStep | undefined, index: number, before: Aim | undefined): Aim | undefined {
  if (step === undefined) return undefined;
  if ('weight' in step) return { weight: step.weight, next: index + 1 };
  return 'replicas' in step
    ? { weight: before?.weight ?? 0, pods: step.replicas, next: index + 1 }
    : undefined;
}

/** After the last step: the new pods get all of the traffic. */
export function lastAim(settings: CanarySettings): Aim {
  return { weight: 100, next: stepsOf(settings).length };
}

/** `2 new pods for 20 % of the traffic` */
export function aimText(aim: Aim, desired: number): string {
  return `${newPods(podsOf(aim, desired))} for ${String(aim.weight)} % of the traffic`;
}

/** `1 new pod` */
export function newPods(count: number): string {
  return `${String(count)} new ${count === 1 ? 'pod' : 'pods'}`;
}
