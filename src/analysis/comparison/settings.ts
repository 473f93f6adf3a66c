import { parseDuration } from '../../base/duration.ts';
import { durationText } from '../../base/duration-text.ts';
import * as z from '../../base/zod.ts';

/** What is compared, with what a value of it is worth looking at and how far above that of the old pods it may be. */
export const comparedMetrics = {
  /** Share of the answers with a status of 500 and more, 0 to 1. */
  errorRate: { ignoreBelow: 0.01, maxRatio: 1.5, window: '2m' },
  /** Milliseconds that 95 % of the requests take at most. */
  p95: { ignoreBelow: 100, maxRatio: 1.5, window: '2m' },
  /** Of containers, a pod. */
  restarts: { ignoreBelow: 0, maxRatio: 1, window: '10m' },
  /** Cores a pod. */
  cpu: { ignoreBelow: 0.1, maxRatio: 1.5, window: '2m' },
  /** MiB of the working set a pod. */
  memory: { ignoreBelow: 64, maxRatio: 1.5, window: '2m' },
} as const;

/** Name of what is compared. */
export type ComparedMetric = keyof typeof comparedMetrics;

const metricNames = Object.keys(comparedMetrics) as ComparedMetric[];

/** Requests of each track within the window below which a share or a percentile of them says nothing. */
export const defaultMinRequests = 10;

const name = z.string().check(z.minLength(1));

/** `prometheus.compare`: a query that is ready-made, of the new pods and of the old ones. */
export const comparison = z
  .strictObject({
    metric: z.described(
      'errorRate (0 to 1), p95 (ms), restarts, cpu (cores) or memory (MiB), the last three a pod',
      z.enum(metricNames),
    ),
    from: z.described(
      'Whose metrics tell errorRate and p95: istio, ingressNginx, or envoy (gateways that are made of it)',
      z.optional(z.enum(['istio', 'ingressNginx', 'envoy'])),
    ),
    candidate: z.described(
      'How the metrics call the new pods: the Service (istio, ingressNginx), a pattern of envoy_cluster_name (envoy)',
      z.optional(name),
    ),
    stable: z.described('The same of the old pods', z.optional(name)),
    window: z.described(
      'Time that the metrics are looked at over; default 2m, restarts 10m',
      z.optional(durationText),
    ),
    maxRatio: z.described(
      'How many times the value of the old pods that of the new ones may be; default 1.5, restarts 1',
      z.optional(z.number().check(z.minimum(0))),
    ),
    ignoreBelow: z.described(
      'A value up to this passes, whatever that of the old pods is; default 0.01, 100 ms, 0 restarts, 0.1 cores, 64 MiB',
      z.optional(z.number().check(z.minimum(0))),
    ),
    minRequests: z.described(
      'Of errorRate and p95: with fewer requests of a track within the window it has no data; default 10',
      z.optional(z.int().check(z.minimum(0))),
    ),
  })
  .check(
    z.superRefine((settings, context) => {
      const message = problemOf(settings);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    }),
  );

/** {@link comparison} as parsed. */
export type Comparison = z.infer<typeof comparison>;

/** Whether it is about requests, which only what passes them on has counted. */
export function isOfRequests({ metric }: Pick<Comparison, 'metric'>): boolean {
  return metric === 'errorRate' || metric === 'p95';
}

function problemOf(settings: Comparison): string | undefined {
  const { metric, from, candidate, stable, window, minRequests } = settings;
  if (window !== undefined && parseDuration(window) < 1000) return 'window must be 1s at least';
  if ((candidate === undefined) !== (stable === undefined))
    return 'candidate and stable are given together, or none of them';
  if (!isOfRequests(settings)) {
    const given = from ?? candidate ?? minRequests;
    if (given === undefined) return undefined;
    return `${metric} is told by the pods themselves: leave out from, candidate, stable and minRequests`;
  }
  if (from === undefined) return `${metric} needs from: istio, ingressNginx or envoy`;
  if (from === 'istio' || candidate !== undefined) return undefined;
  const what =
    from === 'envoy' ? 'patterns of envoy_cluster_name' : 'the Services that the Ingresses lead to';
  return `from: ${from} needs candidate and stable, ${what}: its metrics do not name pods`;
}
