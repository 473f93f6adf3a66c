import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from './pod-types.ts';

/** One answer of a probe; `message` goes into the Unhealthy event. */
export type ProbeAnswer = { healthy: true } | { healthy: false; message: string };

/** What a probe's loop tells: each change after the thresholds, and each failed answer on the way. */
export interface ProbeObserver {
  /** `failureThreshold` or `successThreshold` answers in a row. */
  onResult(healthy: boolean, message: string): void;
  onFailure(message: string): void;
}

/** Counts answers against the thresholds: gives the new verdict when one is reached. */
export function createThresholds({
  successThreshold = 1,
  failureThreshold = 3,
}: Probe): (healthy: boolean) => boolean | undefined {
  let last: boolean | undefined;
  let inARow = 0;
  return (healthy) => {
    inARow = healthy === last ? inARow + 1 : 1;
    last = healthy;
    return inARow >= (healthy ? successThreshold : failureThreshold) ? healthy : undefined;
  };
}

/** An eager probe asks again after this part of the time that it has waited so far, so it is late by no more than that. */
const eagerPart = 0.2;
const eagerLeastMs = 10;
const eagerMostMs = 1000;

/**
 * Asks again and again until `signal` ends or, with `once`, until the first verdict. An `eager` probe asks more often
 * until its first good answer or the end of its first period; bad answers of that time are not counted. So a pod is
 * found ready when it is, and not up to ten seconds later.
 */
export async function runProbe(
  probe: Probe,
  ask: (signal: AbortSignal) => Promise<ProbeAnswer>,
  observer: ProbeObserver,
  { signal, once = false, eager = false }: { signal: AbortSignal; once?: boolean; eager?: boolean },
): Promise<void> {
  const { initialDelaySeconds = 0, periodSeconds = 10, timeoutSeconds = 1 } = probe;
  const thresholds = createThresholds(probe);
  await pause(initialDelaySeconds * 1000, signal);
  const begun = performance.now();
  const eagerMs = eager ? periodSeconds * 1000 : 0;
  while (!signal.aborted) {
    const answer = await ask(AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]));
    if (isAborted(signal)) return;
    const passedMs = performance.now() - begun;
    if (!answer.healthy && passedMs < eagerMs) {
      await pause(Math.min(eagerMostMs, Math.max(eagerLeastMs, passedMs * eagerPart)), signal);
      continue;
    }
    if (report(answer, thresholds(answer.healthy), observer) && once) return;
    await pause(periodSeconds * 1000, signal);
  }
}

/** Tells the observer; whether there was a verdict. */
function report(answer: ProbeAnswer, verdict: boolean | undefined, observer: ProbeObserver): boolean {
  const message = answer.healthy ? '' : answer.message;
  if (!answer.healthy) observer.onFailure(message);
  if (verdict !== undefined) observer.onResult(verdict, message);
  return verdict !== undefined;
}

/** `signal.aborted` now: TypeScript holds the property itself to be what it was before an await. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Waits, or less when `signal` ends. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // The caller looks at the signal itself.
  }
}
