import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { TrackState } from '../ports/events.ts';
import type { PodAccess } from '../ports/pod-access.ts';
import { InternalError } from '../base/errors.ts';
import { ReleaseObserver } from './observer.ts';
import type { CurrentRelease, ReleaseRecord } from './release-record.ts';
import { revisionOf } from './release-record.ts';
import type { ReleaseStore, StoredRecord } from './release-store.ts';
import { strategyOf } from './registry.ts';
import type { Observed } from './strategy.ts';
import { isWorkloadReference } from './workload-objects.ts';

/** What a release tells while it goes on. */
export interface ReleaseReport {
  progress(phase: string, message: string, tracks: readonly TrackState[]): Promise<void>;
  notice(level: 'info' | 'warning', message: string): Promise<void>;
}

/** What a release works with. */
export interface ReleasePorts {
  cluster: Cluster;
  clock: Clock;
  /** For the last log lines of a container that failed; missing: they are not told. */
  pods?: Pick<PodAccess, 'logs'>;
  report: ReleaseReport;
}

/** A release that this runner drives: it holds the lease, and its copy of the record is the newest. */
export class ReleaseSession {
  readonly ports: ReleasePorts;
  readonly application: string;
  readonly namespace: string;
  readonly store: ReleaseStore;
  /** What the failed container said last; not kept in the cluster. */
  lastWords: string | undefined;
  #stored: StoredRecord;
  #observer: { revision: number; observer: ReleaseObserver } | undefined;
  #told = '';

  constructor(
    ports: ReleasePorts,
    release: { application: string; namespace: string; store: ReleaseStore; stored: StoredRecord },
  ) {
    this.ports = ports;
    this.application = release.application;
    this.namespace = release.namespace;
    this.store = release.store;
    this.#stored = release.stored;
  }

  get record(): ReleaseRecord {
    return this.#stored.record;
  }

  /** Uid of the record's ConfigMap, the owner of the revisions. */
  get owner(): string {
    return this.#stored.uid;
  }

  get current(): CurrentRelease {
    const { current } = this.record;
    if (current === undefined) throw new InternalError(`no release of ${this.application} goes on`);
    return current;
  }

  /** Writes the record, guarded by its version. @throws LeaseLostError */
  async save(record: ReleaseRecord, options: CallOptions): Promise<void> {
    this.#stored = await this.store.save(this.#stored, record, options);
  }

  /** Writes a change of the release that goes on. */
  async saveCurrent(change: Partial<CurrentRelease>, options: CallOptions): Promise<void> {
    await this.save({ ...this.record, current: { ...this.current, ...change } }, options);
  }

  /** The workloads of the revision that matters in this phase. */
  async observe(options: CallOptions): Promise<Observed> {
    const revision = strategyOf(this.current.strategy.name).followed(this.current);
    if (revision === undefined) return { workloads: [] };
    if (this.#observer?.revision !== revision) {
      await this.#observer?.observer.close();
      const references = revisionOf(this.record, revision).objects.filter(isWorkloadReference);
      const observer = new ReleaseObserver(this.ports.cluster, this.ports.clock, references);
      this.#observer = { revision, observer };
    }
    const { generations, strategy } = this.current;
    return this.#observer.observer.observe({ generations, restartLimit: strategy.restartLimit }, options);
  }

  /** Waits for a change of what is observed, at most `ms`; several changes in a burst count as one. */
  async changed(ms: number, options: CallOptions): Promise<void> {
    if (this.#observer === undefined) return this.ports.clock.sleep(ms, options);
    await this.#observer.observer.changed(ms, options);
    await this.ports.clock.sleep(Math.min(ms, 200), options);
  }

  /** Tells where the release stands, unless it is what was told last. */
  async tell(message: string, observed: Observed): Promise<void> {
    const tracks = observed.workloads.flatMap((workload) => workload.tracks);
    const text = JSON.stringify([this.current.phase, message, tracks]);
    if (text === this.#told) return;
    this.#told = text;
    await this.ports.report.progress(this.current.phase, message, tracks);
  }

  /** Ends the watches. */
  async close(): Promise<void> {
    await this.#observer?.observer.close();
    this.#observer = undefined;
  }
}
