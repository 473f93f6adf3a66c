import { defined } from '../base/defined.ts';
import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { TrackState } from '../ports/events.ts';
import type { KubernetesObject, ObjectReference } from '../ports/kubernetes-object.ts';
import type { Leases } from '../ports/leases.ts';
import type { Measurements } from '../ports/measurements.ts';
import type { PodAccess } from '../ports/pod-access.ts';
import { InternalError } from '../base/errors.ts';
import { isWorkloadReference, keyOf, referenceOf } from '../kubernetes/workload-objects.ts';
import { strategies, type StrategyRegistry } from '../strategies/registry.ts';
import type { DeploymentHolding, HeldParts } from '../strategies/holding.ts';
import type { Decision, Observed, ReleaseFacts, Strategy, StrategyState } from '../strategies/strategy.ts';
import { AnsweredTime } from './answered-time.ts';
import { observeHolding } from './observe/holding.ts';
import { withTraffic } from './observe/traffic-shares.ts';
import { ReleaseObserver } from './observe/observer.ts';
import { earlierManifests } from './record/earlier-manifests.ts';
import {
  revisionOf,
  type CurrentRelease,
  type ReleaseRecord,
  type ReleaseSettings,
} from './record/release-record.ts';
import { strategyOf } from './strategy-of.ts';
import type { ReleaseStore, StoredRecord } from './record/release-store.ts';

/** What a release reports while it is in progress. */
export interface ReleaseReport {
  progress(phase: string, message: string, tracks: readonly TrackState[]): Promise<void>;
  /** `endTells`: the result of the release has it, too. */
  notice(level: 'info' | 'warning', message: string, more?: { endTells?: true }): Promise<void>;
}

/** What a release works with. */
export interface ReleasePorts {
  cluster: Cluster;
  /** One release of an application at a time. */
  leases: Leases;
  clock: Clock;
  /** For the log tail of a container that failed; missing: it is not reported. */
  pods?: Pick<PodAccess, 'logs'>;
  /** For analyses; missing: none can be taken. */
  measurements?: Measurements;
  report: ReleaseReport;
  /** What `--cluster` named, for the commands that messages tell. */
  chosenCluster?: string;
  /** Default: those that pipelines can name. */
  strategies?: StrategyRegistry;
}

/** Milliseconds that reading a held Deployment takes at most while the API answers. */
const slowAnswerMs = 5000;

/** Where nothing is observed, or nothing was looked at. */
export const nothingSeen: Observed = { type: 'seen', workloads: [] };

/** A release that this runner owns: it holds the lease, and its copy of the record is the newest. */
export class ReleaseSession {
  readonly ports: ReleasePorts;
  readonly application: string;
  readonly namespace: string;
  readonly store: ReleaseStore;
  readonly strategies: StrategyRegistry;
  /** Names of Jobs of analyses that this runner has seen running. */
  readonly jobsThatRan = new Set<string>();
  /** The last log lines of the container that failed; not kept in the cluster. */
  logTail: string | undefined;
  /** Unique to this runner, as in the Lease. */
  readonly holder: string;
  readonly #time: AnsweredTime;
  #stored: StoredRecord;
  /** `#time` when the phase's time was written last. */
  #countedMs = 0;
  /** `#time` at the last look at a phase that stands still. */
  #stoppedAtMs: number | undefined;
  #observer: { key: string; observer: ReleaseObserver } | undefined;
  #held: { revision: number; objects: readonly KubernetesObject[]; parts: HeldParts | undefined } | undefined;
  #reported = '';
  #message = '';

  constructor(
    ports: ReleasePorts,
    release: {
      application: string;
      namespace: string;
      holder: string;
      store: ReleaseStore;
      stored: StoredRecord;
    },
  ) {
    this.ports = ports;
    this.strategies = ports.strategies ?? strategies;
    this.#time = new AnsweredTime(ports.clock);
    this.holder = release.holder;
    this.application = release.application;
    this.namespace = release.namespace;
    this.store = release.store;
    this.#stored = release.stored;
  }

  get record(): ReleaseRecord {
    return this.#stored.record;
  }

  /** The application as the commands take it that a person may give next: `web -n shop --cluster sandbox`. */
  get place(): string {
    const { chosenCluster } = this.ports;
    const cluster = chosenCluster === undefined ? '' : ` --cluster ${chosenCluster}`;
    return `${this.application} -n ${this.namespace}${cluster}`;
  }

