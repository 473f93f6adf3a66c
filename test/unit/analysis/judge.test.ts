import { describe, expect, it } from '@jest/globals';
import { criterion, judge } from '../../../src/analysis/judge.ts';
import type { AnalysisSettings } from '../../../src/analysis/settings.ts';

const prometheus = { address: 'http://prometheus:9090', query: 'errors' };
const values = (...value: number[]) => ({ type: 'value', value, text: `[${value.join(', ')}]` }) as const;

function verdict(conditions: Pick<AnalysisSettings, 'success' | 'failure'>, ...value: number[]): string {
  return judge({ prometheus, ...conditions }, values(...value)).verdict;
}

describe('the verdict of a Prometheus measurement', () => {
  it('passes or fails by success alone', () => {
    expect(verdict({ success: 'result[0] < 0.01' }, 0.001)).toBe('passed');
    expect(verdict({ success: 'result[0] < 0.01' }, 0.01)).toBe('failed');
  });

  it('passes or fails by failure alone', () => {
    expect(verdict({ failure: 'result[0] > 5' }, 6)).toBe('failed');
    expect(verdict({ failure: 'result[0] > 5' }, 5)).toBe('passed');
  });

  it('is inconclusive between success and failure, and failure wins over success', () => {
    const both = { success: 'result[0] < 1', failure: 'result[0] > 5' };
    expect([verdict(both, 0), verdict(both, 3), verdict(both, 6)]).toEqual([
      'passed',
      'inconclusive',
      'failed',
    ]);
    expect(verdict({ success: 'result[0] > 0', failure: 'result[0] > 5' }, 6)).toBe('failed');
  });

  it('compares all values', () => {
    expect(verdict({ success: 'result.all(x, x < 1)' }, 0.5, 2)).toBe('failed');
    expect(verdict({ success: 'result[0] - result[1] < 0.5' }, 1, 0.8)).toBe('passed');
  });

  it('has no data where a value is none: a comparison with it is false, whatever is compared', () => {
    expect(verdict({ success: 'result[0] - result[1] < 0.5' }, 0, NaN)).toBe('noData');
    expect(verdict({ failure: 'result[0] - result[1] > 0.5' }, 0, NaN)).toBe('noData');
    expect(verdict({ success: 'result[0] < 1' }, 0, Infinity)).toBe('passed');
  });

  it('has no data where no value is a number', () => {
    expect(verdict({ success: 'result[0] < 1' }, NaN)).toBe('noData');
    expect(verdict({ success: 'result[0] < 1' }, Infinity, NaN)).toBe('noData');
    expect(judge({ prometheus }, { type: 'noData', reason: 'nothing found' })).toEqual({
      verdict: 'noData',
      text: 'nothing found',
    });
  });

  it('is an error where it was not taken or the condition fails, and says why', () => {
    expect(judge({ prometheus }, { type: 'error', reason: 'refused' })).toEqual({
      verdict: 'error',
      text: 'refused',
    });
    const missing = judge({ prometheus, success: 'result[1] < 1' }, values(0));
    expect(missing.verdict).toBe('error');
    expect(missing.text).toContain('result[1] < 1');
    expect(verdict({ success: '"yes"' }, 0)).toBe('error');
  });

  it('is an error where the condition costs too much', () => {
    const { verdict: found, text } = judge(
      { prometheus, success: 'result.all(a, result.all(b, a <= b))' },
      values(...Array<number>(5000).fill(1)),
    );
    expect(found).toBe('error');
    expect(text).toContain('takes more than');
  });

  it('keeps no control character of what others answer', () => {
    const reason = ' \u001b[2J\u0000a\u009b31m\u007fb\r\n ';
    expect(judge({ prometheus }, { type: 'error', reason }).text).toBe('[2J a 31m b');
  });

  it('keeps a line that just fits as it is', () => {
    const reason = 'c'.repeat(200);
    expect(judge({ prometheus }, { type: 'error', reason }).text).toBe(reason);
  });

  it('keeps one bounded line', () => {
    const { text } = judge({ prometheus }, { type: 'error', reason: `a\n b ${'c'.repeat(500)}` });
    expect(text).toMatch(/^a b c+ …$/);
    expect(text).toHaveLength(202);
  });
});

describe('the verdict of requests over HTTP', () => {
  const value = { requests: 10, failed: 1, successRate: 0.9, p50: 2, p95: 8, p99: 9 };
  const measured = { type: 'value', value, text: '9 of 10' } as const;
  const http = { url: 'http://web/' };

  it('fails with one failed request, without conditions', () => {
    expect(judge({ http }, measured).verdict).toBe('failed');
    expect(judge({ http }, { ...measured, value: { ...value, failed: 0 } }).verdict).toBe('passed');
  });

  it('is that of its conditions, where it has some', () => {
    expect(judge({ http, success: 'result.successRate >= 0.9 && result.p95 < 10' }, measured).verdict).toBe(
      'passed',
    );
    expect(judge({ http, failure: 'result.p99 > 8' }, measured).verdict).toBe('failed');
    expect(judge({ http, failure: 'result.p99 > 9.5' }, measured).verdict).toBe('passed');
  });
});

it('says what was wanted', () => {
  expect(criterion({ success: 'a' })).toBe('wanted a');
  expect(criterion({ failure: 'b' })).toBe('not wanted: b');
  expect(criterion({})).toBe('wanted every request to succeed');
  expect(criterion({ success: 'c'.repeat(1000) })).toHaveLength(209);
  expect(criterion({ failure: 'c'.repeat(1000) })).toHaveLength(214);
});
