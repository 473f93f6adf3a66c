import { describe, expect, it } from '@jest/globals';
import { heldFields, type RolloutFields } from '../../../../src/kubernetes/rollout-fields.ts';
import { at, before, completing, decide, fresh, hold, old, resting } from './scene.ts';

const state = at('completing', 4);
const going = { ...resting, fields: { ...completing, maxSurge: 1 } };

describe('a canary release that replaces the rest of the pods', () => {
  const surge = (fields: RolloutFields) =>
    decide({ state, fields, deployment: { ...resting, fields: heldFields } });

  it('completes with no more pods at once than the team allows', () => {
    expect(surge({ ...before, maxSurge: 2 })).toMatchObject({ action: { fields: { maxSurge: 2 } } });
    expect(surge({ maxUnavailable: 0, maxSurge: '50%' })).toMatchObject({
      action: { fields: { maxSurge: '50%' } },
    });
  });

  it('completes with one more pod where the team allows none, since none may be missing', () => {
    for (const maxSurge of [0, '0%'])
      expect(surge({ maxSurge, maxUnavailable: 1 })).toMatchObject({
        action: { fields: { maxSurge: 1, maxUnavailable: 0 } },
      });
  });

  it("completes with a quarter more, which is Kubernetes' own default, where nobody says how many", () => {
    const none = { ...at('completing', 4), hold: { ...hold, before: {} } };

    expect(decide({ state: none, fields: {}, deployment: { ...resting, fields: heldFields } })).toMatchObject(
      { action: { fields: { maxSurge: '25%', maxUnavailable: 0 } } },
    );
  });

  it('waits for the old pods to go, as long as a phase may take', () => {
    const message = 'web-b has 1 ready pods, web-a still has 3';

    expect(decide({ state, deployment: going })).toEqual({ type: 'wait', forMs: 300, message });
    expect(decide({ state, deployment: going, phaseMs: 60_000 })).toEqual({
      type: 'rollBack',
      reason: `${message}: not done within 60 s`,
    });
  });

  it('then gives the Deployment the fields of its manifest over those that it had', () => {
    const own = { ...before, minReadySeconds: 9 };
    const deployment = { ...going, fields: { ...going.fields, minReadySeconds: 9 }, sets: [fresh] };

    expect(decide({ state, fields: { minReadySeconds: 9 }, deployment })).toMatchObject({
      action: { type: 'rollout', fields: own, before },
      next: { phase: 'completing' },
      message: 'web has its own rollout fields again',
    });
  });

  it('then applies the revision as it is; that the mark is off is its own doing', () => {
    const { mark: _, ...free } = {
      ...resting,
      fields: before,
      sets: [{ ...old, wanted: 0, present: 0 }, fresh],
    };

    expect(decide({ state, deployment: free })).toMatchObject({
      action: { type: 'apply', revision: 2 },
      next: { phase: 'progressing' },
    });
  });
});
