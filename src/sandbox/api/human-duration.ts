/** Steps of {@link humanDuration}: below `limit` seconds the first `units` are shown, the second only if not 0. */
const steps: readonly { limit: number; units: readonly ('y' | 'd' | 'h' | 'm' | 's')[] }[] = [
  { limit: 120, units: ['s'] },
  { limit: 600, units: ['m', 's'] },
  { limit: 10_800, units: ['m'] },
  { limit: 28_800, units: ['h', 'm'] },
  { limit: 172_800, units: ['h'] },
  { limit: 691_200, units: ['d', 'h'] },
  { limit: 63_072_000, units: ['d'] },
  { limit: 252_288_000, units: ['y', 'd'] },
  { limit: Infinity, units: ['y'] },
];
const secondsOf = { y: 31_536_000, d: 86_400, h: 3600, m: 60, s: 1 };

/** A duration as kubectl shows ages: `45s`, `3m12s`, `2d4h`, `1y20d`. Below zero it is `0s`. */
export function humanDuration(durationMs: number): string {
  let rest = Math.max(0, Math.floor(durationMs / 1000));
  const units = steps.find((step) => rest < step.limit)?.units ?? [];
  return units
    .map((unit, index) => {
      const count = Math.floor(rest / secondsOf[unit]);
      rest -= count * secondsOf[unit];
      return count === 0 && index > 0 ? '' : `${count}${unit}`;
    })
    .join('');
}

/** The age of a timestamp, `<unknown>` when there is none. */
export function age(timestamp: unknown, now = Date.now()): string {
  const time = typeof timestamp === 'string' ? Date.parse(timestamp) : NaN;
  return Number.isNaN(time) ? '<unknown>' : humanDuration(now - time);
}
