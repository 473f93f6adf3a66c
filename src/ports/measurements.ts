import type { CallOptions } from './cluster.ts';

/** What to ask a released application. */
export interface HttpMeasurement {
  type: 'http';
  /** `http://SERVICE.NAMESPACE/…` is reached inside the cluster, other hosts from the runner. */
  url: string;
  method: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** Requests, one after another. */
  requests: number;
  /** Time limit of one: `2s`. */
  timeout: string;
  /** Statuses that count as successful. */
  status: readonly number[] | '2xx';
  /** Of a Service's pods only those with this `pod-template-hash`; missing: any that is ready. */
  hash?: string;
  /** Namespace of Services that are named without one. */
  namespace: string;
}

/** What to ask Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries). */
export interface PrometheusMeasurement {
  type: 'prometheus';
  /** As `url` of {@link HttpMeasurement}. */
  address: string;
  query: string;
  headers: Readonly<Record<string, string>>;
  timeout: string;
  namespace: string;
  /** The label of the answer whose values are `candidate` and `stable`; missing: its values are a list. */
  trackLabel?: string;
}

/** A measurement to take. */
export type MeasurementRequest = HttpMeasurement | PrometheusMeasurement;

/** What requests over HTTP came to; times in milliseconds. */
export interface HttpResult {
  requests: number;
  /** Requests without an answer or with another status. */
  failed: number;
  /** From 0 to 1. */
  successRate: number;
  p50: number;
  p95: number;
  p99: number;
}

/** What a comparison measured of the new and of the old pods. */
export interface ComparedValues {
  candidate: number;
  /** Missing: there is none. */
  stable?: number;
}

/** What came of a measurement. */
export type Measured =
  /** `value`: {@link HttpResult}, or the numbers of a Prometheus query. `text`: the same for people, one line. */
  | { type: 'value'; value: HttpResult | readonly number[]; text: string }
  /** What a query with a `trackLabel` gives. */
  | { type: 'compared'; values: ComparedValues }
  /** What measures has decided itself. */
  | { type: 'judged'; verdict: 'passed' | 'failed'; text: string }
  | { type: 'noData'; reason: string }
  /** It could not be taken; says nothing of what is measured. */
  | { type: 'error'; reason: string };

/** What a measurement says of a release, as people read it. */
export const verdictWords = {
  passed: 'passed',
  failed: 'failed',
  inconclusive: 'inconclusive',
  noData: 'no data',
  error: 'could not be taken',
} as const;

/** Takes measurements of released applications. */
export interface Measurements {
  /** Takes one; never longer than 30 s. @throws the signal's reason, and nothing else */
  measure(request: MeasurementRequest, options: CallOptions): Promise<Measured>;
}
