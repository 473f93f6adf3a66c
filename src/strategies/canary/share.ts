import type { CanaryStep } from './settings.ts';

/** New pods of `desired` that a step wants; undefined for one that changes none. Never all of them but for a weight of 100 or more replicas. */
export function podsOf(step: CanaryStep | undefined, desired: number): number | undefined {
  if (step === undefined || 'pause' in step || 'analysis' in step) return undefined;
  if ('replicas' in step) return Math.min(step.replicas, desired);
  const most = step.weight === 100 ? desired : desired - 1;
  return Math.max(1, Math.min(most, nearest(step.weight, desired)));
}

/**
 * Whether so many pods can have the share, to less than one percent. None of them, and all of them for a weight below 100,
 * are off by one percent or more.
 */
export function isExpressible(weight: number, desired: number): boolean {
  return Math.abs(percentOf(nearest(weight, desired), desired) - weight) < 1;
}

/** Weights that so many pods can have, ten at most, as people write them: `25 %, 50 %, 75 % or 100 %`. */
export function expressibleWeights(desired: number): string {
  const all = Array.from(
    { length: desired },
    (_, index) => `${String(Math.round(percentOf(index + 1, desired)))} %`,
  );
  const shown = all.filter((_, index) => index % Math.ceil(all.length / 10) === 0);
  return shown.join(', ').replace(/, ([^,]+)$/, ' or $1');
}

/**
 * `maxUnavailable` that lets so many of `desired` pods be unavailable: as a percentage where that says the same (the API
 * rounds it down), so that a scaling in between, before the Deployment is paused, takes its share of both groups.
 */
export function unavailable(count: number, desired: number): number | string {
  const percent = Math.ceil(percentOf(count, desired));
  return Math.floor((desired * percent) / 100) === count ? `${String(percent)}%` : count;
}

/** `3 of 10 pods (30 %)` */
export function shareText(count: number, desired: number): string {
  return `${String(count)} of ${String(desired)} pods (${String(Math.round(percentOf(count, desired)))} %)`;
}

function nearest(weight: number, desired: number): number {
  return Math.round((weight * desired) / 100);
}

function percentOf(count: number, desired: number): number {
  return (100 * count) / desired;
}
