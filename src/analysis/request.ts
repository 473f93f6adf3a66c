import { defined } from '../base/defined.ts';
import { InternalError } from '../base/errors.ts';
import { evaluateTextNow } from '../expressions/evaluate.ts';
import type { MeasurementRequest, PrometheusMeasurement } from '../ports/measurements.ts';
import { comparisonQuery, trackLabel } from './comparison/query.ts';
import type { AnalysisSettings } from './settings.ts';

/** The pods of both tracks by their `pod-template-hash`, and where the release is. */
export interface AnalysedRelease {
  candidate: string;
  stable: string;
  namespace: string;
  /** Whose pods they are; for comparisons alone. */
  deployment?: { name: string; namespace: string };
}

/**
 * The measurement that an analysis takes of a release.
 * @throws InputError when an expression of its query fails
 */
export function measurementOf(
  { http, prometheus }: AnalysisSettings,
  release: AnalysedRelease,
): MeasurementRequest {
  if (prometheus !== undefined) return queryOf(prometheus, release);
  const { candidate, stable, namespace } = release;
  const { url = '', track = 'candidate', requests = 10, method = 'GET', headers = {}, body } = http ?? {};
  const hash = { candidate, stable, any: undefined }[track];
  const { status, timeout = '2s' } = http ?? {};
  return {
    ...{ type: 'http', url, method, headers, requests, timeout, namespace },
    status: status === undefined ? '2xx' : [status].flat(),
    ...defined({ body, hash }),
  };
}

function queryOf(
  {
    address,
    query = '',
    compare,
    headers = {},
    timeout = '10s',
  }: NonNullable<AnalysisSettings['prometheus']>,
  { candidate, stable, namespace, deployment }: AnalysedRelease,
): PrometheusMeasurement {
  const common = { type: 'prometheus', address, headers, timeout, namespace } as const;
  if (compare !== undefined) {
    if (deployment === undefined) throw new InternalError('a comparison without a Deployment');
    const pods = { deployment, candidate, stable };
    return { ...common, query: comparisonQuery(compare, pods), trackLabel };
  }
  const scope = { params: {}, trigger: {}, candidate: { hash: candidate }, stable: { hash: stable } };
  return { ...common, query: evaluateTextNow(query, scope) };
}
