import { messageOf } from '../../base/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster, Selection } from '../../ports/cluster.ts';
import { UnreachableError } from '../../ports/cluster-errors.ts';
import type { ObjectKind, ObjectReference } from '../../ports/kubernetes-object.ts';
import { containerKey } from '../../kubernetes/serving-health.ts';
import { endOf } from '../../kubernetes/job-state.ts';
import type { AnsweredTime } from '../answered-time.ts';
import type { ReleasedJobs } from '../record/release-record.ts';
import { keyOf, selectorText, type Workload } from '../../kubernetes/workload-objects.ts';
import type { Observed, ObservedWorkload } from '../../strategies/strategy.ts';
import type { WorkloadSnapshot } from '../../kubernetes/workload-state.ts';
import { readWorkload } from '../../kubernetes/read-workload.ts';
import { WorkloadWatches } from './workload-watches.ts';

/** A Job as the last apply left it. */
interface AppliedJob {
  reference: ObjectReference;
  generation: number;
  job: ReleasedJobs[string];
}

const replicaSets: ObjectKind = { apiVersion: 'apps/v1', kind: 'ReplicaSet' };
const podKind: ObjectKind = { apiVersion: 'v1', kind: 'Pod' };

/** Milliseconds of silence after which the API is asked whether it still answers. */
const silentMs = 10_000;
/** Milliseconds that an answer may take before nothing is known. */
const answerMs = 10_000;

/** What an observer works with. */
export interface ObserverPorts {
  cluster: Cluster;
  clock: Clock;
  time: AnsweredTime;
}

/**
 * Follows the workloads of a revision through watches, so that looking costs no request but one in ten seconds of
 * silence. Remembers how long it has seen each problem, by the runner's own clock and while the API answers: the clocks
 * of the cluster's machines are never compared with it.
 */
export class ReleaseObserver {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #time: AnsweredTime;
  readonly #references: readonly ObjectReference[];
  readonly #watches: WorkloadWatches;
  readonly #firstSeen = new Map<string, number>();
  /** How often containers had been restarted when this runner first saw them ready. */
  readonly #seenReady = new Map<string, number>();
  /** Uids of the Jobs that were there before the apply, by key. */
  readonly #jobsBefore = new Map<string, string | undefined>();

