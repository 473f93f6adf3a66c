import { InputError } from '../base/errors.ts';
import { evaluateConditionNow } from '../expressions/evaluate.ts';
import { hasTemplate } from '../expressions/template.ts';
import type { HttpResult } from '../ports/measurements.ts';
import type { AnalysisSettings } from './settings.ts';

/** A condition that no measurement can satisfy. */
export interface ConditionProblem {
  key: 'success' | 'failure';
  message: string;
}

const requests: HttpResult = { requests: 10, failed: 1, successRate: 0.9, p50: 20, p95: 40, p99: 60 };
/** As many as a condition may index, and more. */
const values: readonly number[] = Array.from({ length: 100 }, () => 0.5);

/**
 * Tries the conditions on a made-up result, so that a misspelt field or a comparison that cannot be made is found before
 * a release measures in vain.
 */
export function conditionProblems(settings: AnalysisSettings): ConditionProblem[] {
  const result = settings.http === undefined ? values : requests;
  return (['success', 'failure'] as const).flatMap((key) => {
    const source = settings[key];
    if (source === undefined || hasTemplate(source)) return [];
    try {
      evaluateConditionNow(source, { params: {}, trigger: {}, result });
      return [];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return [{ key, message: `${error.message} (${whatResultIs(settings)})` }];
    }
  });
}

function whatResultIs({ http }: AnalysisSettings): string {
  return http === undefined
    ? 'result is the list of the values: result[0]'
    : `result has ${Object.keys(requests).join(', ')}`;
}
