import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Comparison } from '../../src/analysis/comparison/settings.ts';
import { judge } from '../../src/analysis/judge.ts';
import { measurementOf } from '../../src/analysis/request.ts';
import type { AnalysisSettings } from '../../src/analysis/settings.ts';
import { createMeasurements } from '../../src/probes/measure.ts';
import { FakeCluster } from '../fakes/cluster.ts';
import { startPrometheus, type TestPrometheus } from '../support/prometheus.ts';

const minutes = 60_000;
const signal = AbortSignal.timeout(5 * minutes);

/** Each case has a Deployment of its own, so that none sees the series of another. */
let deployment = 0;
let prometheus: TestPrometheus;

const measurements = createMeasurements({
  cluster: new FakeCluster(),
  pods: { connect: () => Promise.reject(new Error('no pod is asked')) },
});

beforeAll(async () => {
  prometheus = await startPrometheus();
}, minutes);

afterAll(() => prometheus.stop());

/** Label text as exporters write it, and what a counter has risen to, or a gauge is. */
type Series = (name: string) => Readonly<Record<string, number>>;

/** Takes a measurement after counters have risen from 0 to what the series say. */
async function measured(compare: Comparison, series: Series, more: Partial<AnalysisSettings> = {}) {
  const name = `web-${String(++deployment)}`;
  const settings = {
    prometheus: { address: prometheus.address, compare: { window: '1m', ...compare } },
    ...more,
  };
  const metrics = series(name);
  const isGauge = (key: string) => key.startsWith('container_memory');
  const before = Object.entries(metrics).map(([key, value]) => [key, isGauge(key) ? value : 0] as const);
  // It waits for a scrape of each: with the counter of scrapes there are two, also of series that stay as they are.
  await prometheus.expose({ ...Object.fromEntries(before), [`scrapes{of="${name}"}`]: 0 });
  await prometheus.expose({ ...metrics, [`scrapes{of="${name}"}`]: 1 });
  const namespace = 'shop';
  const release = { candidate: 'new1', stable: 'old1', namespace, deployment: { name, namespace } };
  return judge(settings, await measurements.measure(measurementOf(settings, release), { signal }));
}

/** A histogram whose observations all lie between two bounds. */
function histogram(name: string, labels: string, between: [number, number], count: number) {
  const bucket = (le: string, value: number) => [`${name}_bucket{${labels},le="${le}"}`, value] as const;
  const [from, to] = between;
  return Object.fromEntries([
    bucket(String(from), 0),
    bucket(String(to), count),
    bucket('+Inf', count),
    [`${name}_count{${labels}}`, count],
  ]);
}

