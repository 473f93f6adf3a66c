import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { retryDelay, type Failure } from '../../../../../src/adapters/kubernetes/client/retry.ts';
import { ForbiddenError, UnreachableError } from '../../../../../src/ports/cluster-errors.ts';

const failure: Failure = {
  error: new UnreachableError('reset'),
  attempt: 1,
  elapsedMs: 0,
  budgetMs: 60_000,
  random: 0.5,
};

describe('trying a request again', () => {
  it('waits longer each time, up to five seconds', () => {
    const delays = [1, 2, 3, 10].map((attempt) => retryDelay({ ...failure, attempt }));

    expect(delays).toEqual([150, 300, 600, 3750]);
  });

  it('never begins earlier than Retry-After says', () => {
    const error = new UnreachableError('busy', { status: 429, retryAfterMs: 7000 });

    expect(retryDelay({ ...failure, error })).toBe(7000);
  });

  it('ends when the budget would be overdrawn', () => {
    expect(retryDelay({ ...failure, elapsedMs: 59_900 })).toBeUndefined();
  });

  it('ends early where the server itself fails each time', () => {
    const error = new UnreachableError('failed calling webhook', { status: 500 });

    expect(retryDelay({ ...failure, error, elapsedMs: 29_000 })).toBeDefined();
    expect(retryDelay({ ...failure, error, elapsedMs: 31_000 })).toBeUndefined();
  });

  it.each([
    new ForbiddenError('no', { status: 403 }),
    new UnreachableError('wrong certificate', {
      cause: Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }),
    }),
  ])('does not repeat what cannot succeed: %s', (error) => {
    expect(retryDelay({ ...failure, error })).toBeUndefined();
  });

  it('never waits beyond the budget, nor less than a tenth of a second', () => {
    fc.assert(
      fc.property(
        fc.record({
          attempt: fc.integer({ min: 1, max: 1000 }),
          elapsedMs: fc.nat({ max: 100_000 }),
          budgetMs: fc.nat({ max: 100_000 }),
          random: fc.double({ min: 0, max: 0.999, noNaN: true }),
        }),
        (given) => {
          const delay = retryDelay({ ...failure, ...given });

          if (delay !== undefined) {
            expect(delay).toBeGreaterThanOrEqual(100);
            expect(given.elapsedMs + delay).toBeLessThanOrEqual(given.budgetMs);
          }
        },
      ),
    );
  });
});
