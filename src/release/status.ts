import { defined } from '../base/defined.ts';
import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import type { ObjectReference } from '../ports/kubernetes-object.ts';
import type { Leases } from '../ports/leases.ts';
import { UnreachableError } from '../ports/cluster-errors.ts';
import { AnsweredTime } from './answered-time.ts';
import { observeHolding } from './observe/holding.ts';
import { ReleaseObserver } from './observe/observer.ts';
import { withTraffic } from './observe/traffic-shares.ts';
import { releaseLease } from './release-lease.ts';
import {
  revisionOf,
  type CurrentRelease,
  type ReleaseRecord,
  type RevisionRecord,
} from './record/release-record.ts';
import { ReleaseStore } from './record/release-store.ts';
import { isLeft } from './record/revision-entry.ts';
import { strategyOf } from './strategy-of.ts';
import type { DeploymentHolding } from '../strategies/holding.ts';
import { strategies } from '../strategies/registry.ts';
import type { ObservedWorkload, Waiting } from '../strategies/strategy.ts';
import { isWorkloadReference } from '../kubernetes/workload-objects.ts';

/** An application in a namespace. */
export interface ApplicationReference {
  name: string;
  namespace: string;
}

/** Where an application's releases stand now. */
export interface ReleaseStatus {
  application: string;
  namespace: string;
  /** The revision that serves. */
  stable?: RevisionRecord;
  /** The newest revision, where none is in progress and another one serves, or none: how its release ended. */
  last?: RevisionRecord;
  /** The release in progress, or left by a runner that died. */
  current?: CurrentRelease & { phase: string; entry: RevisionRecord };
  /** What the release in progress waits for; `since` in milliseconds since 1970, by the clock of its runner. */
  waiting?: Waiting & { since?: number };
  /** A person has paused the release in progress: who, and when, in milliseconds since 1970. */
  paused?: {
    by: string;
    since: number;
    /** false: its pods still move, until the next point of rest. */ rests: boolean;
  };
  /** The owner of the release by its Lease; whether that runner lives is not known from one look. */
  holder?: string;
  /** The workloads of the current revision; else of the last one that was left as it failed; else of the stable one. */
  workloads: readonly ObservedWorkload[];
}

/** What is needed to look at releases. */
export interface StatusRequest {
  cluster: Cluster;
  leases: Pick<Leases, 'find'>;
  clock: Clock;
  application: ApplicationReference;
}

/** Where the application stands; undefined when it was never released. @throws ReleaseRecordError, ClusterError */
export async function releaseStatus(
  { cluster, leases, clock, application }: StatusRequest,
  options: CallOptions,
): Promise<ReleaseStatus | undefined> {
  const { name, namespace } = application;
  const store = new ReleaseStore(cluster, name, namespace);
  const stored = await store.load(options);
  if (stored === undefined) return undefined;
  const { record } = stored;
  const last = lastOf(record);
  const followed =
    record.current?.revision ?? (last !== undefined && isLeft(last) ? last.number : record.stable);
  const stable = record.stable === undefined ? undefined : revisionOf(record, record.stable);
  const lease = await leases.find(releaseLease(application), options);
  const holder = lease?.holder === '' ? undefined : lease?.holder;
  const { current } = record;
  const entry = followed === undefined ? undefined : revisionOf(record, followed);
  const ports = { store, cluster, clock, application: name };
  const { workloads, holding } =
    entry === undefined ? { workloads: [] } : await look(entry, followedOf(entry, record), ports, options);
  return {
    application: name,
    namespace,
    ...defined({ stable, last }),
    ...(current === undefined
      ? {}
      : { current: { ...current, phase: current.state.phase, entry: revisionOf(record, current.revision) } }),
    ...defined({ waiting: waitingOf(record), paused: pausedOf(record, holding), holder }),
    workloads,
  };
}

