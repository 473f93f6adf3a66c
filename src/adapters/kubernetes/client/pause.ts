import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after `ms` milliseconds; rejects with `signal.reason` as soon as the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
