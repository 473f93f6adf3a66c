import type { CallOptions, Cluster, WatchEvent } from '../../../src/ports/cluster.ts';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import type { Measurements } from '../../../src/ports/measurements.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { ReleaseReport } from '../../../src/release/session.ts';
import type { ReleaseSettings } from '../../../src/release/record/release-record.ts';
import type { ReleaseObjectsRequest } from '../../../src/release/release.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { FakeCluster } from '../../fakes/cluster.ts';
import { SimulatedDeployments, type PodBehaviour } from '../../fakes/deployment-controller.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

/** A fault at one call of a runner to the API; `lost` happens after the call was done, `refused` before. */
export interface Fault {
  at: number;
  type: 'refused' | 'lost' | 'diesBefore' | 'diesAfter';
}

/** The least pods that a release may leave available; the replicas of {@link webObjects}. */
export const replicas = 3;

/** A simulated cluster whose controllers run as the virtual time passes. */
export class World {
  readonly cluster = new FakeCluster();
  readonly clock = new VirtualClock();
  readonly leases = leasesOn(this.cluster, this.clock);
  readonly told: string[] = [];
  readonly report: ReleaseReport = {
    progress: async (phase, message) => void this.told.push(`${phase}: ${message}`),
    notice: async (level, message) => void this.told.push(`${level}: ${message}`),
  };
  /** What analyses measure. */
  measurements: Measurements = { measure: () => Promise.reject(new Error('nothing is to be measured')) };
  /** The fewest available pods that were seen since `watchCapacity`. */
  fewest = Number.POSITIVE_INFINITY;
  readonly deployments: SimulatedDeployments;
  readonly #stop = new AbortController();
  #watching = false;

  constructor(behaviour: (image: string) => PodBehaviour, choose: (count: number) => number = () => 0) {
    this.deployments = new SimulatedDeployments(this.cluster, behaviour, choose);
    void this.#run();
  }

  watchCapacity(): void {
    this.#watching = true;
    this.fewest = this.deployments.available();
  }

  close(): void {
    this.#stop.abort();
  }

  /** What a runner sees: the cluster, with the faults that hit it. `died` resolves when it calls no more. */
  runner(faults: readonly Fault[] = []): { cluster: Cluster; died: Promise<'died'> } {
    let calls = 0;
    let dead = false;
    let die = (_: 'died'): void => undefined;
    const died = new Promise<'died'>((resolve) => (die = resolve));
    const never = new Promise<never>(() => undefined);
    const faulty = ['get', 'list', 'create', 'replace', 'apply', 'patch', 'delete', 'firstServed'];
    const cluster = new Proxy<Cluster>(this.cluster, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        const call = (method as (...args: unknown[]) => unknown).bind(target);
        if (!faulty.includes(String(name))) return call;
        return async (...args: unknown[]) => {
          if (dead) return never;
          const fault = faults.find(({ at }) => at === calls);
          calls += 1;
          if (fault?.type === 'refused') throw new UnreachableError('connection refused');
          if (fault?.type !== 'diesBefore') {
            const result = await call(...args);
            if (fault === undefined) return result;
            if (fault.type === 'lost') throw new UnreachableError('connection reset');
          }
          dead = true;
          die('died');
          return never;
        };
      },
    });
    return { cluster, died };
  }

  /**
   * What a runner sees of an API that does not answer when `silent` says so: calls fail after `answerMs` without having
   * been done, and what watches would say comes up to 17 s after it answers again.
   */
  unreliable(silent: (call: { method: string; reads: number }) => boolean, answerMs = 0): Cluster {
    let reads = 0;
    const { clock } = this;
    const isSilent = () => silent({ method: 'watch', reads });
    return new Proxy<Cluster>(this.cluster, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        const method = String(name);
        const call = (value as (...args: unknown[]) => unknown).bind(target);
        if (method === 'watch') {
          return (...args: Parameters<Cluster['watch']>) =>
            held(call(...args) as AsyncIterable<WatchEvent>, isSilent, () => clock.sleep(17_000, args[2]));
        }
        return async (...args: unknown[]) => {
          if (readingMethods.includes(method)) reads += 1;
          if (!silent({ method, reads })) return call(...args);
          const { signal } = args.at(-1) as CallOptions;
          await clock.sleep(answerMs, { signal });
          throw new UnreachableError(`no answer (${method})`, answerMs === 0 ? { status: 503 } : {});
        };
      },
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.clock.sleep(100, { signal }).catch(() => undefined);
      this.deployments.step();
      if (this.#watching) this.fewest = Math.min(this.fewest, this.deployments.available());
    }
  }
}

/** The calls of a cluster that change nothing. */
export const readingMethods = ['get', 'list', 'served', 'firstServed'];

async function* held(events: AsyncIterable<WatchEvent>, isSilent: () => boolean, wait: () => Promise<void>) {
  if (isSilent()) throw new UnreachableError('no answer (watch)');
  for await (const event of events) {
    while (isSilent()) await wait();
    yield event;
  }
}

/** A Deployment of three pods with this image. */
export function webObjects(image: string, more: readonly KubernetesObject[] = []): KubernetesObject[] {
  const labels = { app: 'web' };
  return [
    ...more,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop', labels: { 'slipway.dev/application': 'web' } },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: { metadata: { labels }, spec: { containers: [{ name: 'web', image }] } },
      },
    },
  ];
}

/** A request to release objects, with what most tests want. */
export function requestOf(
  objects: readonly KubernetesObject[],
  runId: string,
  more: Partial<
    Omit<ReleaseObjectsRequest, 'settings'> & Omit<ReleaseSettings, 'strategy' | 'analyses'>
  > = {},
): ReleaseObjectsRequest {
  const { timeoutMs = 120_000, rollback = 'auto', prune = false, force = false, ...rest } = more;
  return {
    application: 'web',
    namespace: 'shop',
    strategy: 'rolling',
    settings: { strategy: {}, timeoutMs, rollback, prune, force },
    lockTimeoutMs: 60_000,
    by: { runId, pipeline: 'web', stage: 'deploy', attempt: 1, who: 'test' },
    objects,
    ...rest,
  };
}