  /** Uid of the record's ConfigMap, the owner of the revisions. */
  get owner(): string {
    return this.#stored.uid;
  }

  get current(): CurrentRelease {
    const { current } = this.record;
    if (current === undefined) throw new InternalError(`no release of ${this.application} is in progress`);
    return current;
  }

  /** How the revision in progress is released. */
  get settings(): ReleaseSettings {
    const { settings } = revisionOf(this.record, this.current.revision);
    if (settings === undefined) throw new InternalError(`a release of ${this.application} has no settings`);
    return settings;
  }

  get strategy(): Strategy {
    return strategyOf(revisionOf(this.record, this.current.revision), this.strategies);
  }

  /** What the strategy keeps. @throws what its schema throws when the record is not its own */
  get state(): StrategyState {
    return this.strategy.state.parse(this.current.state);
  }

  /** What the strategy knows of the release. */
  get facts(): ReleaseFacts {
    const { revision, stable, reason, generations } = this.current;
    const { rollback, timeoutMs } = this.settings;
    const entry = revisionOf(this.record, revision);
    const rollbackOf = entry.rollbackOf ?? entry.sameAs;
    return {
      ...{ revision, generations, rollback, timeoutMs },
      ...defined({ stable, reason, rollbackOf }),
    };
  }

  /** What the strategy wants next. */
  decide(observed: Observed): Decision {
    const { strategy, facts: release, state, phaseMs } = this;
    const settings = strategy.settings.parse(this.settings.strategy);
    const analyses = { settings: this.settings.analyses ?? {}, samples: this.current.samples ?? {} };
    return strategy.decide({ release, settings, state, observed, phaseMs, analyses });
  }

  /** Writes the record, guarded by its version. @throws LeaseLostError */
  async save(record: ReleaseRecord, options: CallOptions): Promise<void> {
    this.#stored = await this.store.save(this.#stored, record, options);
  }

  /**
   * Reads the record again, since an abort may have cut off the answer to a write of this runner. What another runner
   * has begun is not taken over: the next write finds it, and throws LeaseLostError.
   */
  async reload(options: CallOptions): Promise<void> {
    const now = await this.store.load(options);
    this.skipTime();
    const current = now?.record.current;
    if (now?.uid !== this.owner || (current !== undefined && current.owner !== this.holder)) return;
    this.#stored = now;
  }

  /** Milliseconds that the phase has taken, while the API answered. */
  get phaseMs(): number {
    return this.current.phaseSpentMs + this.#time.ms - this.#countedMs;
  }

  /** From now on the phase takes no time, until {@link countPhase}; to be called at each look meanwhile. */
  stopPhase(): void {
    if (this.#stoppedAtMs !== undefined) this.#countedMs += this.#time.ms - this.#stoppedAtMs;
    this.#stoppedAtMs = this.#time.ms;
  }

  /** The phase takes time again. */
  countPhase(): void {
    this.#stoppedAtMs = undefined;
  }

  /** Milliseconds since the API answered last; 0 while it does. */
  get unansweredMs(): number {
    return this.#time.unansweredMs;
  }

  /** What was done since the last look may have waited for the API: that time does not count for the phase. */
  skipTime(): void {
    this.#time.skip();
  }

  /** Writes a change of the release in progress, with the time that its phase has taken. */
  async saveCurrent(change: Partial<CurrentRelease>, options: CallOptions): Promise<void> {
    await this.replaceCurrent({ ...this.current, phaseSpentMs: this.phaseMs, ...change }, options);
  }

  /** Writes the release in progress, with what else of the record has changed. */
  async replaceCurrent(
    current: CurrentRelease,
    options: CallOptions,
    more: Partial<ReleaseRecord> = {},
  ): Promise<void> {
    const { current: before } = this.record;
    const isSamePhase = before?.revision === current.revision && before.state.phase === current.state.phase;
    const phaseSince = isSamePhase ? before.phaseSince : this.ports.clock.now();
    await this.save(
      { ...this.record, ...more, current: { ...current, ...defined({ phaseSince }) } },
      options,
    );
    this.#time.skip();
    this.#countedMs = this.#time.ms;
    if (this.#stoppedAtMs !== undefined) this.#stoppedAtMs = this.#time.ms;
  }

  /** What the strategy wants to see in its present state. */
  async observe(options: CallOptions): Promise<Observed> {
    const { workloadsOf: revision, job, holding } = this.strategy.observes(this.state, this.facts);
    const observed = await this.#observeWorkloads(job ?? revision, options);
    if (holding === undefined || observed.type === 'unknown') return observed;
    const held = await this.#observeHolding(holding === 'compared', options);
    return { ...observed, workloads: withTraffic(observed.workloads, held), ...defined({ holding: held }) };
  }

  async #observeWorkloads(
    followed: number | ObjectReference | undefined,
    options: CallOptions,
  ): Promise<Observed> {
    if (followed === undefined) {
      this.#time.answered();
      return nothingSeen;
    }
    const observer = await this.#observerOf(followed);
    return observer.observe(this.current.generations, options, this.current.jobs);
  }

  async #observeHolding(compares: boolean, options: CallOptions): Promise<DeploymentHolding | undefined> {
    const { ports, application, settings, store, record } = this;
    const { cluster, clock } = ports;
    const begunMs = clock.monotonicMs();
    const { objects, parts } = await this.#heldParts(options);
    if (parts === undefined) return undefined;
    const earlier = earlierManifests(objects, { store, record }, options);
    const compared = compares ? { clock, force: settings.force, earlier } : undefined;
    const request = { cluster, application, parts, ...defined({ compares: compared }) };
    const holding = await observeHolding(request, options);
    // An API that was waited for says nothing of how long the phase has taken.
    if (clock.monotonicMs() - begunMs > slowAnswerMs) this.#time.skip();
    return holding;
  }

