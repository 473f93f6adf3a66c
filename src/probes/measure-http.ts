import { performance } from 'node:perf_hooks';
import { defined } from '../base/defined.ts';
import { parseDuration } from '../base/duration.ts';
import type { CallOptions } from '../ports/cluster.ts';
import type { HttpMeasurement, HttpResult, Measured } from '../ports/measurements.ts';
import { askHttp, redirectStatus, type HttpProbed, type OpenHttp } from './ask-http.ts';

/** Milliseconds after which no further request is sent: pods that do not answer have failed by then. */
const longestMs = 25_000;

/** One request. */
interface Asked {
  ms: number;
  /** Why it counts as failed. */
  problem?: string;
}

/**
 * Sends requests one after another, to one ready pod after the other.
 * @throws ForbiddenError, UnauthorizedError, or the signal's reason
 */
export async function measureHttp(
  request: HttpMeasurement,
  open: OpenHttp,
  options: CallOptions,
): Promise<Measured> {
  const { url, method, headers, body, timeout, requests, status } = request;
  const isRedirectWanted = status !== '2xx' && status.some((each) => redirectStatus.has(each));
  const redirects = isRedirectWanted ? 0 : undefined;
  const probe = { url: new URL(url), method, headers, redirects, ...defined({ body }) };
  const all: Asked[] = [];
  const firstMs = performance.now();
  for (let sent = 0; sent < requests; sent++) {
    const begunMs = performance.now();
    const leftMs = Math.ceil(longestMs - (begunMs - firstMs));
    if (leftMs <= 0) break;
    const shorter = parseDuration(timeout) > leftMs ? `${String(leftMs)}ms` : timeout;
    const probed = await askHttp({ ...probe, timeout: shorter }, open, options);
    if (probed.type === 'failed' && probed.isUnasked) return { type: 'error', reason: probed.reason };
    const ms = performance.now() - begunMs;
    all.push({ ms, ...defined({ problem: problemOf(probed, request) }) });
  }
  const value = resultOf(all);
  return { type: 'value', value, text: textOf(value, all) };
}

function problemOf(probed: HttpProbed, { status }: HttpMeasurement): string | undefined {
  if (probed.type === 'failed') return probed.reason;
  const { status: got } = probed.answer;
  const isGood = status === '2xx' ? got >= 200 && got < 300 : status.includes(got);
  return isGood ? undefined : `status ${String(got)}`;
}

function resultOf(all: readonly Asked[]): HttpResult {
  const sorted = all.map(({ ms }) => ms).sort((a, b) => a - b);
  const failed = all.filter(({ problem }) => problem !== undefined).length;
  return {
    requests: all.length,
    failed,
    successRate: (all.length - failed) / all.length,
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
  };
}

/** By the nearest rank, in tenths of a millisecond. */
function percentile(sorted: readonly number[], share: number): number {
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return Math.round((sorted[rank - 1] ?? 0) * 10) / 10;
}

/** `9 of 10 requests succeeded, p95 12.3 ms; status 500` */
function textOf({ requests, failed, p95 }: HttpResult, all: readonly Asked[]): string {
  const problem = all.find((asked) => asked.problem !== undefined)?.problem;
  const counts = `${String(requests - failed)} of ${String(requests)} requests succeeded, p95 ${String(p95)} ms`;
  return problem === undefined ? counts : `${counts}; ${problem}`;
}
