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
      z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: point })) }),
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
  { address, query, headers, timeout }: PrometheusMeasurement,
  open: OpenHttp,
  options: CallOptions,
): Promise<Measured> {
  const url = new URL('api/v1/query', address.endsWith('/') ? address : `${address}/`);
  url.searchParams.set('query', query);
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
  return measuredOf(answer.data);
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
