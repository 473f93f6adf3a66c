import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  expressibleWeights,
  isExpressible,
  podsOf,
  shareText,
  unavailable,
} from '../../../../src/strategies/canary/share.ts';

const desired = fc.integer({ min: 2, max: 1000 });

describe('the new pods of a step', () => {
  it.each([
    [{ weight: 25 }, 4, 1],
    [{ weight: 10 }, 4, 1],
    [{ weight: 99 }, 4, 3],
    [{ weight: 100 }, 4, 4],
    [{ weight: 33 }, 3, 1],
    [{ replicas: 2 }, 4, 2],
    [{ replicas: 9 }, 4, 4],
    [{ pause: '1m' }, 4, undefined],
    [undefined, 4, undefined],
  ] as const)('%j of %i pods is %p', (step, count, expected) => {
    expect(podsOf(step, count)).toBe(expected);
  });

  it('are never none, and all of them only where a weight of 100 says so', () => {
    fc.assert(
      fc.property(desired, fc.integer({ min: 1, max: 100 }), (count, weight) => {
        const pods = podsOf({ weight }, count) ?? 0;

        expect(pods).toBeGreaterThan(0);
        expect(pods).toBeLessThanOrEqual(weight === 100 ? count : count - 1);
      }),
    );
  });
});

describe('a weight', () => {
  it.each([
    [25, 4, true],
    [10, 4, false],
    [33, 3, true],
    [34, 3, true],
    [35, 3, false],
    [67, 3, true],
    [99, 4, false],
    [100, 4, true],
    [1, 1000, true],
    [1, 40, false],
  ])('of %i can be had with %i pods: %p', (weight, count, expected) => {
    expect(isExpressible(weight, count)).toBe(expected);
  });

  it('that can be had is given, to less than one percent', () => {
    fc.assert(
      fc.property(desired, fc.integer({ min: 1, max: 100 }), (count, weight) => {
        fc.pre(isExpressible(weight, count));

        const given = (100 * (podsOf({ weight }, count) ?? 0)) / count;
        expect(Math.abs(given - weight)).toBeLessThan(1);
      }),
    );
  });

  it('of other pods is named', () => {
    expect(expressibleWeights(4)).toBe('25 %, 50 %, 75 % or 100 %');
    expect(expressibleWeights(2)).toBe('50 % or 100 %');
    expect(expressibleWeights(1)).toBe('100 %');
    expect(expressibleWeights(100).split(', ').length).toBeLessThanOrEqual(10);
  });

  it('is named in ten at most, from the first to the last alike', () => {
    expect(expressibleWeights(10)).toMatch(/^10 %, 20 %, .*, 80 %, 90 % or 100 %$/);
    expect(expressibleWeights(11)).toBe('9 %, 27 %, 45 %, 64 %, 82 % or 100 %');
    expect(expressibleWeights(20)).toBe('5 %, 15 %, 25 %, 35 %, 45 %, 55 %, 65 %, 75 %, 85 % or 95 %');
  });

  it('that is named can be had', () => {
    for (let count = 2; count <= 50; count += 1)
      for (const named of expressibleWeights(count)
        .split(/ %(?:, | or )?/)
        .filter(Boolean))
        expect([count, named, isExpressible(Number(named), count)]).toEqual([count, named, true]);
  });
});

describe('how many pods may be unavailable', () => {
  it('is a percentage that the API rounds down to the number, and the number where none does', () => {
    fc.assert(
      fc.property(
        desired.chain((count) => fc.tuple(fc.constant(count), fc.integer({ min: 1, max: count }))),
        ([count, pods]) => {
          const written = unavailable(pods, count);

          const meant =
            typeof written === 'number' ? written : Math.floor((Number.parseInt(written, 10) * count) / 100);
          expect(meant).toBe(pods);
        },
      ),
    );
    expect(unavailable(1, 4)).toBe('25%');
    expect(unavailable(1, 3)).toBe('34%');
    expect(unavailable(1, 300)).toBe(1);
  });

  it('is shown with the share', () => {
    expect(shareText(3, 10)).toBe('3 of 10 pods (30 %)');
  });
});
