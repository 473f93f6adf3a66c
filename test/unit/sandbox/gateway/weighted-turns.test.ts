import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WeightedTurns } from '../../../../src/sandbox/gateway/weighted-turns.ts';

const take = (turns: WeightedTurns, count: number): (number | undefined)[] =>
  Array.from({ length: count }, () => turns.next());

describe('turns by weight', () => {
  it('give each index exactly its weight in any row of as many turns as the sum, wherever it begins', () => {
    const weights = fc.array(fc.nat(30), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.nat(50), (given, before) => {
        const sum = given.reduce((total, weight) => total + weight, 0);
        const turns = new WeightedTurns(given);
        take(turns, before);

        const taken = take(turns, sum);

        for (const [index, weight] of given.entries())
          expect(taken.filter((turn) => turn === index)).toHaveLength(weight);
      }),
    );
  });

  it('mix the indexes instead of giving one all its turns in a row', () => {
    expect(take(new WeightedTurns([1, 4]), 10)).toEqual([1, 1, 0, 1, 1, 1, 1, 0, 1, 1]);
  });

  it('are nobody’s where no weight is above 0', () => {
    expect(new WeightedTurns([0, 0]).next()).toBeUndefined();
    expect(new WeightedTurns([]).next()).toBeUndefined();
  });
});
