import { describe, expect, it } from '@jest/globals';
import { defined } from '../../../../src/base/defined.ts';
import { at, decide, old, resting } from './scene.ts';

const promoted = (revision: number, step?: number) => ({
  ...resting,
  answer: { revision, answer: 'promote' as const, ...defined({ step }) },
});

describe('a pause of a canary release', () => {
  it('lasts for the time of its step, or until a person promotes this step', () => {
    expect(decide({ state: at('waiting', 1), deployment: resting, phaseMs: 119_000 })).toEqual({
      type: 'wait',
      forMs: 1000,
      message: 'new: 1 of 4 pods (25 %); paused for 2m',
    });
    expect(decide({ state: at('waiting', 1), deployment: resting, phaseMs: 120_000 })).toMatchObject({
      action: { step: 'new: 1 of 4 pods (25 %)' },
      next: { phase: 'stepping', step: 2 },
    });
    for (const other of [promoted(1, 4), promoted(2, 2), promoted(2)])
      expect(decide({ state: at('waiting', 3), deployment: other, phaseMs: 1e9 })).toEqual({
        type: 'wait',
        forMs: 2000,
        message: 'new: 1 of 4 pods (25 %); waiting for promote or abort',
      });
    expect(decide({ state: at('waiting', 3), deployment: promoted(2, 4) })).toMatchObject({
      next: { phase: 'stepping', step: 4 },
    });
  });

  it('is none in a rollback, which a person has decided', () => {
    for (const step of [1, 3])
      expect(
        decide({ state: at('waiting', step), deployment: resting, release: { rollbackOf: 1 } }),
      ).toMatchObject({ next: { phase: 'stepping', step: step + 1 } });
  });

  it('is not waited for where the steps have none', () => {
    for (const step of [0, 4])
      expect(decide({ state: at('waiting', step), deployment: resting })).toMatchObject({
        next: { phase: 'stepping', step: step + 1 },
      });
  });

  it('outlasts a scaling that its controller has not seen yet, however long a phase may take', () => {
    const scaled = { ...resting, isObserved: false, desired: 6 };

    expect(decide({ state: at('waiting', 3), deployment: scaled, phaseMs: 900_000 })).toEqual({
      type: 'wait',
      forMs: 500,
      message: 'the controller has not seen the Deployment yet',
    });
  });
});

describe('an abort of a canary release', () => {
  const answered = (revision: number) => ({ ...resting, answer: { revision, answer: 'abort' as const } });

  it('takes it back, at any step', () => {
    for (const phase of ['starting', 'shifting', 'stepping', 'waiting', 'completing'] as const)
      expect(decide({ state: at(phase, 1), deployment: answered(2) })).toEqual({
        type: 'rollBack',
        reason: 'aborted by a person',
      });
  });

  it('is none that answers another revision', () => {
    expect(decide({ state: at('waiting', 1), deployment: answered(1) }).type).toBe('wait');
  });

  it('counts also where somebody has changed the Deployment', () => {
    expect(decide({ state: at('waiting', 1), deployment: { ...answered(2), live: old } })).toMatchObject({
      reason: 'aborted by a person',
    });
  });
});
