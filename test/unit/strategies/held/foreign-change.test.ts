import { describe, expect, it } from '@jest/globals';
import { foreignChange } from '../../../../src/strategies/held/foreign-change.ts';
import { held, mark, oldPods } from '../blue-green/scene.ts';

const expected = { stable: 'a', candidate: 'b', isPaused: true, isMarkOff: false };
const { candidate: _candidate, ...unknown } = expected;
const { live: _live, ...without } = held;
const { mark: _mark, ...unmarked } = held;
const template = 'changed the pod template of Deployment web';

describe('what somebody else has changed of a held Deployment', () => {
  it('is nothing when it is as it was left', () => {
    expect(foreignChange(held, expected)).toBeUndefined();
    expect(foreignChange(held, unknown)).toBeUndefined();
    expect(foreignChange(without, unknown)).toBeUndefined();
  });

  it('is its template, when that is of other pods than the new ones', () => {
    expect(foreignChange({ ...held, live: oldPods }, expected)).toBe(template);
    expect(foreignChange({ ...held, live: { ...oldPods, hash: 'c' } }, expected)).toBe(template);
    expect(foreignChange(without, expected)).toBe(template);
  });

  it('is its template, when that is the old one before the new pods are known', () => {
    expect(foreignChange({ ...held, live: oldPods }, unknown)).toBe(template);
  });

  it('is the mark, unless the release takes it off itself', () => {
    expect(foreignChange(unmarked, expected)).toBe('took the annotation of the release off Deployment web');
    expect(foreignChange(unmarked, { ...expected, isMarkOff: true })).toBeUndefined();
  });

  it('is the pause, where the release has paused it', () => {
    const resumed = { ...held, fields: { ...held.fields, paused: false } };

    expect(foreignChange(resumed, expected)).toBe('resumed Deployment web');
    expect(foreignChange(resumed, { ...expected, isPaused: false })).toBeUndefined();
    expect(foreignChange({ ...resumed, mark: { ...mark, rolls: true } }, expected)).toBeUndefined();
  });
});
