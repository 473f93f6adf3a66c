import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { comparisonQuery, type ComparedPods } from '../../../src/analysis/comparison/query.ts';
import { comparedMetrics, type Comparison } from '../../../src/analysis/comparison/settings.ts';
import { criterion, judge } from '../../../src/analysis/judge.ts';
import { analysisSettings } from '../../../src/analysis/settings.ts';

const pods: ComparedPods = {
  deployment: { name: 'web', namespace: 'shop' },
  candidate: '6b8f',
  stable: '5c7d',
};

/** The query of one track. */
function queryOf(comparison: Comparison, track: 'candidate' | 'stable', of = pods): string {
  const query = comparisonQuery(comparison, of);
  const [candidate = '', stable = ''] = query.split(' or label_replace(');
  const own = track === 'candidate' ? candidate.replace('label_replace(', '') : stable;
  const end = `, "track", "${track}", "", "")`;
  expect(own.endsWith(end)).toBe(true);
  return own.slice(0, -end.length);
}

function problems(compare: object, more: object = {}): string[] {
  const prometheus = { address: 'http://prometheus:9090', compare };
  const parsed = analysisSettings.safeParse({ prometheus, ...more });
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
}

function judged(comparison: Comparison, candidate: number, stable?: number) {
  const settings = { prometheus: { address: 'http://prometheus:9090', compare: comparison } };
  const values = stable === undefined ? { candidate } : { candidate, stable };
  return judge(settings, { type: 'compared', values });
}

describe('the query of a comparison', () => {
  it('asks Istio’s sidecars by the names of the pods', () => {
    const range = '[120s]';
    const selector = 'reporter="destination", namespace="shop", pod=~"web-6b8f-.+"';
    const all = `sum(rate(istio_requests_total{${selector}}${range}))`;
    const bad = `sum(rate(istio_requests_total{${selector}, response_code=~"5.."}${range}))`;
    const count = `sum(increase(istio_requests_total{${selector}}${range}))`;
    const query = `(${bad} or ${all} * 0) / ${all} and ${count} >= 10`;
    const comparison = { metric: 'errorRate', from: 'istio' } as const;

    expect(queryOf(comparison, 'candidate')).toBe(query);
    expect(queryOf(comparison, 'stable')).toBe(query.replaceAll('6b8f', '5c7d'));
  });

  it('asks Istio’s gateways by Services', () => {
    const comparison = { metric: 'p95', from: 'istio', candidate: 'web-new', stable: 'web' } as const;

    const selector = (service: string) =>
      `{reporter="source", destination_service_namespace="shop", destination_service_name="${service}"}`;
    expect(queryOf({ ...comparison, window: '5m', minRequests: 3 }, 'candidate')).toBe(
      `histogram_quantile(0.95, sum by (le) (rate(istio_request_duration_milliseconds_bucket${selector('web-new')}[300s])))` +
        ` * 1 and sum(increase(istio_request_duration_milliseconds_count${selector('web-new')}[300s])) >= 3`,
    );
    expect(queryOf(comparison, 'stable')).toContain(selector('web'));
  });

  it('tells the requests of a canary Ingress by its label, since both have the Service of the other one', () => {
    const comparison: Comparison = {
      metric: 'errorRate',
      from: 'ingressNginx',
      candidate: 'web-new',
      stable: 'web',
    };

    expect(queryOf(comparison, 'candidate')).toContain(
      'nginx_ingress_controller_requests{namespace="shop", service="web", canary=~"shop-web-new-.+", status=~"5.."}',
    );
    expect(queryOf(comparison, 'stable')).toContain(
      'nginx_ingress_controller_requests{namespace="shop", service="web", canary="", status=~"5.."}',
    );
    expect(queryOf({ ...comparison, metric: 'p95' }, 'stable')).toContain(
      'rate(nginx_ingress_controller_request_duration_seconds_bucket{namespace="shop", service="web", canary=""}[120s]))) * 1000',
    );
  });

  it('asks Envoy by patterns of its clusters', () => {
    const comparison: Comparison = {
      metric: 'errorRate',
      from: 'envoy',
      candidate: 'httproute/shop/web/rule/0/backend/1',
      stable: 'shop_web_.+',
    };

    expect(queryOf(comparison, 'candidate')).toContain(
      'envoy_cluster_upstream_rq_xx{envoy_cluster_name=~"httproute/shop/web/rule/0/backend/1", envoy_response_code_class="5"}',
    );
    expect(queryOf({ ...comparison, metric: 'p95' }, 'stable')).toContain(
      'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=~"shop_web_.+"}',
    );
  });

  it('takes restarts, CPU and memory by the pod', () => {
    const own = 'namespace="shop", pod=~"web-6b8f-.+"';
    const restarts = `kube_pod_container_status_restarts_total{${own}}`;
    const cpu = `container_cpu_usage_seconds_total{${own}, container!="", container!="POD"}`;
    const memory = `container_memory_working_set_bytes{${own}, container!="", container!="POD"}`;

    expect(queryOf({ metric: 'restarts' }, 'candidate')).toBe(
      `sum(increase(${restarts}[600s])) / count(count by (pod) (${restarts}))`,
    );
    expect(queryOf({ metric: 'cpu' }, 'candidate')).toBe(
      `sum(rate(${cpu}[120s])) / count(count by (pod) (${cpu}))`,
    );
    expect(queryOf({ metric: 'memory' }, 'candidate')).toBe(
      `sum(avg_over_time(${memory}[120s])) / 1048576 / count(count by (pod) (${memory}))`,
    );
  });

  it('means names as they are, whatever they would be in a pattern or a text', () => {
    const dotted = { ...pods, deployment: { name: 'web.v1', namespace: 'shop' } };
    expect(queryOf({ metric: 'cpu' }, 'candidate', dotted)).toContain('pod=~"web\\\\.v1-6b8f-.+"');
    const quoted = { metric: 'p95', from: 'envoy', candidate: 'a"} or x{b="\\d\n', stable: 'c' } as const;
    expect(queryOf(quoted, 'candidate')).toContain('{envoy_cluster_name=~"a\\"} or x{b=\\"\\\\d\\n"}');
  });
});

