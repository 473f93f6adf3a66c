import { describe, expect, it } from '@jest/globals';
import type { Answer } from '../../../../src/kubernetes/hold-mark.ts';
import { measured } from '../samples.ts';
import { at, decide, resting } from './scene.ts';

const answered = (answer: Answer) => ({ ...resting, answer });
const full = answered({ revision: 2, answer: 'promoteFull' });
const completes = {
  action: { type: 'rollout', step: 'completing', replicaSet: 'web-b' },
  next: { phase: 'completing' },
};

describe('a canary release that is promoted in full', () => {
  it('replaces the rest of the pods at its next step, whatever its steps say', () => {
    for (const step of [1, 2, 3]) {
      expect(decide({ state: at('stepping', step), deployment: full })).toMatchObject(completes);
    }
  });

  it('ends a pause or an analysis at once', () => {
    expect(decide({ state: at('waiting', 3), deployment: full })).toMatchObject({
      next: { phase: 'stepping' },
    });
    const settings = { steps: [{ weight: 25 }, { analysis: 'smoke' }] };
    expect(
      decide({ state: at('measuring', 1), deployment: full, settings, analyses: measured() }),
    ).toMatchObject({ next: { phase: 'stepping', step: 2 } });
  });

  it('waits for the new pods of a step that has begun', () => {
    const starting = { ...full, live: { ...resting.live!, ready: 0 } };
    expect(decide({ state: at('starting', 0), deployment: starting })).toMatchObject({ type: 'wait' });
  });

  it('is not another revision, nor only a step', () => {
    for (const answer of [
      { revision: 1, answer: 'promoteFull' },
      { revision: 2, answer: 'promote', step: 2 },
    ] as const)
      expect(decide({ state: at('stepping', 2), deployment: answered(answer) })).toMatchObject({
        next: { phase: 'starting' },
      });
  });
});
