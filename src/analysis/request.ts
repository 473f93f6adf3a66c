import { defined } from '../base/defined.ts';
import { evaluateTextNow } from '../expressions/evaluate.ts';
import type { MeasurementRequest } from '../ports/measurements.ts';
import type { AnalysisSettings } from './settings.ts';

/** The pods of both tracks by their `pod-template-hash`, and where the release is. */
export interface AnalysedRelease {
  candidate: string;
  stable: string;
  namespace: string;
}

/**
 * The measurement that an analysis takes of a release.
 * @throws InputError when an expression of its query fails
 */
export function measurementOf(
  { http, prometheus }: AnalysisSettings,
  { candidate, stable, namespace }: AnalysedRelease,
): MeasurementRequest {
  if (prometheus !== undefined) {
    const { address, query, headers = {}, timeout = '10s' } = prometheus;
    const scope = { params: {}, trigger: {}, candidate: { hash: candidate }, stable: { hash: stable } };
    return { type: 'prometheus', address, query: evaluateTextNow(query, scope), headers, timeout, namespace };
  }
  const { url = '', track = 'candidate', requests = 10, method = 'GET', headers = {}, body } = http ?? {};
  const hash = { candidate, stable, any: undefined }[track];
  const { status, timeout = '2s' } = http ?? {};
  return {
    ...{ type: 'http', url, method, headers, requests, timeout, namespace },
    status: status === undefined ? '2xx' : [status].flat(),
    ...defined({ body, hash }),
  };
}