  /** The Deployment that the revision in progress replaces pods of; undefined where its strategy holds none. */
  async heldDeployment(options: CallOptions): Promise<ObjectReference | undefined> {
    const { parts } = await this.#heldParts(options);
    return parts === undefined ? undefined : referenceOf(parts.deployment);
  }

  /** What the strategy holds of the revision in progress; its objects are read once. */
  async #heldParts(options: CallOptions) {
    const { revision } = this.current;
    if (this.#held?.revision === revision) return this.#held;
    const objects = await this.store.loadRevision(revision, options);
    const parsed = this.strategy.settings.parse(this.settings.strategy);
    const parts = this.strategy.parts?.(objects, parsed);
    this.#held = { revision, objects, parts };
    return this.#held;
  }

  /** Begins to follow the Jobs of a revision before they are applied: a short one may be gone right after. */
  async expectJobs(revision: number, options: CallOptions): Promise<void> {
    const observer = await this.#observerOf(revision);
    await observer.expectJobs(options);
  }

  async #observerOf(followed: number | ObjectReference): Promise<ReleaseObserver> {
    const key = typeof followed === 'number' ? String(followed) : keyOf(followed);
    if (this.#observer?.key === key) return this.#observer.observer;
    await this.#observer?.observer.close();
    const references =
      typeof followed === 'number'
        ? revisionOf(this.record, followed).objects.filter(isWorkloadReference)
        : [followed];
    const observer = new ReleaseObserver({ ...this.ports, time: this.#time }, references);
    this.#observer = { key, observer };
    return observer;
  }

  /** Waits for a change of what is observed, at most `ms`; several changes in a burst count as one. */
  async changed(ms: number, options: CallOptions): Promise<void> {
    if (this.#observer === undefined) return this.ports.clock.sleep(ms, options);
    await this.#observer.observer.changed(ms, options);
    await this.ports.clock.sleep(Math.min(ms, 200), options);
  }

  /** Reports where the release stands, unless it is what was reported last. */
  async report(message: string, observed: Observed): Promise<void> {
    const { phase } = this.current.state;
    const workloads = observed.type === 'seen' ? observed.workloads : [];
    const tracks = workloads.flatMap((workload) => workload.tracks);
    const text = JSON.stringify([phase, message, tracks]);
    if (text === this.#reported) return;
    this.#reported = text;
    this.#message = message;
    await this.ports.report.progress(phase, message, tracks);
  }

  /** Whether the last report said this. */
  hasJustReported(text: string): boolean {
    return this.#message.includes(text);
  }

  /** Ends the watches. */
  async close(): Promise<void> {
    await this.#observer?.observer.close();
    this.#observer = undefined;
  }
}
