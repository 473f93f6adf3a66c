import type { Pod, PodTemplate, Workload } from '../../src/kubernetes/workload-objects.ts';
import type { FakeCluster } from './cluster.ts';

/** How the pods of an image behave. */
export type PodBehaviour = 'ready' | 'crash' | 'imagePull' | 'registryAway' | 'never';

const revision = 'deployment.kubernetes.io/revision';
const hash = 'pod-template-hash';

/**
 * The Deployment controller and the kubelet in one, for one namespace: each `step` does one small thing, in the order
 * that `choose` picks, so that a test meets every interleaving. Respects maxSurge, maxUnavailable and paused.
 */
export class SimulatedDeployments {
  readonly #cluster: FakeCluster;
  readonly #behaviour: (image: string) => PodBehaviour;
  /** A number from 0 up to, not including, `count`. */
  readonly #choose: (count: number) => number;
  #names: number;

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
    const moves = this.#cluster.all<Workload>('Deployment').flatMap((deployment) => this.#moves(deployment));
    const pods = this.#cluster.all<Pod>('Pod').filter(isOfReplicaSet); // a run's agent is none of ours
    moves.push(...pods.flatMap((pod) => this.#podMoves(pod)));
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
    const moves = deployment.spec.paused === true ? [] : this.#rolloutMoves(deployment, current, sets);
    for (const set of sets) moves.push(...this.#setMoves(set));
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
    const { surge, missing } = limitsOf(strategy, desired);
    const total = sets.reduce((sum, set) => sum + replicasOf(set), 0);
    const readyAfter = sets.reduce((sum, set) => sum + this.#readyAfter(set), 0);
    const spare = readyAfter - (desired - missing);
    const moves: (() => void)[] = [];
    if (latest(sets) !== current) moves.push(() => this.#setRevision(deployment, current, sets));
    if (replicasOf(current) < desired && total < desired + surge)
      moves.push(() => this.#scale(current, replicasOf(current) + 1));
    if (replicasOf(current) > desired) moves.push(() => this.#scale(current, replicasOf(current) - 1));
    for (const set of sets) {
      // An unready old pod goes first and costs nothing; a ready one only while enough others stay.
      const canGo = this.#readyAfter(set) < replicasOf(set) || spare > 0;
      if (set !== current && replicasOf(set) > 0 && canGo)
        moves.push(() => this.#scale(set, replicasOf(set) - 1));
    }
    return moves;
  }

  /** Ready pods of a set once it has the size that it was told. */
  #readyAfter(set: Workload): number {
    const pods = this.#owned('Pod', set);
    const ready = pods.filter(isReady).length;
    const going = Math.max(0, pods.length - replicasOf(set));
    return ready - Math.max(0, going - (pods.length - ready));
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
    const status = { replicas: pods.length, readyReplicas, availableReplicas: readyReplicas };
    if (JSON.stringify(status) === JSON.stringify(set.status)) return [];
    return [() => this.#cluster.put({ ...this.#live(set), status })];
  }

  #podMoves(pod: Pod): (() => void)[] {
    const image = (pod as unknown as PodTemplate).spec.containers[0]?.image ?? '';
    const behaviour = this.#behaviour(image);
    if (
      behaviour === 'never' ||
      pod.status?.phase === 'Running' ||
      (pod.status?.containerStatuses ?? []).length > 0
    )
      return [];
    const name = (pod as unknown as PodTemplate).spec.containers[0]?.name ?? 'web';
    const status = {
      ready: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      crash: {
        containerStatuses: [
          {
            name,
            restartCount: 2,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 3 } },
          },
        ],
      },
      registryAway: {
        containerStatuses: [
          { name, state: { waiting: { reason: 'ErrImagePull', message: 'connection refused' } } },
        ],
      },
      imagePull: {
        containerStatuses: [{ name, state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } }],
      },
    }[behaviour];
    return [() => this.#cluster.put({ ...pod, status })];
  }

  #addSet(deployment: Workload, sets: readonly Workload[]): void {
    const { template } = deployment.spec;
    const id = `h${String(++this.#names)}`;
    const labels = { ...template?.metadata?.labels, [hash]: id };
    const set = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { ...this.#child(deployment, `${deployment.metadata.name}-${id}`), labels },
      spec: { replicas: 0, template: { ...template, metadata: { labels } } },
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

  #scale(set: Workload, replicas: number): void {
    this.#cluster.put({ ...set, spec: { ...set.spec, replicas } });
  }

  #status(
    deployment: Workload,
    current: Workload | undefined,
    sets: readonly Workload[],
  ): Workload['status'] {
    const podsOf = (set: Workload) => this.#owned('Pod', set);
    const all = sets.flatMap(podsOf);
    const { generation = 0 } = deployment.metadata;
    const isTaken = current !== undefined && latest(sets) === current;
    return {
      observedGeneration: isTaken
        ? generation
        : Math.min(generation - 1, deployment.status?.observedGeneration ?? 0),
      replicas: all.length,
      updatedReplicas: current === undefined ? 0 : podsOf(current).length,
      readyReplicas: all.filter(isReady).length,
      availableReplicas: all.filter(isReady).length,
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

function replicasOf(set: Workload): number {
  return set.spec.replicas ?? 0;
}

function revisionOf(set: Workload): number {
  return Number(set.metadata.annotations?.[revision] ?? 0);
}

function latest(sets: readonly Workload[]): Workload | undefined {
  return [...sets].sort((a, b) => revisionOf(b) - revisionOf(a))[0];
}

function sameTemplate(a: PodTemplate | undefined, b: PodTemplate | undefined): boolean {
  return JSON.stringify(a?.spec) === JSON.stringify(b?.spec);
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

function isOfReplicaSet({ metadata }: Pod): boolean {
  return metadata.ownerReferences?.[0]?.kind === 'ReplicaSet';
}

/** Rounded as the controller does: surge up, missing down. */
function limitsOf(strategy: Workload['spec']['strategy'], desired: number) {
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {};
  return { surge: count(maxSurge, desired, Math.ceil), missing: count(maxUnavailable, desired, Math.floor) };
}

function count(value: number | string, total: number, round: (n: number) => number): number {
  return typeof value === 'number' ? value : round((Number.parseInt(value, 10) / 100) * total);
}

function podReference({ metadata: { name, namespace = '' } }: Pod) {
  return { apiVersion: 'v1', kind: 'Pod', name, namespace };
}
