import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { leastMs, progressOf } from '../../../src/analysis/progress.ts';
import type { Sample } from '../../../src/analysis/sample.ts';
import type { AnalysisSettings } from '../../../src/analysis/settings.ts';

const errors: AnalysisSettings = {
  prometheus: { address: 'http://prometheus:9090', query: 'errors' },
  success: 'result[0] < 0.01',
};

/** Samples one after another, a second apart. */
function samplesOf(...verdicts: Sample['verdict'][]): Sample[] {
  return verdicts.map((verdict, index) => ({ verdict, text: `[${String(index)}]`, atMs: index * 1000 }));
}

/** Where the analysis stands when every further measurement is due. */
function standing(settings: Partial<AnalysisSettings>, ...verdicts: Sample['verdict'][]) {
  return progressOf({ ...errors, ...settings }, samplesOf(...verdicts), 1e9);
}

describe('when a measurement is due', () => {
  it('takes the first one at once, and three in all', () => {
    expect(standing({})).toEqual({ type: 'measure' });
    expect(standing({}, 'passed', 'passed')).toEqual({ type: 'measure' });
    expect(standing({}, 'passed', 'passed', 'passed')).toEqual({ type: 'passed' });
  });

  it('waits for the initial delay', () => {
    const settings = { ...errors, initialDelay: '30s' };
    expect(progressOf(settings, [], 20_000)).toEqual({ type: 'wait', forMs: 10_000 });
    expect(progressOf(settings, [], 30_000)).toEqual({ type: 'measure' });
  });

  it('waits for the interval since the one before, 10 s without one', () => {
    const samples: Sample[] = [{ verdict: 'passed', text: '', atMs: 5000 }];
    expect(progressOf({ ...errors, interval: '1m' }, samples, 5000)).toEqual({ type: 'wait', forMs: 60_000 });
    expect(progressOf(errors, samples, 5000)).toEqual({ type: 'wait', forMs: 10_000 });
    expect(progressOf(errors, samples, 15_000)).toEqual({ type: 'measure' });
  });

  it('takes as many as count says', () => {
    expect(standing({ count: 1 }, 'passed')).toEqual({ type: 'passed' });
  });
});

describe('a measurement that fails', () => {
  it('fails the analysis at once, with what was measured and wanted', () => {
    expect(standing({}, 'passed', 'failed')).toEqual({
      type: 'failed',
      reason: '[1] (wanted result[0] < 0.01; 1 of 2 measurements failed)',
    });
  });

  it('is allowed as often as failureLimit says', () => {
    expect(standing({ failureLimit: 1 }, 'failed')).toEqual({ type: 'measure' });
    expect(standing({ failureLimit: 1 }, 'failed', 'passed', 'passed')).toEqual({ type: 'passed' });
    expect(standing({ failureLimit: 1 }, 'failed', 'failed')).toMatchObject({ type: 'failed' });
  });

  it('decides nothing in a dry run', () => {
    expect(standing({ dryRun: true }, 'failed')).toEqual({ type: 'measure' });
    expect(standing({ dryRun: true }, 'failed', 'failed', 'error')).toEqual({ type: 'passed' });
  });
});

