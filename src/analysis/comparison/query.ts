import { parseDuration } from '../../base/duration.ts';
import { comparedMetrics, defaultMinRequests, isOfRequests, type Comparison } from './settings.ts';

/** Whom a query compares: the pods of a Deployment, by the `pod-template-hash` that their names have. */
export interface ComparedPods {
  deployment: { name: string; namespace: string };
  candidate: string;
  stable: string;
}

type Track = 'candidate' | 'stable';

/** The label by which the answer tells the two values apart. */
export const trackLabel = 'track';

/**
 * The PromQL that a comparison asks: one instant query, so that both values are of one moment. A track without data is
 * missing in the answer. docs/releases.md says which exporters and labels it needs.
 */
export function comparisonQuery(comparison: Comparison, pods: ComparedPods): string {
  const tracks = (['candidate', 'stable'] as const).map((track) => {
    const value = isOfRequests(comparison)
      ? requestsQuery(comparison, track, pods)
      : podsQuery(comparison, podSelector(track, pods));
    return `label_replace(${value}, "${trackLabel}", "${track}", "", "")`;
  });
  return tracks.join(' or ');
}

/** Metrics of requests: a counter by status, and a histogram of durations. */
interface RequestMetrics {
  requests: string;
  /** Label matchers of answers with a status of 500 and more. */
  failed: string;
  duration: string;
  /** Milliseconds of the histogram's unit. */
  unitMs: number;
}

const requestMetrics: Record<NonNullable<Comparison['from']>, RequestMetrics> = {
  // https://istio.io/latest/docs/reference/config/metrics/
  istio: {
    requests: 'istio_requests_total',
    failed: 'response_code=~"5.."',
    duration: 'istio_request_duration_milliseconds',
    unitMs: 1,
  },
  // https://kubernetes.github.io/ingress-nginx/user-guide/monitoring/
  ingressNginx: {
    requests: 'nginx_ingress_controller_requests',
    failed: 'status=~"5.."',
    duration: 'nginx_ingress_controller_request_duration_seconds',
    unitMs: 1000,
  },
  // https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
  envoy: {
    requests: 'envoy_cluster_upstream_rq_xx',
    failed: 'envoy_response_code_class="5"',
    duration: 'envoy_cluster_upstream_rq_time',
    unitMs: 1,
  },
};

/** The label matchers of the requests that a track has answered. */
function requestSelector({ from, ...names }: Comparison, track: Track, pods: ComparedPods): string {
  const { namespace } = pods.deployment;
  const { [track]: name, stable = '', candidate = '' } = names;
  switch (from) {
    case 'ingressNginx': {
      // A request that a canary Ingress has taken counts for the Service of the other one, too: `canary` tells them apart.
      const canary = `${literal(`${namespace}-${candidate}-`)}.+`;
      const which = track === 'candidate' ? `canary=~${text(canary)}` : `canary=""`;
      return `namespace=${text(namespace)}, service=${text(stable)}, ${which}`;
    }
    case 'envoy':
      return `envoy_cluster_name=~${text(name ?? '')}`;
    default:
      if (name === undefined) return `reporter="destination", ${podSelector(track, pods)}`;
      return `reporter="source", destination_service_namespace=${text(namespace)}, destination_service_name=${text(name)}`;
  }
}

function requestsQuery(comparison: Comparison, track: Track, pods: ComparedPods): string {
  const { metric, from = 'istio', minRequests = defaultMinRequests } = comparison;
  const selector = requestSelector(comparison, track, pods);
  const { requests, failed, duration, unitMs } = requestMetrics[from];
  const range = rangeOf(comparison);
  if (metric === 'p95') {
    const p95 = `histogram_quantile(0.95, sum by (le) (rate(${duration}_bucket{${selector}}[${range}])))`;
    const count = `sum(increase(${duration}_count{${selector}}[${range}]))`;
    return `${p95} * ${String(unitMs)} and ${count} >= ${String(minRequests)}`;
  }
  const all = `sum(rate(${requests}{${selector}}[${range}]))`;
  const bad = `sum(rate(${requests}{${selector}, ${failed}}[${range}]))`;
  const count = `sum(increase(${requests}{${selector}}[${range}]))`;
  // No series has a status that no answer had yet.
  return `(${bad} or ${all} * 0) / ${all} and ${count} >= ${String(minRequests)}`;
}

/** Metrics of https://github.com/kubernetes/kube-state-metrics and, in kubelets, https://github.com/google/cadvisor. */
function podsQuery(comparison: Comparison, selector: string): string {
  const range = rangeOf(comparison);
  const aPod = (value: string, series: string) => `${value} / count(count by (pod) (${series}))`;
  // cAdvisor also counts whole pods, without a container's name, and their pause containers.
  const containers = `${selector}, container!="", container!="POD"`;
  switch (comparison.metric) {
    case 'restarts': {
      const series = `kube_pod_container_status_restarts_total{${selector}}`;
      return aPod(`sum(increase(${series}[${range}]))`, series);
    }
    case 'cpu': {
      const series = `container_cpu_usage_seconds_total{${containers}}`;
      return aPod(`sum(rate(${series}[${range}]))`, series);
    }
    default: {
      const series = `container_memory_working_set_bytes{${containers}}`;
      return aPod(`sum(avg_over_time(${series}[${range}])) / 1048576`, series);
    }
  }
}

/** Names of pods begin with those of their Deployment and its ReplicaSet. */
function podSelector(track: Track, { deployment, ...hashes }: ComparedPods): string {
  const { name, namespace } = deployment;
  return `namespace=${text(namespace)}, pod=~${text(`${literal(`${name}-${hashes[track]}-`)}.+`)}`;
}

function rangeOf({ metric, window = comparedMetrics[metric].window }: Comparison): string {
  return `${String(Math.ceil(parseDuration(window) / 1000))}s`;
}

/** A part of a pattern that stands for itself. */
function literal(part: string): string {
  return part.replaceAll(/[^\w-]/g, '\\$&');
}

/** A text as PromQL has it. */
function text(value: string): string {
  return `"${value.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}
