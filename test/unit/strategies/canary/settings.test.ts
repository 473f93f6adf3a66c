import { describe, expect, it } from '@jest/globals';
import { canary } from '../../../../src/strategies/canary/canary.ts';

describe('the settings of a canary release', () => {
  it.each<[string, unknown]>([
    ['a pause first', [{ pause: '1m' }, { weight: 50 }]],
    ['a weight that falls', [{ weight: 50 }, { pause: '1m' }, { weight: 20 }]],
    ['a number that stays', [{ replicas: 2 }, { replicas: 2 }]],
    ['a number that falls at the end', [{ replicas: 1 }, { replicas: 3 }, { replicas: 2 }]],
    ['no step', []],
    ['no weight', [{ weight: 0 }]],
    ['more than all', [{ weight: 101 }]],
    ['two things at once', [{ weight: 50, pause: '1m' }]],
    ['a pause that is no duration', [{ weight: 50 }, { pause: 'a while' }]],
  ])('refuse %s', (_name, steps) => {
    expect(canary.settings.safeParse({ steps }).success).toBe(false);
  });

  it.each<[string, unknown]>([
    [
      'weights that rise',
      [{ weight: 20 }, { pause: '1m' }, { weight: 50 }, { pause: true }, { weight: 100 }],
    ],
    ['numbers that rise', [{ replicas: 1 }, { replicas: 2 }]],
    ['weights and numbers, each rising among their own', [{ weight: 20 }, { replicas: 1 }, { weight: 50 }]],
  ])('take %s', (_name, steps) => {
    expect(canary.settings.safeParse({ steps }).success).toBe(true);
  });

  it('say how long its pauses take, but for those that a person ends', () => {
    const steps = [
      { weight: 10 },
      { pause: '5m' },
      { weight: 20 },
      { pause: true },
      { pause: '90s' },
    ] as const;

    expect(canary.pausesMs?.({ steps: [...steps] })).toBe(390_000);
    expect(canary.pausesMs?.({ steps: [{ weight: 50 }] })).toBe(0);
    expect(canary.pausesMs?.({})).toBe(60_000);
  });

  it('may be left out', () => {
    expect(canary.settings.safeParse({}).success).toBe(true);
    expect(canary.steps({ stable: 1, rollback: 'auto' }, {})).toEqual(
      expect.arrayContaining([expect.stringContaining('replicas 1'), 'pause 1m']),
    );
  });
});