describe('a measurement that says nothing', () => {
  it('asks a person when it is inconclusive', () => {
    expect(standing({}, 'inconclusive')).toEqual({
      type: 'inconclusive',
      reason: '[0] (wanted result[0] < 0.01)',
    });
  });

  it('fails rather than asks when another one has failed', () => {
    expect(standing({}, 'inconclusive', 'failed')).toMatchObject({ type: 'failed' });
  });

  it('asks, fails or is passed over without data, as onNoData says', () => {
    expect(standing({}, 'noData')).toEqual({ type: 'inconclusive', reason: '[0] (no data)' });
    expect(standing({ onNoData: 'fail' }, 'noData')).toMatchObject({ type: 'failed' });
    expect(standing({ onNoData: 'pass' }, 'noData')).toEqual({ type: 'measure' });
    expect(standing({ onNoData: 'pass' }, 'noData', 'passed', 'noData')).toEqual({ type: 'passed' });
  });

  it('asks when fewer had data than minSamples, one without it', () => {
    const none = ['noData', 'noData', 'noData'] as const;
    expect(standing({ onNoData: 'pass' }, ...none)).toEqual({
      type: 'inconclusive',
      reason: '0 of 3 measurements had data, wanted 1: [2]',
    });
    expect(standing({ onNoData: 'pass', minSamples: 0 }, ...none)).toEqual({ type: 'passed' });
    expect(standing({ onNoData: 'pass', minSamples: 2 }, 'noData', 'passed', 'noData')).toMatchObject({
      type: 'inconclusive',
    });
  });

  it('counts only measurements without data by onNoData', () => {
    expect(standing({ onNoData: 'fail' }, 'passed', 'error', 'passed')).toEqual({ type: 'passed' });
  });

  it('has data when it fails', () => {
    const settings = { onNoData: 'pass', minSamples: 2, failureLimit: 1 } as const;
    expect(standing(settings, 'failed', 'noData', 'passed')).toEqual({ type: 'passed' });
  });

  it('asks when none has passed, though those that failed are allowed', () => {
    expect(standing({ onNoData: 'pass', failureLimit: 1 }, 'failed', 'noData', 'noData')).toEqual({
      type: 'inconclusive',
      reason: 'no measurement passed',
    });
  });

  it('asks when it could not be taken more often in a row than allowed', () => {
    const four = ['error', 'error', 'error', 'error'] as const;
    expect(standing({ count: 10 }, ...four)).toEqual({ type: 'measure' });
    expect(standing({ count: 10 }, ...four, 'passed', 'error')).toEqual({ type: 'measure' });
    expect(standing({ count: 10 }, ...four, 'error')).toEqual({
      type: 'inconclusive',
      reason: 'could not be measured 5 times in a row: [4]',
    });
    expect(standing({ consecutiveErrorLimit: 0 }, 'passed', 'error')).toEqual({
      type: 'inconclusive',
      reason: 'could not be measured once: [1]',
    });
  });
});

describe('an analysis with too few data', () => {
  const few = (...verdicts: Sample['verdict'][]) =>
    standing({ onNoData: 'pass', minSamples: 3, consecutiveErrorLimit: 9 }, ...verdicts);

  it('says why the last measurement had none, whatever came after it', () => {
    const counts = '1 of 3 measurements had data, wanted 3';
    expect(few('noData', 'error', 'passed')).toEqual({ type: 'inconclusive', reason: `${counts}: [1]` });
    expect(few('passed', 'error', 'noData')).toEqual({ type: 'inconclusive', reason: `${counts}: [2]` });
    expect(few('error', 'passed', 'passed')).toMatchObject({
      reason: '2 of 3 measurements had data, wanted 3: [0]',
    });
  });
});

it('takes at least its delay and its intervals', () => {
  expect(leastMs({})).toBe(20_000);
  expect(leastMs({ count: 1 })).toBe(0);
  expect(leastMs({ initialDelay: '1m', interval: '5s', count: 4 })).toBe(75_000);
});

it('ends after count measurements, whatever they say, and never passes with more failures than allowed', () => {
  const verdict = fc.constantFrom<Sample['verdict']>('passed', 'failed', 'inconclusive', 'noData', 'error');
  const settings = fc.record({
    count: fc.integer({ min: 4, max: 10 }),
    failureLimit: fc.nat({ max: 3 }),
    consecutiveErrorLimit: fc.nat({ max: 5 }),
    onNoData: fc.constantFrom<'pause' | 'fail' | 'pass'>('pause', 'fail', 'pass'),
  });
  fc.assert(
    fc.property(settings, fc.array(verdict, { minLength: 10, maxLength: 10 }), (chosen, verdicts) => {
      const taken: Sample['verdict'][] = [];
      while (standing(chosen, ...taken).type === 'measure') taken.push(verdicts[taken.length]!);
      expect(taken.length).toBeLessThanOrEqual(chosen.count);
      const end = standing(chosen, ...taken);
      const failures = taken.filter((each) => each === 'failed').length;
      expect(end.type === 'failed' || failures <= chosen.failureLimit).toBe(true);
      if (end.type === 'passed') expect(taken).toContain('passed');
    }),
  );
});
