import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration } from '../../../src/base/duration.ts';

describe('a duration', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['2m', 120_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '90', 's', '1.5h', '-1s', '1w', ' 1s', '1s ', '1h 30m', 'x1s', '1sx'])(
    'is not "%s"',
    (text) => {
      expect(() => parseDuration(text)).toThrow(
        expect.objectContaining({
          message: `"${text}" is not a duration`,
          fault: 'input',
          hint: expect.stringContaining('1h30m') as unknown,
        }),
      );
    },
  );

  it.each([
    [0, '0ms'],
    [849.6, '850ms'],
    [999, '999ms'],
    [1000, '1.0s'],
    [4200, '4.2s'],
    [59_949, '59.9s'],
    [59_950, '1m00s'],
    [185_000, '3m05s'],
    [3_599_000, '59m59s'],
    [3_600_000, '1h00m'],
    [3_720_000, '1h02m'],
    [90_000_000, '25h00m'],
  ])('of %d ms is shown as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
