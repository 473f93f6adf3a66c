import { describe, expect, it } from '@jest/globals';
import { releaseTarget } from '../../../../src/stages/deploy/release-target.ts';

describe('the target of a release', () => {
  const run = { pipeline: 'shop', namespace: 'ci' };

  it.each([
    [{}, { application: 'shop', namespace: 'ci' }],
    [{ application: 'web' }, { application: 'web', namespace: 'ci' }],
    [{ namespace: 'prod' }, { application: 'shop', namespace: 'prod' }],
  ])('is what the stage says, or else the run: %j', (settings, expected) => {
    expect(releaseTarget(settings, run)).toEqual(expected);
  });
});
