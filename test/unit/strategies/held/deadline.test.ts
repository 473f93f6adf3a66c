import { describe, expect, it } from '@jest/globals';
import { failed, waitOrFail } from '../../../../src/strategies/held/deadline.ts';
import type { Problem } from '../../../../src/strategies/strategy.ts';
import { facts } from '../blue-green/scene.ts';

const never = { ...facts, rollback: 'never' } as const;

describe('a release that waits', () => {
  const wait = (phaseMs: number, release = facts) => waitOrFail({ release, phaseMs }, '1 of 2 ready', 1000);

  it('waits as long as the phase may last, then has failed', () => {
    expect(wait(0)).toEqual({ type: 'wait', forMs: 1000, message: '1 of 2 ready' });
    expect(wait(59_600)).toEqual({ type: 'wait', forMs: 400, message: '1 of 2 ready' });
    expect(wait(60_000)).toEqual({ type: 'rollBack', reason: '1 of 2 ready: not done within 60 s' });
  });
});

describe('a release that has failed', () => {
  it('goes back, but for "rollback: never"', () => {
    expect(failed(facts, 'it crashes')).toStrictEqual({ type: 'rollBack', reason: 'it crashes' });
    expect(failed(never, 'it crashes')).toStrictEqual({
      type: 'halt',
      reason: 'it crashes (rollback: never)',
    });
  });

  it('says which problem it has', () => {
    const problem: Problem = { kind: 'failed', message: 'it crashes', key: 'k', lastedMs: 0 };

    expect(failed(facts, 'it crashes', problem)).toMatchObject({ problem });
    expect(failed(never, 'it crashes', problem)).toMatchObject({ problem });
  });
});
