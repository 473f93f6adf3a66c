import { describe, expect, it } from '@jest/globals';
import { failed, waitOrFail, wayBack } from '../../../../src/strategies/held/deadline.ts';
import type { Decision, Problem, ReleaseFacts } from '../../../../src/strategies/strategy.ts';
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

describe('the way back of a release that holds its Deployment', () => {
  const state = { phase: 'undoing' } as const;
  const wait: Decision<typeof state> = { type: 'wait', forMs: 300, message: '1 of 2 ready' };
  const write: Decision<typeof state> = {
    ...{ type: 'act', action: { type: 'apply', revision: 1 }, next: state, message: 'completing' },
  };
  const back = (
    step: Decision<typeof state> | undefined,
    phaseMs: number,
    release: Partial<ReleaseFacts> = {},
  ) =>
    wayBack(
      {
        ...{ release: { ...facts, ...release }, settings: {}, state, phaseMs },
        observed: { type: 'seen', workloads: [] },
      },
      step,
    );

  it('waits as long as the phase may last, then leaves what is there, and says why it was rolled back', () => {
    expect(back(wait, 59_999)).toEqual(wait);
    expect(back(wait, 60_000, { reason: 'it crashes' })).toEqual({
      type: 'halt',
      reason: 'it crashes; rolling back: 1 of 2 ready: not done within 60 s',
    });
    expect(back(wait, 60_000)).toMatchObject({
      reason: 'the release failed; rolling back: 1 of 2 ready: not done within 60 s',
    });
  });

  it('does what there is to do also when it is late', () => {
    expect(back(write, 60_000)).toEqual(write);
  });

  it('ends with the revision that was released', () => {
    expect(back(undefined, 60_000)).toMatchObject({
      action: { type: 'apply', revision: 1 },
      next: { phase: 'restoring' },
    });
  });
});
