import type { Cluster } from '../../../src/ports/cluster.ts';
import { UnreachableError } from '../../../src/ports/cluster-errors.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { ReleaseReport } from '../../../src/strategies/release-session.ts';
import type { ReleaseObjectsRequest } from '../../../src/strategies/release.ts';
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
  readonly told: string[] = [];
  readonly report: ReleaseReport = {
    progress: async (phase, message) => void this.told.push(`${phase}: ${message}`),
    notice: async (level, message) => void this.told.push(`${level}: ${message}`),
  };
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
    const faulty = ['get', 'list', 'create', 'replace', 'apply', 'delete', 'firstServed'];
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

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.clock.sleep(100, { signal }).catch(() => undefined);
      this.deployments.step();
      if (this.#watching) this.fewest = Math.min(this.fewest, this.deployments.available());
    }
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
  more: Partial<ReleaseObjectsRequest> = {},
): ReleaseObjectsRequest {
  return {
    application: 'web',
    namespace: 'shop',
    strategy: { name: 'rolling', restartLimit: 1 },
    timeoutMs: 120_000,
    rollback: 'auto',
    prune: false,
    force: false,
    lockTimeoutMs: 60_000,
    by: { runId, pipeline: 'web', stage: 'deploy', attempt: 1, who: 'test' },
    objects,
    ...more,
  };
}