  constructor({ cluster, clock, time }: ObserverPorts, references: readonly ObjectReference[]) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#time = time;
    this.#references = references;
    this.#watches = new WorkloadWatches(cluster, clock);
  }

  /**
   * The state as Kubernetes reported it last; `unknown` while the API does not answer.
   * @param generations of the workloads after the last apply, by key
   * @param jobs that were applied
   * @throws ClusterError when a watch cannot continue (forbidden)
   */
  async observe(
    generations: Readonly<Record<string, number>>,
    options: CallOptions,
    jobs: ReleasedJobs = {},
  ): Promise<Observed> {
    this.#watches.look();
    const silence = await this.#silence(options);
    if (silence !== undefined) return this.#unknown(silence);
    const snapshots: { reference: ObjectReference; snapshot: WorkloadSnapshot }[] = [];
    for (const reference of this.#references) {
      const generation = generations[keyOf(reference)] ?? 0;
      const job = jobs[keyOf(reference)];
      const snapshot =
        job === undefined
          ? await this.#snapshot(reference, generation, options)
          : await this.#snapshotOfJob({ reference, generation, job }, options);
      if (snapshot === undefined) return this.#unknown(`no list of what belongs to ${reference.name} yet`);
      snapshots.push({ reference, snapshot });
    }
    this.#time.answered();
    const seen = new Set<string>();
    const workloads = snapshots.map(({ reference, snapshot }): ObservedWorkload => {
      const { symptoms, ...state } = readWorkload(reference, snapshot);
      const problems = symptoms.map((symptom) => ({
        ...symptom,
        lastedMs: this.#lastedMs(symptom.key, seen),
      }));
      if (!state.complete) return { ...state, problems };
      return { ...state, problems, completeForMs: this.#lastedMs(`${keyOf(reference)}/complete`, seen) };
    });
    for (const key of this.#firstSeen.keys()) if (!seen.has(key)) this.#firstSeen.delete(key);
    return { type: 'seen', workloads };
  }

  /** Begins to follow the Jobs, before they are applied. */
  async expectJobs(options: CallOptions): Promise<void> {
    for (const reference of this.#references.filter(({ kind }) => kind === 'Job')) {
      const found = await this.#objects(reference, selectionOf(reference), options);
      this.#jobsBefore.set(keyOf(reference), found?.[0]?.metadata.uid);
    }
  }

  #unknown(reason: string): Observed {
    this.#time.unanswered();
    return { type: 'unknown', reason };
  }

  #lastedMs(key: string, seen: Set<string>): number {
    seen.add(key);
    const sinceMs = this.#firstSeen.get(key) ?? this.#time.ms;
    this.#firstSeen.set(key, sinceMs);
    return this.#time.ms - sinceMs;
  }

  /** Why the API is taken not to answer; undefined while it does. Asks when no watch has said anything for a while. */
  async #silence(options: CallOptions): Promise<string | undefined> {
    const [reference] = this.#references;
    if (reference === undefined || this.#watches.silentMs < silentMs) return undefined;
    const limit = new AbortController();
    const bounded = { ...options, signal: AbortSignal.any([options.signal, limit.signal]) };
    const late = this.#clock.sleep(answerMs, bounded).then(() => 'no answer for too long');
    const answer = this.#cluster.get(reference, bounded).then(
      () => undefined,
      (error: unknown) => (error instanceof UnreachableError ? messageOf(error) : undefined),
    );
    try {
      const silence = await Promise.race([answer, late]);
      if (silence === undefined) this.#watches.answered();
      return silence;
    } finally {
      limit.abort();
    }
  }

  /** Resolves when something may have changed since the last `observe`, or the time has come. */
  async changed(ms: number, options: CallOptions): Promise<void> {
    await this.#watches.changed(ms, options);
  }

  /** Ends all watches. */
  async close(): Promise<void> {
    await this.#watches.close();
  }

  /**
   * A Job as it was seen last, also when it is gone; one that the apply has replaced says nothing any more.
   * undefined while a list has not come.
   */
  async #snapshotOfJob(
    { reference, generation, job }: AppliedJob,
    options: CallOptions,
  ): Promise<WorkloadSnapshot | undefined> {
    const snapshot = await this.#snapshot(reference, generation, options);
    const { last } = this.#watches.of(reference, selectionOf(reference));
    const before = this.#jobsBefore.get(keyOf(reference));
    if (snapshot === undefined) return undefined;
    const uid = snapshot.workload?.metadata.uid;
    if (uid !== undefined && uid !== job.uid && uid === before) return { ...snapshot, generation: Infinity };
    const isLast = last?.metadata.uid === job.uid && endOf(last) !== undefined;
    return { ...snapshot, wasComplete: job.complete, ...(isLast ? { workload: last } : {}) };
  }

  /** undefined while a list has not come. */
  async #snapshot(
    reference: ObjectReference,
    generation: number,
    options: CallOptions,
  ): Promise<WorkloadSnapshot | undefined> {
    const namespace = reference.namespace ?? '';
    const found = await this.#objects(reference, selectionOf(reference), options);
    if (found === undefined) return undefined;
    const [workload] = found;
    if (workload?.spec.selector === undefined) return { workload, generation, replicaSets: [], pods: [] };
    const selection = { namespace, labelSelector: selectorText(workload.spec.selector) };
    const isDeployment = workload.kind === 'Deployment';
    const sets = isDeployment ? await this.#objects(replicaSets, selection, options) : [];
    const pods = await this.#objects(podKind, selection, options);
    if (sets === undefined || pods === undefined) return undefined;
    const ownSets = sets.filter((set) => isOwned(set, [workload]));
    const owners = [workload, ...ownSets];
    const own = pods.filter((pod) => isOwned(pod, owners));
    this.#rememberReady(own);
    return { workload, generation, replicaSets: ownSets, pods: own, seenReady: this.#seenReady };
  }

  #rememberReady(pods: readonly Workload[]): void {
    for (const pod of pods)
      for (const { name, ready, restartCount = 0 } of pod.status?.containerStatuses ?? []) {
        const key = containerKey(pod, name);
        if (ready === true && !this.#seenReady.has(key)) this.#seenReady.set(key, restartCount);
      }
  }

  /** What a watch holds; undefined: it has not listed anything in time. */
  async #objects(
    kind: ObjectKind,
    selection: Selection,
    options: CallOptions,
  ): Promise<Workload[] | undefined> {
    return this.#watches.listed(this.#watches.of(kind, selection), options);
  }
}

function selectionOf({ name, namespace = '' }: ObjectReference): Selection {
  return { namespace, fieldSelector: `metadata.name=${name}` };
}

function isOwned(object: Workload, owners: readonly Workload[]): boolean {
  return (object.metadata.ownerReferences ?? []).some(({ uid }) =>
    owners.some((owner) => owner.metadata.uid === uid),
  );
}
