import { describe, expect, it } from '@jest/globals';
import type { SeenDeployment } from '../../../../src/strategies/holding.ts';
import { at, before, completing, decide, fresh, mark, old, resting, untouched } from './scene.ts';

const undo = (deployment: SeenDeployment | undefined, more: Partial<Parameters<typeof decide>[0]> = {}) =>
  decide({ state: at('undoing', 1), deployment, ...more });
const applied = { action: { type: 'apply', revision: 1 }, next: { phase: 'restoring' } };
const whole = { ...untouched, live: old, sets: [old] };

describe('the way back of a canary release', () => {
  it('brings the old pods back with their own template, then applies the revision that was released', () => {
    expect(undo(resting)).toMatchObject({
      action: { replicaSet: 'web-a', fields: { maxSurge: '100%', maxUnavailable: 0, paused: false } },
    });
    expect(undo(whole)).toMatchObject(applied);
  });

  it('goes back to the old pods that it has seen itself, whatever the annotation says', () => {
    expect(undo({ ...resting, mark: { ...mark, stable: 'b' } })).toMatchObject({
      action: { replicaSet: 'web-a' },
    });
  });

  it('goes back to the fields that it has seen itself, whatever the annotation says', () => {
    const changed = { ...mark, before: { maxSurge: 3, maxUnavailable: 3 } };

    expect(undo({ ...resting, mark: changed })).toMatchObject({ action: { before } });
  });

  it('brings the old pods back also where somebody has taken the annotation off', () => {
    const { mark: _, ...unmarked } = resting;

    expect(undo(unmarked)).toMatchObject({ action: { replicaSet: 'web-a' } });
  });

  it('gives the Deployment its own fields back only when the other pods have ended, and its controller has seen it', () => {
    const alone = {
      ...resting,
      fields: completing,
      live: old,
      sets: [old, { ...fresh, wanted: 0, present: 0 }],
    };
    const ending = { ...alone, sets: [old, { ...fresh, wanted: 0 }] };

    expect(undo(ending)).toEqual({
      type: 'wait',
      forMs: 300,
      message: 'web-a has 3 ready pods, web-b still has 1',
    });
    expect(undo({ ...alone, isObserved: false })).toEqual({
      type: 'wait',
      forMs: 300,
      message: 'the controller is about to see it',
    });
    expect(undo(alone)).toMatchObject({ action: { type: 'rollout', fields: before } });
  });

  it('halts when the old pods do not come back in time', () => {
    const returning = { ...resting, fields: completing, live: { ...old, ready: 0 } };

    expect(undo(returning, { phaseMs: 59_999 }).type).toBe('wait');
    expect(undo(returning, { phaseMs: 60_000 })).toMatchObject({
      type: 'halt',
      reason: expect.stringMatching(/rolling back: .*not done within 60 s/),
    });
  });

  it('applies the revision that was released where the Deployment is gone', () => {
    expect(undo(undefined)).toMatchObject(applied);
  });
});

describe('the way back of a canary release that holds nothing itself', () => {
  const state = { phase: 'undoing' } as const;

  it('completes what an earlier one holds, with the pods that served', () => {
    expect(undo(resting, { state })).toMatchObject({
      action: { replicaSet: 'web-a', fields: completing, before },
      next: state,
    });
  });

  it('applies the revision that was released where no release holds the Deployment', () => {
    const { live: _, ...without } = { ...whole, sets: [] };

    for (const deployment of [whole, without]) expect(undo(deployment, { state })).toMatchObject(applied);
  });
});
