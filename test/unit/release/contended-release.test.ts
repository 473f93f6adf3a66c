import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlipwayError } from '../../../src/base/errors.ts';
import type { KubernetesObject } from '../../../src/ports/kubernetes-object.ts';
import type { Pod } from '../../../src/kubernetes/workload-objects.ts';
import { parseRecord } from '../../../src/release/record/release-record.ts';
import type { ReleaseResult } from '../../../src/release/reconcile.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import type { PodBehaviour } from '../../fakes/deployment-controller.ts';
import { cases } from '../../support/cases.ts';
import { noTrouble, troubledCluster, type Trouble } from './histories/troubled-runner.ts';
import { chooser } from './release-courses.ts';
import { replicas, requestOf, webObjects, World, type Fault } from './release-world.ts';

/** What befalls one of two runners that release the same application at the same time. */
interface Course extends Trouble {
  behaviour: PodBehaviour;
  /** Virtual milliseconds after which it begins. */
  afterMs: number;
}

const course: fc.Arbitrary<Course> = fc.record({
  behaviour: fc.constantFrom<PodBehaviour>('ready', 'ready', 'crash', 'imagePull', 'never'),
  afterMs: fc.nat({ max: 8000 }),
  faults: fc.array(
    fc.record<Fault>({
      at: fc.nat({ max: 40 }),
      type: fc.constantFrom('refused', 'lost', 'diesBefore', 'diesAfter'),
    }),
    { maxLength: 2 },
  ),
  frozenAt: fc.array(fc.nat({ max: 15 }), { maxLength: 2 }),
  watchFaults: fc.array(
    fc.record({ at: fc.nat({ max: 20 }), type: fc.constantFrom('breaks' as const, 'late' as const) }),
    { maxLength: 3 },
  ),
  abortMs: fc.option(fc.nat({ max: 20_000 }), { nil: undefined }),
});

/** Somebody else's write to a Deployment. */
const foreignWrite = fc.record({
  afterMs: fc.nat({ max: 20_000 }),
  name: fc.constantFrom('web', 'worker'),
  type: fc.constantFrom('annotates' as const, 'scales' as const),
});

const names = ['web', 'worker'];
const deploymentOf = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name,
  namespace: 'shop',
});
const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  name: 'slipway-release-web',
  namespace: 'shop',
};

/** Two Deployments and what they share. */
function objectsOf(image: string): KubernetesObject[] {
  const [web] = webObjects(image);
  const text = JSON.stringify(web).replaceAll('"name":"web"', '"name":"worker"');
  const worker = JSON.parse(text.replaceAll('"app":"web"', '"app":"worker"')) as KubernetesObject;
  return [web!, worker];
}

class CancelledError extends Error {}

/** Two runners on one cluster. */
class Contest {
  readonly world: World;
  /** Writes by a runner that did not hold the lease. */
  readonly unfenced: string[] = [];
  /** The fewest available pods of a Deployment since it first had all. */
  readonly fewest = new Map<string, number>();
  readonly #leases: ReturnType<typeof leasesOn>[] = [];

  constructor(behaviour: (image: string) => PodBehaviour, choose: (count: number) => number) {
    this.world = new World(behaviour, choose);
  }

  watchCapacity(): void {
    const { cluster } = this.world;
    const count = () => {
      const ready = cluster.all<Pod>('Pod').filter(isReady);
      for (const name of names) {
        const available = ready.filter(({ metadata }) => metadata.labels?.['app'] === name).length;
        this.fewest.set(name, Math.min(this.fewest.get(name) ?? Infinity, available));
      }
    };
    count();
    cluster.onStore = count;
    cluster.onRemove = count;
  }

