import { describe, expect, it } from '@jest/globals';
import { backoffMs } from '../../../src/base/backoff.ts';

const limits = { baseMs: 100, maxMs: 1000 };

describe('the wait before the next attempt', () => {
  it.each([
    [1, 50, 100],
    [2, 100, 200],
    [4, 400, 800],
    [5, 500, 1000],
    [60, 500, 1000],
  ])('after attempt %i is between %i and %i ms', (attempt, least, most) => {
    expect(backoffMs(attempt, limits, () => 0)).toBe(least);
    expect(backoffMs(attempt, limits, () => 1)).toBe(most);
    expect(backoffMs(attempt, limits)).toBeGreaterThanOrEqual(least);
    expect(backoffMs(attempt, limits)).toBeLessThanOrEqual(most);
  });
});