describe('the error rate', () => {
  const sidecar = (pod: string, code: number) =>
    `istio_requests_total{reporter="destination",destination_workload="web",destination_workload_namespace="shop",response_code="${String(code)}",namespace="shop",pod="${pod}"}`;
  const istio = { metric: 'errorRate', from: 'istio' } as const;

  it('of sidecars passes when nothing failed, though no series has a status of 500', async () => {
    const found = await measured(istio, (name) => ({
      [sidecar(`${name}-new1-abcde`, 200)]: 100,
      [sidecar(`${name}-old1-abcde`, 200)]: 300,
    }));
    expect(found).toEqual({ verdict: 'passed', text: 'error rate 0 % (stable 0 %)' });
  });

  it('of sidecars counts those of the track alone, and not what clients report', async () => {
    const found = await measured(istio, (name) => ({
      [sidecar(`${name}-new1-abcde`, 200)]: 60,
      [sidecar(`${name}-new1-fghij`, 503)]: 20,
      [sidecar(`${name}-old1-abcde`, 200)]: 90,
      [sidecar(`${name}-old1-abcde`, 500)]: 10,
      [sidecar(`${name}-old1-abcde`, 500).replace('destination"', 'source"')]: 1000,
      [sidecar(`${name}-other-new1x-abcde`, 500)]: 1000,
    }));
    expect(found).toEqual({ verdict: 'failed', text: 'error rate 25 % (stable 10 %)' });
  });

  it('has no data with few requests, or none', async () => {
    const few = await measured(istio, (name) => ({
      [sidecar(`${name}-new1-abcde`, 500)]: 3,
      [sidecar(`${name}-old1-abcde`, 200)]: 300,
    }));
    expect(few).toMatchObject({ verdict: 'noData' });
    const none = await measured({ ...istio, minRequests: 0 }, (name) => ({
      [sidecar(`${name}-new1-abcde`, 200)]: 0,
      [sidecar(`${name}-old1-abcde`, 200)]: 300,
    }));
    expect(none).toMatchObject({ verdict: 'noData' });
    const absent = await measured(istio, (name) => ({ [sidecar(`${name}-old1-abcde`, 200)]: 300 }));
    expect(absent).toMatchObject({ verdict: 'noData' });
  });

  it('of ingress-nginx tells a canary Ingress from the other one', async () => {
    const service = (name: string) => ({ stable: name, candidate: `${name}-new` });
    const series = (name: string, canary: string, status: number) =>
      `nginx_ingress_controller_requests{canary="${canary}",controller_class="k8s.io/ingress-nginx",ingress="web",method="GET",namespace="shop",path="/",service="${name}",status="${String(status)}"}`;
    const next = `web-${String(deployment + 1)}`;
    const found = await measured({ metric: 'errorRate', from: 'ingressNginx', ...service(next) }, (name) => ({
      [series(name, '', 200)]: 190,
      [series(name, '', 502)]: 10,
      [series(name, `shop-${name}-new-80`, 200)]: 80,
      [series(name, `shop-${name}-new-80`, 500)]: 20,
    }));
    expect(found).toEqual({ verdict: 'failed', text: 'error rate 20 % (stable 5 %)' });
  });

  it('of Envoy goes by its clusters', async () => {
    const series = (name: string, backend: number, codes: number) =>
      `envoy_cluster_upstream_rq_xx{envoy_cluster_name="httproute/shop/${name}/rule/0/backend/${String(backend)}",envoy_response_code_class="${String(codes)}"}`;
    const next = `httproute/shop/web-${String(deployment + 1)}/rule/0/backend`;
    const found = await measured(
      { metric: 'errorRate', from: 'envoy', stable: `${next}/0`, candidate: `${next}/1` },
      (name) => ({
        ...{ [series(name, 0, 2)]: 100, [series(name, 0, 5)]: 100 },
        ...{ [series(name, 1, 2)]: 50, [series(name, 1, 5)]: 50 },
      }),
    );
    expect(found).toEqual({ verdict: 'passed', text: 'error rate 50 % (stable 50 %)' });
  });
});

describe('p95', () => {
  it('of sidecars is in milliseconds', async () => {
    const labels = (name: string, hash: string) =>
      `reporter="destination",namespace="shop",pod="${name}-${hash}-abcde"`;
    const found = await measured({ metric: 'p95', from: 'istio' }, (name) => ({
      ...histogram('istio_request_duration_milliseconds', labels(name, 'new1'), [400, 500], 100),
      ...histogram('istio_request_duration_milliseconds', labels(name, 'old1'), [100, 200], 100),
    }));
    expect(found).toEqual({ verdict: 'failed', text: 'p95 495 ms (stable 195 ms)' });
  });

  it('of ingress-nginx, too, though its metrics are in seconds', async () => {
    const labels = (name: string, canary: string) =>
      `namespace="shop",ingress="web",service="${name}",canary="${canary}",status="200"`;
    const next = `web-${String(deployment + 1)}`;
    const found = await measured(
      { metric: 'p95', from: 'ingressNginx', stable: next, candidate: `${next}-new` },
      (name) => ({
        ...histogram('nginx_ingress_controller_request_duration_seconds', labels(name, ''), [0.1, 0.2], 50),
        ...histogram(
          'nginx_ingress_controller_request_duration_seconds',
          labels(name, `shop-${name}-new-80`),
          [0.1, 0.2],
          50,
        ),
      }),
    );
    expect(found).toEqual({ verdict: 'passed', text: 'p95 195 ms (stable 195 ms)' });
  });

  it('of Envoy has no data without enough requests', async () => {
    const labels = (name: string, track: string) => `envoy_cluster_name="shop_${name}-${track}_80"`;
    const next = `shop_web-${String(deployment + 1)}`;
    const found = await measured(
      { metric: 'p95', from: 'envoy', stable: `${next}-old_80`, candidate: `${next}-new_80` },
      (name) => ({
        ...histogram('envoy_cluster_upstream_rq_time', labels(name, 'new'), [400, 500], 3),
        ...histogram('envoy_cluster_upstream_rq_time', labels(name, 'old'), [100, 200], 100),
      }),
    );
    expect(found).toMatchObject({ verdict: 'noData' });
  });
});

