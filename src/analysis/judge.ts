import { messageOf } from '../base/errors.ts';
import { evaluateConditionNow } from '../expressions/evaluate.ts';
import type { ComparedValues, HttpResult, Measured } from '../ports/measurements.ts';
import { comparedText, comparisonCriterion, judgeComparison } from './comparison/judge-comparison.ts';
import { sampleText, type Sample } from './sample.ts';
import type { AnalysisSettings } from './settings.ts';

/**
 * What a measurement says: `failure` is asked before `success`. With only one of them its opposite is the other verdict;
 * with none, requests over HTTP must all succeed.
 */
export function judge(settings: AnalysisSettings, measured: Measured): Omit<Sample, 'atMs'> {
  if (measured.type === 'compared') return compared(settings, measured.values);
  if (measured.type === 'judged') return { verdict: measured.verdict, text: sampleText(measured.text) };
  if (measured.type !== 'value') return { verdict: measured.type, text: sampleText(measured.reason) };
  const { value, text } = measured;
  if (Array.isArray(value) && isNoData(value as readonly number[]))
    return { verdict: 'noData', text: sampleText(text) };
  try {
    return { verdict: verdictOf(settings, value), text: sampleText(text) };
  } catch (error) {
    return { verdict: 'error', text: sampleText(`${messageOf(error)}; measured ${text}`) };
  }
}

function compared({ prometheus }: AnalysisSettings, values: ComparedValues): Omit<Sample, 'atMs'> {
  const comparison = prometheus?.compare;
  if (comparison === undefined)
    return { verdict: 'error', text: 'values of two tracks, and none were asked for' };
  return { verdict: judgeComparison(comparison, values), text: comparedText(comparison, values) };
}

/** A comparison with NaN is false, which would be good or bad by how the condition is written. */
function isNoData(values: readonly number[]): boolean {
  return values.some((each) => Number.isNaN(each)) || !values.some((each) => Number.isFinite(each));
}

/** @throws InputError when a condition cannot be evaluated */
function verdictOf(
  { success, failure }: AnalysisSettings,
  result: HttpResult | readonly number[],
): 'passed' | 'failed' | 'inconclusive' {
  const holds = (source: string) => evaluateConditionNow(source, { params: {}, trigger: {}, result });
  if (failure !== undefined && holds(failure)) return 'failed';
  if (success !== undefined) {
    if (holds(success)) return 'passed';
    return failure === undefined ? 'failed' : 'inconclusive';
  }
  if (failure !== undefined) return 'passed';
  return 'failed' in result && result.failed > 0 ? 'failed' : 'passed';
}

/** What a measurement is judged by, for messages: `wanted result[0] < 0.01`. */
export function criterion({ prometheus, job, success, failure }: AnalysisSettings): string {
  if (job !== undefined) return 'wanted the Job to complete';
  if (prometheus?.compare !== undefined) return comparisonCriterion(prometheus.compare);
  if (success !== undefined) return `wanted ${sampleText(success)}`;
  return failure === undefined ? 'wanted every request to succeed' : `not wanted: ${sampleText(failure)}`;
}
