import type { Workload } from '../../../src/kubernetes/workload-objects.ts';
import { bindNamespace, compilePlan } from '../../../src/plan/compile-plan.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { runObjectName, type RunRecord } from '../../../src/ports/run-record.ts';
import { recordName, type ReleaseRecord } from '../../../src/release/record/release-record.ts';
import { releaseObjects } from '../../../src/release/release.ts';
import { requirePipeline } from '../../../src/spec/parse-pipeline.ts';
import { deployDefinition } from '../../../src/stages/deploy/definition.ts';
import { leasesOn } from '../../fakes/cluster-leases.ts';
import { FakeCluster } from '../../fakes/cluster.ts';
import { SimulatedDeployments, type PodBehaviour } from '../../fakes/deployment-controller.ts';
import { pipelineOf } from '../../fakes/run-harness.ts';
import { ScriptedAgents } from '../../fakes/scripted-agents.ts';
import { testDefinitions } from '../../fakes/stage-kinds.ts';
import { requestOf, webObjects } from '../../unit/release/release-world.ts';
import { Observer } from './observer.ts';
import { Random } from './random.ts';
import { SimulatedApi, type WireRequest } from './simulated-api.ts';
import { VirtualTime } from './virtual-time.ts';

/** The run that all of this is about: build, release, and what must happen at its end. */
const text = pipelineOf(`
stages:
  - {name: source, checkout: {}}
  - {name: build, run: "echo one\\nsleep 3s\\necho two\\nsleep 3s\\necho three"}
  - {name: deploy, deploy: {manifests: k8s/web.yaml, application: web, namespace: shop, timeout: 60s}}
  - {name: smoke, run: "echo smoke"}
finally:
  - {name: tell, run: "echo told"}
`);

const manifest = JSON.stringify(webObjects('v2')[0]);
const definitions = [...testDefinitions, deployDefinition];

/** Milliseconds between two moves of a controller. */
const controllerMs = 200;

let compiled: Plan | undefined;
let released: FakeCluster | undefined;

function plan(): Plan {
  if (compiled !== undefined) return compiled;
  const { pipeline } = requirePipeline({ file: 'app.yaml', text, definitions });
  const options = { parameters: {}, trigger: {}, defaultAgentImage: 'agent:1', definitions };
  compiled = bindNamespace(compilePlan(pipeline, options), 'ci');
  return compiled;
}

/** A cluster with one run's things in it, in virtual time, by one seed. */
export class World {
  readonly runId = '01RUN';
  readonly text = text;
  readonly plan = plan();
  readonly time: VirtualTime;
  readonly random: Random;
  readonly cluster: FakeCluster;
  readonly api: SimulatedApi;
  readonly agents: ScriptedAgents;
  readonly observer: Observer;
  readonly #deployments: SimulatedDeployments;
  readonly #uninstall: () => void;
  readonly #random: () => number;
  #moves: PromiseWithResolvers<undefined> = Promise.withResolvers();

  /** @param behaviour of the pods of the new version */
  constructor(seed: number, behaviour: PodBehaviour = 'ready') {
    if (released === undefined) throw new Error('prepare the worlds first');
    this.random = new Random(seed);
    this.time = new VirtualTime();
    this.#uninstall = this.time.install();
    this.#random = Math.random;
    Math.random = () => this.random.next();
    this.cluster = released.copy();
    this.api = new SimulatedApi(this.cluster);
    this.agents = new ScriptedAgents(this.time.clock());
    this.agents.answer = (command) =>
      command[2]?.includes('walk') === true
        ? `${String(Buffer.byteLength(manifest))} k8s/web.yaml\n`
        : Buffer.from(manifest).toString('base64');
    this.observer = new Observer(this);
    const choose = (count: number) => this.random.between(0, Math.max(0, count - 1));
    const behaviourOf = (image: string) => (image === 'v2' ? behaviour : 'ready');
    this.#deployments = new SimulatedDeployments(this.cluster, behaviourOf, choose);
    const forget = this.cluster.onRemove;
    this.cluster.onRemove = (object) => {
      forget(object);
      if (object.kind === 'Pod' && object.metadata.namespace === 'ci') this.agents.lose('deleted');
      this.#moves.resolve(undefined);
    };
    this.cluster.onStore = (object, before) => {
      this.observer.onStore(object, before);
      this.#moves.resolve(undefined);
    };
    void this.#control();
  }

  /** Makes the cluster that all worlds begin with: v1 was released. */
  static async prepare(): Promise<void> {
    if (released !== undefined) return;
    released = new FakeCluster();
    const before = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
    released.put(before);
    const world = new World(1);
    const { cluster, time } = world;
    cluster.unserved.add('autoscaling/v2/HorizontalPodAutoscaler');
    const clock = time.clock();
    const report = { progress: async () => undefined, notice: async () => undefined };
    const ports = { cluster, clock, report, leases: leasesOn(cluster, clock) };
    const { signal } = new AbortController();
    await releaseObjects(requestOf(webObjects('v1'), '00RUN'), ports, { signal });
    await time.sleep(60_000);
    released = cluster.copy();
    world.close();
    await import('../../../src/stages/deploy/run-deploy.ts');
  }

  latencyMs(): number {
    return this.random.between(1, 20);
  }

  /** @returns what to call with the status of the answer */
  onArrival(request: WireRequest, sender: string): (status: number) => void {
    return this.observer.onArrival(request, sender);
  }

  /** The run's record as it is stored. */
  record(): RunRecord | undefined {
    const name = runObjectName(this.runId);
    const object = this.cluster.peek({ apiVersion: 'v1', kind: 'ConfigMap', name, namespace: 'ci' });
    const data = object?.['data'] as { record: string } | undefined;
    return data === undefined ? undefined : (JSON.parse(data.record) as RunRecord);
  }

  /** The release's record as it is stored. */
  get release(): ReleaseRecord | undefined {
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: recordName('web'), namespace: 'shop' };
    const data = this.cluster.peek(reference)?.['data'] as { record: string } | undefined;
    return data === undefined ? undefined : (JSON.parse(data.record) as ReleaseRecord);
  }

  /** The image that the Deployment says. */
  image(): string | undefined {
    const [deployment] = this.cluster.all<Workload>('Deployment');
    return deployment?.spec.template?.spec.containers[0]?.image;
  }

  close(): void {
    this.time.end();
    this.#uninstall();
    Math.random = this.#random;
  }

  /** The controllers of the cluster, which rest while there is nothing to do. */
  async #control(): Promise<void> {
    for (;;) {
      await this.time.sleep(controllerMs);
      if (this.#deployments.step()) continue;
      this.#moves = Promise.withResolvers();
      await this.#moves.promise;
    }
  }
}
