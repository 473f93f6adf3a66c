import type { Pod, Workload } from '../../src/kubernetes/workload-objects.ts';
import {
  nextRollingStep,
  proportionalSizes,
  rolloutLimits,
  type RolloutLimits,
} from '../../src/sandbox/controllers/rollout-arithmetic.ts';
import { defined } from '../../src/base/defined.ts';
import { sameJson } from '../../src/base/same-json.ts';
import type { FakeCluster } from './cluster.ts';
import { simulatedKubelet, type PodBehaviour } from './pod-behaviour.ts';
import {
  controllerAnnotations,
  copiedAnnotations,
  isScaled,
  isWaitedFor,
  latest,
  replicasOf,
  revisionOf,
  sameTemplate,
} from './replica-sets.ts';
import { simulatedGateway } from './gateway.ts';
import { simulatedEndpoints } from './service-endpoints.ts';

export type { PodBehaviour } from './pod-behaviour.ts';

const { revision, desiredReplicas, maxReplicas } = controllerAnnotations;
const hash = 'pod-template-hash';

/**
 * The Deployment controller and the kubelet in one, for one namespace: each `step` does one small thing, in the order
 * that `choose` picks, so that a test meets every interleaving. Respects maxSurge, maxUnavailable and paused, and scales in proportion.
 */
export class SimulatedDeployments {
  readonly #cluster: FakeCluster;
  readonly #behaviour: (image: string) => PodBehaviour;
  /** A number from 0 up to, not including, `count`. */
  readonly #choose: (count: number) => number;
  #names: number;
  /** The version of the cluster at which nothing was left to do. */
  #idleAt = -1;

  constructor(
    cluster: FakeCluster,
    behaviour: (image: string) => PodBehaviour,
    choose: (count: number) => number = () => 0,
  ) {
    this.#cluster = cluster;
    this.#behaviour = behaviour;
    this.#choose = choose;
    this.#names = cluster.latestVersion; // none that a controller before has given
  }

