import { isFields } from '../base/fields.ts';
import type { Container, PodTemplate } from './workload-objects.ts';

/** What Kubernetes gives a pod to end, when the pod does not say. */
const defaultGraceSeconds = 30;

const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const sleepCommand = /(?:^|[\s;&|({/])sleep\s+(\d+(?:\.\d+)?)([smhd]?)(?=$|[\s;&|)}])/g;

/** Seconds after which what still runs of a pod is killed; undefined where the manifest has no number. */
export function graceSecondsOf({ spec }: PodTemplate): number | undefined {
  const { terminationGracePeriodSeconds: seconds = defaultGraceSeconds } = spec;
  return typeof seconds === 'number' ? seconds : undefined;
}

/**
 * Seconds that a container's preStop hook sleeps, by its own action or the command `sleep`; of several commands the longest,
 * since only some may run. undefined where no sleep is seen.
 */
export function preStopSleepSeconds({ lifecycle }: Container): number | undefined {
  const { sleep, exec } = isFields(lifecycle?.preStop) ? lifecycle.preStop : {};
  if (isFields(sleep)) return typeof sleep['seconds'] === 'number' ? sleep['seconds'] : undefined;
  const command = isFields(exec) && Array.isArray(exec['command']) ? exec['command'].join(' ') : '';
  const sleeps = [...command.matchAll(sleepCommand)].map(
    ([, count, unit = '']) => Number(count) * (secondsOf[unit] ?? 1),
  );
  return sleeps.length === 0 ? undefined : Math.max(...sleeps);
}
