import { InputError } from './errors.ts';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const whole = /^(?:\d+(?:ms|[smhd]))+$/;
const part = /(\d+)(ms|[smhd])/g;

/**
 * Reads a duration such as `90s`, `2m` or `1h30m`.
 * @returns milliseconds
 * @throws InputError when the text is not a duration
 */
export function parseDuration(text: string): number {
  if (!whole.test(text)) {
    throw new InputError(`"${text}" is not a duration`, { hint: 'write it like 90s, 2m or 1h30m' });
  }
  let ms = 0;
  for (const [, count, unit] of text.matchAll(part)) {
    ms += Number(count) * unitMs[unit as keyof typeof unitMs];
  }
  return ms;
}

/** Writes milliseconds for people: `850ms`, `4.2s`, `3m05s`, `1h02m`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${String(Math.round(ms))}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  const pad = (n: number) => String(n).padStart(2, '0');
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))}m${pad(seconds % 60)}s`;
  const minutes = Math.round(seconds / 60);
  return `${String(Math.floor(minutes / 60))}h${pad(minutes % 60)}m`;
}
