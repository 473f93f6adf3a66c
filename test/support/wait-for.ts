import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again until there is an answer: `ask` returns undefined for "not yet".
 * @throws Error naming `what` when the time is over
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  options: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 120_000;
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
    await sleep(options.intervalMs ?? 200);
  }
}