describe('what pods use', () => {
  const labels = (name: string, pod: string, container: string) =>
    `{namespace="shop",pod="${name}-${pod}",container="${container}"}`;

  it('is compared by the pod: CPU', async () => {
    const cpu = (name: string, pod: string, container = 'web') =>
      `container_cpu_usage_seconds_total${labels(name, pod, container)}`;
    const found = await measured({ metric: 'cpu', ignoreBelow: 0 }, (name) => ({
      ...{ [cpu(name, 'new1-a')]: 2500, [cpu(name, 'new1-a', '')]: 9000, [cpu(name, 'new1-a', 'POD')]: 9000 },
      ...{ [cpu(name, 'old1-a')]: 2000, [cpu(name, 'old1-b')]: 2000, [cpu(name, 'old1-c')]: 2000 },
    }));
    expect(found).toMatchObject({ verdict: 'passed' });
    const [, candidate, stable] =
      /^CPU a pod ([\d.]+) cores \(stable ([\d.]+) cores\)$/.exec(found.text) ?? [];
    expect(Number(candidate) / Number(stable)).toBeCloseTo(1.25, 1);
  });

  it('is compared by the pod: memory', async () => {
    const memory = (name: string, pod: string, container: string) =>
      `container_memory_working_set_bytes${labels(name, pod, container)}`;
    const found = await measured({ metric: 'memory' }, (name) => ({
      ...{ [memory(name, 'new1-a', 'web')]: 200 * 1048576, [memory(name, 'new1-a', 'proxy')]: 56 * 1048576 },
      ...{ [memory(name, 'old1-a', 'web')]: 128 * 1048576, [memory(name, 'old1-b', 'web')]: 128 * 1048576 },
    }));
    expect(found).toEqual({ verdict: 'failed', text: 'memory a pod 256 MiB (stable 128 MiB)' });
  });

  it('fails a restart where there were none', async () => {
    const restarts = (name: string, pod: string) =>
      `kube_pod_container_status_restarts_total${labels(name, pod, 'web')}`;
    const found = await measured({ metric: 'restarts' }, (name) => ({
      ...{ [restarts(name, 'new1-a')]: 1, [restarts(name, 'new1-b')]: 0, [restarts(name, 'old1-a')]: 0 },
    }));
    expect(found).toMatchObject({
      verdict: 'failed',
      text: expect.stringContaining('(stable 0)') as unknown,
    });
    const none = await measured({ metric: 'restarts' }, (name) => ({
      ...{ [restarts(name, 'new1-a')]: 0, [restarts(name, 'old1-a')]: 0 },
    }));
    expect(none).toEqual({ verdict: 'passed', text: 'restarts a pod 0 (stable 0)' });
    expect(await measured({ metric: 'restarts' }, () => ({ up_and_away: 1 }))).toMatchObject({
      verdict: 'noData',
    });
  });
});