/** The workloads of a revision; while its migration runs, the Job. */
function followedOf(entry: RevisionRecord, { current }: ReleaseRecord): readonly ObjectReference[] {
  const { migration } = entry;
  const isMigrating = current !== undefined && strategyOf(entry, strategies).isUnchanged?.(current.state);
  if (isMigrating === true && migration !== undefined) return [migration.job];
  return entry.objects.filter(isWorkloadReference);
}

function lastOf({ current, stable, history }: ReleaseRecord): RevisionRecord | undefined {
  const newest = history.at(-1);
  return current === undefined && newest?.number !== stable ? newest : undefined;
}

/** From the record alone: an answer that a dead runner has not read is none. */
function waitingOf(record: ReleaseRecord): ReleaseStatus['waiting'] {
  const { current } = record;
  if (current === undefined) return undefined;
  const entry = revisionOf(record, current.revision);
  const { settings, rollbackOf, sameAs } = entry;
  // A rollback is an answer: it waits for none.
  if (rollbackOf !== undefined || sameAs !== undefined) return undefined;
  const strategy = strategyOf(entry, strategies);
  // What a newer version has written is shown as far as it is known.
  const state = strategy.state.safeParse(current.state);
  const chosen = strategy.settings.safeParse(settings?.strategy ?? {});
  if (!state.success || !chosen.success) return undefined;
  const waiting = strategy.waitsFor?.(state.data, chosen.data);
  return waiting === undefined ? undefined : { ...waiting, ...defined({ since: current.phaseSince }) };
}

function pausedOf(
  { current, history }: ReleaseRecord,
  holding: DeploymentHolding | undefined,
): ReleaseStatus['paused'] {
  const pause = holding?.deployment?.pause;
  if (current === undefined || holding === undefined || pause?.revision !== current.revision)
    return undefined;
  const strategy = strategies.get(revisionOf({ history }, current.revision).strategy);
  const state = strategy.state.safeParse(current.state);
  if (!state.success || strategy.answers?.(state.data).includes('pause') !== true) return undefined;
  const rests = strategy.rest?.(state.data, holding) !== undefined;
  return { by: pause.by, since: Date.parse(pause.since), rests };
}

/** The revisions that are kept, newest first; empty when the application was never released. */
export async function releaseHistory(
  { cluster, application }: Omit<StatusRequest, 'clock' | 'leases'>,
  options: CallOptions,
): Promise<RevisionRecord[]> {
  const stored = await new ReleaseStore(cluster, application.name, application.namespace).load(options);
  return [...(stored?.record.history ?? [])].reverse();
}

async function look(
  revision: RevisionRecord,
  references: readonly ObjectReference[],
  ports: { store: ReleaseStore; cluster: Cluster; clock: Clock; application: string },
  options: CallOptions,
): Promise<{ workloads: readonly ObservedWorkload[]; holding?: DeploymentHolding }> {
  const { cluster, clock } = ports;
  const observer = new ReleaseObserver({ cluster, clock, time: new AnsweredTime(clock) }, references);
  try {
    const observed = await observer.observe({}, options);
    if (observed.type === 'unknown')
      throw new UnreachableError(`the cluster does not answer: ${observed.reason}`);
    const holding = await lookAtHolding(revision, ports, options);
    return { workloads: withTraffic(observed.workloads, holding), ...defined({ holding }) };
  } finally {
    await observer.close();
  }
}

/** What is seen of what a release holds; undefined when it holds nothing, or is over and has moved no traffic. */
async function lookAtHolding(
  { number, outcome, strategy: name, settings }: RevisionRecord,
  { store, cluster, application }: { store: ReleaseStore; cluster: Cluster; application: string },
  options: CallOptions,
): Promise<DeploymentHolding | undefined> {
  const strategy = strategies.get(name);
  if (strategy.parts === undefined || outcome === 'released') return undefined;
  const objects = await store.loadRevision(number, options);
  const parts = strategy.parts(objects, strategy.settings.parse(settings?.strategy ?? {}));
  if (parts === undefined || (parts.service === undefined && outcome !== 'unfinished')) return undefined;
  return observeHolding({ cluster, application, parts }, options);
}
