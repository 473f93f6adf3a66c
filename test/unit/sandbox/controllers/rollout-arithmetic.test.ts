import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  newReplicaSetSize,
  nextRollingStep,
  proportionalSizes,
  resolveCount,
  rolloutLimits,
  type ReplicaSetSize,
  type RolloutLimits,
} from '../../../../src/sandbox/controllers/rollout-arithmetic.ts';

const side = (name: string, replicas: number, more: Partial<ReplicaSetSize> = {}): ReplicaSetSize => ({
  name,
  replicas,
  available: replicas,
  age: 0,
  ...more,
});

describe('counts and percentages', () => {
  it.each([
    [3, 10, 'up', 3],
    ['25%', 10, 'up', 3],
    ['25%', 10, 'down', 2],
    ['0%', 10, 'up', 0],
    ['100%', 7, 'down', 7],
    ['1%', 3, 'up', 1],
    ['1%', 3, 'down', 0],
  ] as const)('%s of %d rounded %s is %d', (value, total, rounding, expected) => {
    expect(resolveCount(value, total, rounding)).toBe(expected);
  });

  it.each([
    [3, { maxSurge: '25%', maxUnavailable: '25%' }, { surge: 1, unavailable: 0 }],
    [10, { maxSurge: '25%', maxUnavailable: '25%' }, { surge: 3, unavailable: 2 }],
    [1, { maxSurge: '25%', maxUnavailable: '25%' }, { surge: 1, unavailable: 0 }],
    [4, { maxSurge: 0, maxUnavailable: 0 }, { surge: 0, unavailable: 1 }],
    [2, { maxSurge: '10%', maxUnavailable: '10%' }, { surge: 1, unavailable: 0 }],
    [2, { maxSurge: 0, maxUnavailable: '10%' }, { surge: 0, unavailable: 1 }],
    [0, { maxSurge: '25%', maxUnavailable: '25%' }, { surge: 0, unavailable: 0 }],
    [2, { maxSurge: 1, maxUnavailable: 5 }, { surge: 1, unavailable: 2 }],
  ])('%d replicas with %j allow %j', (replicas, { maxSurge, maxUnavailable }, expected) => {
    expect(rolloutLimits(replicas, maxSurge, maxUnavailable)).toEqual({ replicas, ...expected });
  });
});

describe('a step of a rolling update', () => {
  it('starts as many new pods as the surge leaves room for', () => {
    expect(newReplicaSetSize({ replicas: 10, surge: 3, unavailable: 2 }, 0, 10)).toBe(3);
    expect(newReplicaSetSize({ replicas: 10, surge: 3, unavailable: 2 }, 5, 13)).toBe(5);
  });

  it('shrinks the new ReplicaSet when the deployment shrank', () => {
    const steps = nextRollingStep({ replicas: 2, surge: 1, unavailable: 0 }, side('new', 5), []);

    expect(steps).toEqual(new Map([['new', 2]]));
  });

  it('takes unhealthy old pods away first, even while the new ones are not available', () => {
    const limits = { replicas: 10, surge: 3, unavailable: 2 };
    const old = side('old', 8, { available: 4 });

    const steps = nextRollingStep(limits, side('new', 5, { available: 5 }), [old]);

    // 13 pods, at least 8 available: 5 may go, 4 of them unhealthy, and of the healthy 9 - 8 = 1.
    expect(steps).toEqual(new Map([['old', 3]]));
  });

  it('does not touch the old pods while new ones that are not available use up the budget', () => {
    const limits = { replicas: 10, surge: 3, unavailable: 2 };

    expect(nextRollingStep(limits, side('new', 5, { available: 0 }), [side('old', 8)])).toEqual(new Map());
  });

  it('has nothing to do when the rollout is complete', () => {
    expect(nextRollingStep({ replicas: 3, surge: 1, unavailable: 0 }, side('new', 3), [])).toEqual(new Map());
  });

  it('takes from the oldest ReplicaSet first', () => {
    const older = [side('second', 2, { age: 2 }), side('first', 2, { age: 1 })];

    const steps = nextRollingStep({ replicas: 4, surge: 1, unavailable: 1 }, side('new', 1), older);

    expect(steps).toEqual(new Map([['first', 0]]));
  });

  const limitsOf = fc
    .record({
      replicas: fc.integer({ min: 0, max: 20 }),
      surge: fc.integer({ min: 0, max: 6 }),
      unavailable: fc.integer({ min: 0, max: 6 }),
    })
    .map(({ replicas, surge, unavailable }) => rolloutLimits(replicas, surge, unavailable));

  it('never goes over the surge or below availability, and ends when the new pods become available', () => {
    fc.assert(
      fc.property(limitsOf, fc.array(fc.nat({ max: 3 }), { maxLength: 40 }), (limits, arrivals) => {
        let newer = side('new', 0, { age: 9 });
        let old = side('old', limits.replicas, { age: 1 });
        // First as fate has it, then one pod a round, so that the end must be reached.
        const rounds = [...arrivals, ...Array.from({ length: 200 }, () => 1)];
        for (const arrived of rounds) {
          for (const [name, replicas] of nextRollingStep(limits, newer, [old])) {
            if (name === 'new')
              newer = { ...newer, replicas, available: Math.min(newer.available, replicas) };
            else old = { ...old, replicas, available: Math.min(old.available, replicas) };
          }
          expect(newer.replicas + old.replicas).toBeLessThanOrEqual(limits.replicas + limits.surge);
          expect(newer.available + old.available).toBeGreaterThanOrEqual(
            limits.replicas - limits.unavailable,
          );
          newer = { ...newer, available: Math.min(newer.replicas, newer.available + arrived) };
        }
        expect([newer.replicas, old.replicas]).toEqual([limits.replicas, 0]);
      }),
    );
  });
});

describe('scaling in the middle of a rollout', () => {
  const limits = (replicas: number, surge: number): RolloutLimits => ({ replicas, surge, unavailable: 0 });

  it('spreads new pods in proportion, as in the documentation of Kubernetes', () => {
    // 10 replicas, surge 3: 8 old and 5 new; scaled to 15 the total may be 18.
    const sides = [side('old', 8, { maxReplicas: 13 }), side('new', 5, { maxReplicas: 13, age: 1 })];

    expect(proportionalSizes(limits(15, 3), sides, 13)).toEqual(
      new Map([
        ['old', 11],
        ['new', 7],
      ]),
    );
  });

  it('brings everything to zero when the deployment is scaled to zero', () => {
    const sides = [side('old', 8, { maxReplicas: 13 }), side('new', 5, { maxReplicas: 13 })];

    expect([...proportionalSizes(limits(0, 3), sides, 13).values()]).toEqual([0, 0]);
  });

  it('always comes to the allowed total, without a negative size', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 5 }),
        (current, replicas, surge) => {
          const total = current.reduce((sum, size) => sum + size, 0);
          const sides = current.map((size, index) =>
            side(`rs${index}`, size, { maxReplicas: total, age: index }),
          );

          const resized = [...proportionalSizes(limits(replicas, surge), sides, total).values()];

          expect(Math.min(...resized)).toBeGreaterThanOrEqual(0);
          expect(resized.reduce((sum, size) => sum + size, 0)).toBe(replicas + surge);
        },
      ),
    );
  });
});
