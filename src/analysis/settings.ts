import { InputError } from '../base/errors.ts';
import { durationText } from '../base/duration-text.ts';
import * as z from '../base/zod.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { jobSource } from './job/settings.ts';
import { comparison } from './comparison/settings.ts';

/** Measurements of an analysis without `count`. */
export const defaultCount = 3;

const condition = z.string().check(
  z.superRefine((source, context) => {
    const message = problemOf(source);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  }),
);

const count = (from: number, to: number) => z.int().check(z.minimum(from), z.maximum(to));

const url = z.url({ protocol: /^https?$/, error: 'must be a URL like http://web.shop/healthz' });

const headers = z.record(
  z.string().check(z.regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be the name of a header')),
  z.string().check(z.regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be one line of Latin characters')),
);

const http = z.strictObject({
  url: z.described(
    'http://SERVICE.NAMESPACE/… is reached inside the cluster; other hosts from the runner',
    url,
  ),
  track: z.described(
    'Which pods of a Service are asked: candidate (default), stable, or any',
    z.optional(z.enum(['candidate', 'stable', 'any'])),
  ),
  requests: z.described('Requests of one measurement; default 10', z.optional(count(1, 1000))),
  method: z.optional(z.string().check(z.regex(/^[A-Z]+$/, 'must be uppercase, like GET'))),
  headers: z.optional(headers),
  body: z.optional(z.string()),
  status: z.described(
    'Statuses that count as successful; default any 2xx',
    z.optional(z.union([count(100, 599), z.array(count(100, 599)).check(z.minLength(1))])),
  ),
  timeout: z.described('Time limit of one request; default 2s', z.optional(durationText)),
});

const prometheus = z.strictObject({
  address: z.described('As url of http: http://prometheus.monitoring:9090', url),
  query: z.described(
    'PromQL, an instant query; ${{ candidate.hash }} and ${{ stable.hash }} are the pod-template-hash of both tracks',
    z.optional(z.string().check(z.minLength(1))),
  ),
  compare: z.described(
    'A query that is ready-made: a metric of the new pods against that of the old ones',
    z.optional(comparison),
  ),
  headers: z.optional(headers),
  timeout: z.described('Default 10s', z.optional(durationText)),
});

const timing = {
  count: z.described('Measurements; default 3', z.optional(count(1, 100))),
  interval: z.described('Time between two measurements; default 10s', z.optional(durationText)),
  initialDelay: z.described('Time before the first one; default none', z.optional(durationText)),
};

/** What of an analysis says how long it takes. */
export const analysisTiming = z.strictObject(timing);

/** {@link analysisTiming} as parsed. */
export type AnalysisTiming = z.infer<typeof analysisTiming>;

/** An analysis below `deploy.analyses`. */
export const analysisSettings = z
  .strictObject({
    http: z.described(
      'Ask over HTTP; result.successRate, failed, requests, p50, p95, p99 (ms)',
      z.optional(http),
    ),
    prometheus: z.described('Ask Prometheus; result is the list of its values', z.optional(prometheus)),
    job: z.described('Run a Job; it passes when it completes', z.optional(jobSource)),
    success: z.described('CEL over result: the measurement passes', z.optional(condition)),
    failure: z.described('CEL over result: the measurement fails', z.optional(condition)),
    ...timing,
    failureLimit: z.described('Measurements that may fail; default 0', z.optional(count(0, 1000))),
    consecutiveErrorLimit: z.described(
      'Measurements in a row that may not be taken; default 4. With one more the analysis is inconclusive',
      z.optional(count(0, 1000)),
    ),
    onNoData: z.described(
      'A measurement without data (an empty answer, NaN): pause (default) for a person, fail, or pass over it',
      z.optional(z.enum(['pause', 'fail', 'pass'])),
    ),
    minSamples: z.described(
      'Measurements that must have had data; with fewer the analysis is inconclusive. Default 1',
      z.optional(count(0, 1000)),
    ),
    dryRun: z.described('Measure and report, decide nothing; default false', z.optional(z.boolean())),
  })
  .check(
    z.refine(
      ({ http: a, prometheus: b, job: c }) => [a, b, c].filter((each) => each !== undefined).length === 1,
      'needs exactly one of http, prometheus, job',
    ),
    // Of the whole: messages show the value that they are about.
    z.refine(
      ({ http: a, prometheus: b }) => !hasLogin(a?.url) && !hasLogin(b?.address),
      'the URL must have no user and password: it is kept in the cluster',
    ),
    z.refine(
      ({ prometheus: asked }) =>
        asked === undefined || (asked.query === undefined) !== (asked.compare === undefined),
      'prometheus needs either a query or compare',
    ),
    z.refine(
      ({ prometheus: asked, success, failure }) =>
        asked?.query === undefined || success !== undefined || failure !== undefined,
      'needs success or failure: when its value is good, or bad',
    ),
    z.refine(
      ({ prometheus: asked, success, failure }) =>
        asked?.compare === undefined || (success === undefined && failure === undefined),
      'compare says itself when it passes (maxRatio, ignoreBelow): leave out success and failure, or write a query',
    ),
    z.refine(
      ({ job, success, failure }) => job === undefined || (success === undefined && failure === undefined),
      'a Job passes when it completes: leave out success and failure',
    ),
    z.refine(
      ({ count: all = defaultCount, failureLimit = 0 }) => failureLimit < all,
      'failureLimit must be below count (default 3): else all measurements may fail',
    ),
    z.refine(
      ({ count: all = defaultCount, minSamples = 1 }) => minSamples <= all,
      'minSamples cannot be above count (default 3)',
    ),
  );

/** {@link analysisSettings} as parsed. */
export type AnalysisSettings = z.infer<typeof analysisSettings>;

/** Analyses by name, as `deploy.analyses` has them. */
export type AnalysesByName = Readonly<Record<string, AnalysisSettings>>;

/** What does not parse is found by the schema itself. */
function hasLogin(text = ''): boolean {
  if (!URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username !== '' || password !== '';
}

/** Why a condition cannot be evaluated; undefined when it can. */
function problemOf(source: string): string | undefined {
  try {
    const other = parseExpression(source).references.find(({ root }) => root !== 'result');
    return other === undefined
      ? undefined
      : `unknown name "${other.root}"; what was measured is called result`;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}