  /** Does one of the things that may happen now; false when nothing may. */
  step(): boolean {
    const { latestVersion } = this.#cluster;
    if (this.#idleAt === latestVersion) return false;
    const moves = this.#cluster.all<Workload>('Deployment').flatMap((deployment) => this.#moves(deployment));
    const pods = this.#cluster.all<Pod>('Pod').filter(isOfReplicaSet); // a run's agent is none of ours
    moves.push(...pods.flatMap((pod) => simulatedKubelet(pod, this.#cluster, this.#behaviour)));
    moves.push(...simulatedEndpoints(this.#cluster), ...simulatedGateway(this.#cluster));
    if (moves.length === 0) this.#idleAt = latestVersion;
    moves[this.#choose(moves.length)]?.();
    return moves.length > 0;
  }

  /** Pods that take requests. */
  available(): number {
    return this.#cluster.all<Pod>('Pod').filter(isReady).length;
  }

  #moves(deployment: Workload): (() => void)[] {
    const sets = this.#owned('ReplicaSet', deployment);
    const current = sets.find((set) => sameTemplate(set.spec.template, deployment.spec.template));
    const moves = isScaled(deployment, sets)
      ? [() => this.#scaleAll(deployment, sets)]
      : deployment.spec.paused === true
        ? this.#minReadyMoves(deployment, current)
        : this.#rolloutMoves(deployment, current, sets);
    for (const set of sets) moves.push(...this.#setMoves(set));
    if (current !== undefined) moves.push(...this.#annotationMoves(current, deployment));
    const status = this.#status(deployment, current, sets);
    if (JSON.stringify(status) !== JSON.stringify(deployment.status))
      moves.push(() => this.#cluster.put({ ...this.#live(deployment), status }));
    return moves;
  }

  #rolloutMoves(
    deployment: Workload,
    current: Workload | undefined,
    sets: readonly Workload[],
  ): (() => void)[] {
    if (current === undefined) return [() => this.#addSet(deployment, sets)];
    const { replicas: desired = 1, strategy } = deployment.spec;
    const { maxSurge = '25%', maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {};
    const moves = this.#minReadyMoves(deployment, current);
    if (latest(sets) !== current) moves.push(() => this.#setRevision(deployment, current, sets));
    const older = sets.filter((set) => set !== current);
    const limits = rolloutLimits(desired, maxSurge, maxUnavailable);
    const wanted = nextRollingStep(
      limits,
      this.#sizeOf(current),
      older.map((set) => this.#sizeOf(set)),
    );
    for (const set of sets) {
      const size = wanted.get(set.metadata.name) ?? replicasOf(set);
      // One pod at a time, so that everything may happen between two of them.
      if (size !== replicasOf(set))
        moves.push(() => this.#scale(set, replicasOf(set) + Math.sign(size - replicasOf(set)), limits));
    }
    return moves;
  }

  /** The ReplicaSet of the template has its time, also while it is paused (getNewReplicaSet of the controller's sync.go). */
  #minReadyMoves({ spec }: Workload, current: Workload | undefined): (() => void)[] {
    const { minReadySeconds = 0 } = spec;
    if (current === undefined || (current.spec.minReadySeconds ?? 0) === minReadySeconds) return [];
    return [() => this.#setMinReady(current, minReadySeconds)];
  }

  #sizeOf(set: Workload) {
    const { name, annotations } = set.metadata;
    const most = annotations?.[maxReplicas];
    return {
      ...{ name, replicas: replicasOf(set), available: this.#availableAfter(set), age: revisionOf(set) },
      ...defined({ maxReplicas: most === undefined ? undefined : Number(most) }),
    };
  }

  /** Available pods of a set once it has the size that it was told; the ReplicaSet's own minReadySeconds counts. */
  #availableAfter(set: Workload): number {
    if (isWaitedFor(set)) return 0;
    const pods = this.#owned('Pod', set);
    const ready = pods.filter(isReady).length;
    const going = Math.max(0, pods.length - replicasOf(set));
    return ready - Math.max(0, going - (pods.length - ready));
  }

  #annotationMoves(set: Workload, deployment: Workload): (() => void)[] {
    const annotations = copiedAnnotations(set, deployment);
    if (sameJson(annotations, set.metadata.annotations ?? {})) return [];
    return [() => this.#cluster.put({ ...set, metadata: { ...set.metadata, annotations } })];
  }

  #setMinReady(set: Workload, minReadySeconds: number): void {
    const live = this.#live(set);
    this.#cluster.put({ ...live, spec: { ...live.spec, minReadySeconds } });
  }

  #setMoves(set: Workload): (() => void)[] {
    const pods = this.#owned('Pod', set);
    const wanted = set.spec.replicas ?? 0;
    if (pods.length < wanted) return [() => this.#addPod(set)];
    if (pods.length > wanted) {
      const victim = pods.find((pod) => !isReady(pod)) ?? pods[0]!;
      return [() => this.#cluster.drop(podReference(victim))];
    }
    const readyReplicas = pods.filter(isReady).length;
    const availableReplicas = isWaitedFor(set) ? 0 : readyReplicas;
    const status = { replicas: pods.length, readyReplicas, availableReplicas };
    if (JSON.stringify(status) === JSON.stringify(set.status)) return [];
    return [() => this.#cluster.put({ ...this.#live(set), status })];
  }

  #addSet(deployment: Workload, sets: readonly Workload[]): void {
    const { template } = deployment.spec;
    const id = `h${String(++this.#names)}`;
    const labels = { ...template?.metadata?.labels, [hash]: id };
    const set = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { ...this.#child(deployment, `${deployment.metadata.name}-${id}`), labels },
      spec: {
        replicas: 0,
        minReadySeconds: deployment.spec.minReadySeconds ?? 0,
        template: { ...template, metadata: { ...template?.metadata, labels } },
      },
    } as unknown as Workload;
    this.#setRevision(deployment, this.#cluster.put(set), sets);
  }

  #setRevision(deployment: Workload, set: Workload, sets: readonly Workload[]): void {
    const next = String(1 + Math.max(0, ...sets.map(revisionOf)));
    for (const object of [set, this.#live(deployment)]) {
      const annotations = { ...object.metadata.annotations, [revision]: next };
      this.#cluster.put({ ...object, metadata: { ...object.metadata, annotations } });
    }
  }

  #addPod(set: Workload): void {
    const { template } = set.spec;
    const name = `${set.metadata.name}-${String(++this.#names)}`;
    const labels = template?.metadata?.labels ?? {};
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...this.#child(set, name), labels },
      spec: template?.spec,
    };
    this.#cluster.put(pod as never);
  }

  /** A Deployment that somebody has scaled in the middle of a rollout, paused or not: each set gets its share. */
  #scaleAll(deployment: Workload, sets: readonly Workload[]): void {
    const { replicas: desired = 1, strategy } = deployment.spec;
    const { maxSurge = '25%', maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {};
    const active = sets.filter((set) => replicasOf(set) > 0);
    const limits = rolloutLimits(desired, maxSurge, maxUnavailable);
    const [only, ...more] = active;
    if (only !== undefined && more.length === 0) {
      this.#scale(only, desired, limits);
      return;
    }
    const sizes = proportionalSizes(
      limits,
      active.map((set) => this.#sizeOf(set)),
      deployment.status?.replicas ?? 0,
    );
    for (const set of active) this.#scale(set, sizes.get(set.metadata.name) ?? replicasOf(set), limits);
  }

  /** With what the next scaling counts its share from. */
  #scale(set: Workload, replicas: number, limits: RolloutLimits): void {
    const annotations = {
      ...set.metadata.annotations,
      [desiredReplicas]: String(limits.replicas),
      [maxReplicas]: String(limits.replicas + limits.surge),
    };
    this.#cluster.put({
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, replicas },
    });
  }

  #status(
    deployment: Workload,
    current: Workload | undefined,
    sets: readonly Workload[],
  ): Workload['status'] {
    const podsOf = (set: Workload) => this.#owned('Pod', set);
    const all = sets.flatMap(podsOf);
    const { generation = 0 } = deployment.metadata;
    const { paused } = deployment.spec;
    // A paused Deployment is observed, too, though nothing is made of its template.
    const isTaken =
      !isScaled(deployment, sets) && (paused === true || (current !== undefined && latest(sets) === current));
    return {
      observedGeneration: isTaken
        ? generation
        : Math.min(generation - 1, deployment.status?.observedGeneration ?? 0),
      replicas: all.length,
      updatedReplicas: current === undefined ? 0 : podsOf(current).length,
      readyReplicas: all.filter(isReady).length,
      availableReplicas: sets
        .filter((set) => !isWaitedFor(set))
        .flatMap(podsOf)
        .filter(isReady).length,
    };
  }

  #owned(kind: string, owner: Workload): Workload[] {
    return this.#cluster
      .all<Workload>(kind)
      .filter((object) => object.metadata.ownerReferences?.[0]?.uid === owner.metadata.uid);
  }

  #live(object: Workload): Workload {
    const { kind, apiVersion, metadata } = object;
    const { name, namespace = '' } = metadata;
    return this.#cluster.peek<Workload>({ apiVersion, kind, name, namespace }) ?? object;
  }

  #child(owner: Workload, name: string) {
    const { apiVersion, kind, metadata } = owner;
    const ownerReferences = [
      { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true },
    ];
    return { name, namespace: metadata.namespace ?? '', ownerReferences };
  }
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

function isOfReplicaSet({ metadata }: Pod): boolean {
  return metadata.ownerReferences?.[0]?.kind === 'ReplicaSet';
}

function podReference({ metadata: { name, namespace = '' } }: Pod) {
  return { apiVersion: 'v1', kind: 'Pod', name, namespace };
}
