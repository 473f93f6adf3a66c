/**
 * How long to wait before the next attempt: doubled each time, with jitter, so that many clients that failed together
 * do not come back together. `random` gives numbers from 0 to 1.
 * @param attempt attempts made so far, from 1
 * @returns milliseconds between half and the whole of `min(maxMs, baseMs × 2^(attempt−1))`
 */
export function backoffMs(
  attempt: number,
  limits: { baseMs: number; maxMs: number },
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(limits.maxMs, limits.baseMs * 2 ** (attempt - 1));
  return Math.round(ceiling * (0.5 + random() / 2));
}
