import { defined } from '../base/defined.ts';
import * as z from '../base/zod.ts';
import type { CallOptions } from '../ports/cluster.ts';
import type { Measured, PrometheusMeasurement } from '../ports/measurements.ts';
import { askHttp, maxBodyBytes, type OpenHttp } from './ask-http.ts';

/** A number as Prometheus writes it: `0.5`, `NaN`, `+Inf`. */
const point = z.tuple([z.number(), z.string()]);

/** The answers of https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries that are understood. */
const answerSchema = z.union([
  z.object({
    status: z.literal('success'),
    data: z.union([
      z.object({
        resultType: z.literal('vector'),
        result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: point })),
      }),
      z.object({ resultType: z.literal('scalar'), result: point }),
      z.object({ resultType: z.enum(['matrix', 'string']) }),
    ]),
  }),
  z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() }),
]);

/** Values of an answer that are shown. */
const shownValues = 10;

/** Asks once. @throws ForbiddenError, UnauthorizedError, or the signal's reason */
export async function measurePrometheus(
  { address, query, headers, timeout, trackLabel }: PrometheusMeasurement,
  open: OpenHttp,
  options: CallOptions,
): Promise<Measured> {
  const url = queryUrl(address, query);
  const probed = await askHttp({ url, headers, timeout }, open, options);
  if (probed.type === 'failed') return { type: 'error', reason: `${address}: ${probed.reason}` };
  const { status, body } = probed.answer;
  if (Buffer.byteLength(body) >= maxBodyBytes)
    return { type: 'error', reason: `${address} answered more than 1 MiB` };
  const parsed = answerSchema.safeParse(jsonOf(body));
  if (!parsed.success)
    return { type: 'error', reason: `${address} answered ${String(status)}, and not as Prometheus does` };
  const { data: answer } = parsed;
  if (answer.status === 'error')
    return { type: 'error', reason: `Prometheus: ${answer.errorType}: ${answer.error}` };
  return trackLabel === undefined ? measuredOf(answer.data) : comparedOf(answer.data, trackLabel);
}

/** Below the address, with the parameters that it has: some servers choose a tenant or a replica by them. */
function queryUrl(address: string, query: string): URL {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/api/v1/query`;
  url.searchParams.set('query', query);
  return url;
}

type Data = Extract<z.infer<typeof answerSchema>, { status: 'success' }>['data'];

function measuredOf(data: Data): Measured {
  if (!('result' in data))
    return { type: 'error', reason: `the query gives a ${data.resultType}, not a vector or a scalar` };
  const points = data.resultType === 'vector' ? data.result.map(({ value }) => value) : [data.result];
  const values = points.map(([, text]) => numberOf(text));
  if (values.length === 0) return { type: 'noData', reason: 'the query found nothing' };
  const shown = values.slice(0, shownValues).map(String).join(', ');
  const more = values.length > shownValues ? `, … (${String(values.length)} values)` : '';
  return { type: 'value', value: values, text: `[${shown}${more}]` };
}

function comparedOf(data: Data, label: string): Measured {
  const found = data.resultType === 'vector' ? data.result : [];
  const valueOf = (track: string) => found.find(({ metric }) => metric[label] === track)?.value[1];
  const [candidate, stable] = [valueOf('candidate'), valueOf('stable')];
  if (candidate === undefined)
    return { type: 'noData', reason: 'the query found nothing, or too few requests, of the new pods' };
  const old = stable === undefined ? undefined : numberOf(stable);
  return { type: 'compared', values: { candidate: numberOf(candidate), ...defined({ stable: old }) } };
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return text.trim() === '' ? NaN : Number(text);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