describe('the settings of a comparison', () => {
  it('need to know whose metrics count requests, and how they call the tracks where they do not name pods', () => {
    expect(problems({ metric: 'errorRate', from: 'istio' })).toEqual([]);
    expect(problems({ metric: 'errorRate' })).toEqual(['errorRate needs from: istio, ingressNginx or envoy']);
    for (const from of ['ingressNginx', 'envoy']) {
      expect(problems({ metric: 'p95', from })).toEqual([
        expect.stringContaining(`from: ${from} needs candidate and stable`) as unknown,
      ]);
      expect(problems({ metric: 'p95', from, candidate: 'new', stable: 'old' })).toEqual([]);
    }
    expect(problems({ metric: 'p95', from: 'istio', candidate: 'new' })).toEqual([
      'candidate and stable are given together, or none of them',
    ]);
  });

  it('need nothing more for what the pods tell, and take nothing', () => {
    for (const metric of ['restarts', 'cpu', 'memory']) {
      expect(problems({ metric })).toEqual([]);
      for (const more of [{ from: 'istio' }, { candidate: 'a', stable: 'b' }, { minRequests: 0 }])
        expect(problems({ metric, ...more })).toEqual([
          `${metric} is told by the pods themselves: leave out from, candidate, stable and minRequests`,
        ]);
    }
    expect(problems({ metric: 'cpu', window: '500ms' })).toEqual(['window must be 1s at least']);
  });

  it('are instead of a query and its conditions', () => {
    const prometheus = { address: 'http://prometheus:9090' };
    const parsed = analysisSettings.safeParse({ prometheus, success: 'true' });
    expect(parsed.error?.issues[0]?.message).toBe('prometheus needs either a query or compare');
    const both = { prometheus: { ...prometheus, query: 'up', compare: { metric: 'cpu' } }, success: 'true' };
    expect(analysisSettings.safeParse(both).success).toBe(false);
    expect(problems({ metric: 'cpu' }, { success: 'result[0] < 1' })).toEqual([
      expect.stringContaining('leave out success and failure') as unknown,
    ]);
  });
});

describe('the verdict of a comparison', () => {
  const errors = { metric: 'errorRate', from: 'istio' } as const;

  it.each([
    ['none against none', errors, [0, 0], 'passed'],
    ['little against none', errors, [0.01, 0], 'passed'],
    ['more than little against none', errors, [0.011, 0], 'failed'],
    ['much against as much', errors, [0.3, 0.3], 'passed'],
    ['1.5 times as much', errors, [0.3, 0.2], 'passed'],
    ['more than that', errors, [0.31, 0.2], 'failed'],
    ['little, and the old pods have no data', errors, [0.01, undefined], 'passed'],
    ['much, and the old pods have no data', errors, [0.5, undefined], 'noData'],
    ['much, and the old pods had no requests', errors, [0.5, NaN], 'noData'],
    ['no requests', errors, [NaN, 0], 'noData'],
    ['a ratio and a floor of its own', { ...errors, maxRatio: 3, ignoreBelow: 0 }, [0.06, 0.02], 'passed'],
    ['beyond a ratio of its own', { ...errors, maxRatio: 3, ignoreBelow: 0 }, [0.07, 0.02], 'failed'],
    ['a restart where there are none', { metric: 'restarts' }, [0.5, 0], 'failed'],
    ['restarts as before', { metric: 'restarts' }, [0.5, 0.5], 'passed'],
  ] satisfies [string, Comparison, [number, number | undefined], string][])(
    '%s',
    (_, comparison, [candidate, stable], verdict) => {
      expect(judged(comparison, candidate, stable).verdict).toBe(verdict);
    },
  );

  it('says both values with their units, and what was wanted', () => {
    const text = (comparison: Comparison, candidate: number, stable?: number) =>
      judged(comparison, candidate, stable).text;
    expect(text(errors, 0.1234, 0.004)).toBe('error rate 12.3 % (stable 0.4 %)');
    expect(text({ metric: 'p95', from: 'istio' }, 340.04, 120)).toBe('p95 340 ms (stable 120 ms)');
    expect(text({ metric: 'memory' }, 512, undefined)).toBe('memory a pod 512 MiB (stable no data)');
    const wanted = (compare: Comparison) => criterion({ prometheus: { address: '', compare } });
    expect(wanted(errors)).toBe('wanted at most 1.5 × stable, or 1 %');
    expect(wanted({ metric: 'restarts' })).toBe('wanted at most stable');
  });

  it('never fails pods that are no worse than the old ones, and never one that is better than one that passed', () => {
    const metric = fc.constantFrom(...(Object.keys(comparedMetrics) as Comparison['metric'][]));
    const value = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(metric, value, value, value, (name, a, b, stable) => {
        const verdict = (candidate: number) => judged({ metric: name }, candidate, stable).verdict;
        const [better, worse] = [Math.min(a, b), Math.max(a, b)];
        expect(verdict(Math.min(a, stable))).toBe('passed');
        if (verdict(worse) === 'passed') expect(verdict(better)).toBe('passed');
      }),
    );
  });
});
