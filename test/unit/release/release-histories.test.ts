import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cases } from '../../support/cases.ts';
import { historiesOf, strategyNames } from './histories/history.ts';
import { playReleaseHistory } from './histories/play-history.ts';

describe('a release in trouble', () => {
  it.each(strategyNames)(
    'keeps what is promised in every history (%s)',
    async (strategy) => {
      await fc.assert(
        fc.asyncProperty(historiesOf(strategy), async (history) => {
          const { broken } = await playReleaseHistory(history);
          expect(broken).toEqual([]);
        }),
        // The same histories each time: new ones are looked for by `npm run release-histories`.
        { numRuns: cases(60), seed: 1 },
      );
    },
    240_000,
  );
});
