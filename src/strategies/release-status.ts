import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import { ReleaseObserver } from './observer.ts';
import { leaseHolder } from './release-lease.ts';
import { revisionOf, type ReleaseRecord, type RevisionRecord } from './release-record.ts';
import { ReleaseStore } from './release-store.ts';
import type { WorkloadState } from './strategy.ts';
import { isWorkloadReference } from './workload-objects.ts';

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
  /** The release that goes on, or was left by a runner that died. */
  current?: NonNullable<ReleaseRecord['current']> & { entry: RevisionRecord };
  /** Who drives it, by the lease; whether that runner lives is not known from one look. */
  holder?: string;
  /** The workloads of the current revision, or of the stable one. */
  workloads: readonly WorkloadState[];
}

/** What is needed to look at releases. */
export interface StatusRequest {
  cluster: Cluster;
  clock: Clock;
  application: ApplicationReference;
}

/** Where the application stands; undefined when it was never released. @throws ReleaseRecordError, ClusterError */
export async function releaseStatus(
  { cluster, clock, application }: StatusRequest,
  options: CallOptions,
): Promise<ReleaseStatus | undefined> {
  const { name, namespace } = application;
  const stored = await new ReleaseStore(cluster, name, namespace).load(options);
  if (stored === undefined) return undefined;
  const { record } = stored;
  const followed = record.current?.revision ?? record.stable;
  const stable = record.stable === undefined ? undefined : revisionOf(record, record.stable);
  const holder = await leaseHolder(cluster, application, options);
  const { current } = record;
  return {
    application: name,
    namespace,
    ...(stable === undefined ? {} : { stable }),
    ...(current === undefined
      ? {}
      : { current: { ...current, entry: revisionOf(record, current.revision) } }),
    ...(holder === undefined ? {} : { holder }),
    workloads:
      followed === undefined ? [] : await look(revisionOf(record, followed), cluster, clock, options),
  };
}

/** The revisions that are kept, newest first; empty when the application was never released. */
export async function releaseHistory(
  { cluster, application }: Omit<StatusRequest, 'clock'>,
  options: CallOptions,
): Promise<RevisionRecord[]> {
  const stored = await new ReleaseStore(cluster, application.name, application.namespace).load(options);
  return [...(stored?.record.history ?? [])].reverse();
}

async function look(
  revision: RevisionRecord,
  cluster: Cluster,
  clock: Clock,
  options: CallOptions,
): Promise<readonly WorkloadState[]> {
  const observer = new ReleaseObserver(cluster, clock, revision.objects.filter(isWorkloadReference));
  try {
    return (await observer.observe({ generations: {}, restartLimit: 1 }, options)).workloads;
  } finally {
    await observer.close();
  }
}