  /** Releases an image through what befalls its runner. @returns undefined when the runner died or could not end it */
  async release(image: string, runId: string, course?: Course): Promise<ReleaseResult | undefined> {
    const { clock, report } = this.world;
    const { cluster: faulty, died } = this.world.runner(course?.faults);
    const onWrite = (text: string) => {
      if (!this.#holds(runId)) this.unfenced.push(`${runId}: ${text}`);
    };
    const cluster = troubledCluster({ cluster: faulty, clock, trouble: course ?? noTrouble, onWrite });
    const leases = leasesOn(cluster, clock);
    this.#leases.push(leases);
    const abort = new AbortController();
    const never = new AbortController().signal;
    if (course !== undefined) await clock.sleep(course.afterMs, { signal: never });
    if (course?.abortMs !== undefined)
      void clock.sleep(course.abortMs, { signal: never }).then(() => abort.abort(new CancelledError()));
    const request = { ...requestOf(objectsOf(image), runId), lockTimeoutMs: 300_000 };
    try {
      const ports = { cluster, leases, clock, report };
      const result = await Promise.race([releaseObjects(request, ports, { signal: abort.signal }), died]);
      return result === 'died' ? undefined : result;
    } catch (error) {
      if (error instanceof CancelledError) {
        expect(this.#goesForward(runId)).toBe(false);
        return undefined;
      }
      if (
        error instanceof SlipwayError &&
        (error.fault === 'infrastructure' || error.name.startsWith('Lease'))
      )
        return undefined;
      throw error;
    }
  }

  record() {
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'slipway-release-web', namespace: 'shop' };
    const map = this.world.cluster.peek(reference) as unknown as { data: { record: string } };
    return parseRecord(map.data.record, 'web');
  }

  imageOf(name: string): string | undefined {
    const deployment = this.world.cluster.peek(deploymentOf(name)) as unknown as {
      spec: { template: { spec: { containers: { image: string }[] } } };
    };
    return deployment.spec.template.spec.containers[0]?.image;
  }

  async write({ afterMs, name, type }: { afterMs: number; name: string; type: 'annotates' | 'scales' }) {
    const { clock, cluster } = this.world;
    await clock.sleep(afterMs, { signal: new AbortController().signal });
    const live = cluster.peek<KubernetesObject & { spec: object }>(deploymentOf(name))!;
    const annotations = { ...live.metadata.annotations, 'example.com/seen': String(afterMs) };
    if (type === 'annotates') cluster.put({ ...live, metadata: { ...live.metadata, annotations } });
    else cluster.put({ ...live, spec: { ...live.spec, replicas: replicas + 1 } });
  }

  close(): void {
    for (const leases of this.#leases) leases.dispose();
    this.world.close();
  }

  /** Whether the release in progress is of this run and still replaces pods. */
  #goesForward(runId: string): boolean {
    const { current, history } = this.record();
    const entry = history.find(({ number }) => number === current?.revision);
    return entry?.runId === runId && ['applying', 'progressing'].includes(String(current?.state.phase));
  }

  #holds(runId: string): boolean {
    const live = this.world.cluster.peek<KubernetesObject & { spec: { holderIdentity?: string } }>(lease);
    return live?.spec.holderIdentity?.startsWith(`run ${runId},`) === true;
  }
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

describe('two runners that release the same application', () => {
  it('never write without the lease, take no capacity away, and leave what the next release ends', async () => {
    const foreign = fc.array(foreignWrite, { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(course, course, foreign, fc.nat(), async (one, two, others, seed) => {
        const behaviours = new Map([
          ['v2', one.behaviour],
          ['v3', two.behaviour],
        ]);
        const contest = new Contest((image) => behaviours.get(image) ?? 'ready', chooser(seed));
        try {
          await contest.release('v1', 'run-1');
          contest.watchCapacity();

          const [first, second] = await Promise.all([
            contest.release('v2', 'run-2', one),
            contest.release('v3', 'run-3', two),
            ...others.map((other) => contest.write(other)),
          ]);
          const { history } = contest.record();
          const last = await contest.release('v4', 'run-4');

          expect(contest.unfenced).toEqual([]);
          for (const name of names) expect(contest.fewest.get(name)).toBeGreaterThanOrEqual(replicas);
          for (const [result, { behaviour }] of [[first, one] as const, [second, two] as const]) {
            if (result === undefined) continue;
            expect(result.outcome).toBe(behaviour === 'ready' ? 'released' : 'rolledBack');
            expect(history.find(({ number }) => number === result.revision)?.outcome).toBe(result.outcome);
          }
          expect(last?.outcome).toBe('released');
          expect(names.map((name) => contest.imageOf(name))).toEqual(['v4', 'v4']);
          expect(contest.record().current).toBeUndefined();
          const numbers = contest.record().history.map(({ number }) => number);
          expect(new Set(numbers).size).toBe(numbers.length);
        } finally {
          contest.close();
        }
      }),
      { numRuns: cases(30) },
    );
  }, 120_000);
});
