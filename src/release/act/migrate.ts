import { defined } from '../../base/defined.ts';
import { endOf } from '../../kubernetes/job-state.ts';
import { keyOf, nameOf, referenceOf, type Workload } from '../../kubernetes/workload-objects.ts';
import type { CallOptions } from '../../ports/cluster.ts';
import { ConflictError, RejectedError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { migrationLabel, type ReleasedJobs } from '../record/release-record.ts';
import { ownedBy, type OwnerReference } from '../record/release-store.ts';
import type { ReleaseSession } from '../session.ts';
import { applyOne } from './apply-objects.ts';
import { untilGone } from './being-deleted.ts';

/**
 * Starts the Job of the release in progress, after what earlier ones have left is gone, with what it needs. A Job that was
 * started already, by a runner that died, is that of the release: it is not started again.
 * @throws ClusterError; BeingDeletedError when pods of an earlier one do not end
 */
export async function startMigration(session: ReleaseSession, options: CallOptions): Promise<ReleasedJobs> {
  const { ports, store, settings, current } = session;
  const { cluster, clock } = ports;
  const kept = await store.loadMigration(current.revision, options);
  if (kept === undefined)
    throw new RejectedError(`the objects of the migration of revision ${String(current.revision)} are gone`);
  const job = kept.objects.find(({ kind }) => kind === 'Job');
  await removeEarlier(session, job, options);
  const jobs: Record<string, { uid: string; complete: boolean }> = {};
  for (const object of kept.objects) {
    if (object.kind === 'ServiceAccount') {
      await applyOne(object, { cluster, clock, force: settings.force }, options);
      continue;
    }
    const made = await createOnce(owned(object, kept.owner), session, options);
    if (object === job) jobs[keyOf(referenceOf(job))] = { uid: made.metadata.uid ?? '', complete: false };
  }
  return jobs;
}

/**
 * Stops the Job of the release in progress, unless it has ended, and removes the copies of configuration that it had. One
 * that has ended stays, with its pods and their logs, until the next one.
 */
export async function endMigration(session: ReleaseSession, options: CallOptions): Promise<void> {
  const { ports, store, current } = session;
  const { cluster } = ports;
  const kept = await store.loadMigration(current.revision, options);
  if (kept === undefined) return;
  const job = kept.objects.find(({ kind }) => kind === 'Job');
  const live = job && (await cluster.get<Workload>(referenceOf(job), options));
  const hasEnded = live !== undefined && endOf(live) !== undefined;
  if (live !== undefined && !hasEnded) await removed(live, session, options);
  for (const object of kept.objects.filter(isConfiguration))
    await cluster.delete(referenceOf(object), options);
  // What is made by a request that comes late has lost its owner, and goes.
  if (!hasEnded) await store.renewMigration(current.revision, { ...options, owner: session.owner });
}

/** The Jobs of earlier revisions, and the pods that are left of them: two migrations never run at once. */
async function removeEarlier(
  session: ReleaseSession,
  job: KubernetesObject | undefined,
  options: CallOptions,
): Promise<void> {
  const { ports, application } = session;
  const { cluster, clock } = ports;
  if (job === undefined) return;
  const { namespace = '', name } = job.metadata;
  const selection = { namespace, labelSelector: `${ownedBy(application)},${migrationLabel}` };
  const kind = { apiVersion: job.apiVersion, kind: 'Job' };
  for (const found of await cluster.list(kind, selection, options)) {
    if (found.metadata.name !== name) await removed({ ...found, ...kind }, session, options);
  }
  const podKind = { apiVersion: 'v1', kind: 'Pod' };
  for (const pod of await cluster.list(podKind, selection, options)) {
    if (pod.metadata.ownerReferences?.some((owner) => owner.name === name) !== true)
      await untilGone({ ...pod, ...podKind }, { cluster, clock }, options);
  }
}

/** Deletes a Job; its pods end by themselves. */
async function removed(
  live: KubernetesObject,
  { ports: { cluster } }: ReleaseSession,
  options: CallOptions,
): Promise<void> {
  const { uid } = live.metadata;
  await cluster.delete(referenceOf(live), { ...options, propagation: 'Background', ...defined({ uid }) });
}

async function createOnce(
  object: KubernetesObject,
  { ports: { cluster } }: ReleaseSession,
  options: CallOptions,
): Promise<KubernetesObject> {
  try {
    return await cluster.create(object, options);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const live = await cluster.get(referenceOf(object), options);
    const isOurs = live?.metadata.labels?.[migrationLabel] === object.metadata.labels?.[migrationLabel];
    if (live !== undefined && isOurs) return live;
    throw new RejectedError(`${nameOf(referenceOf(object))} is there already, and none of this release's`, {
      cause: error,
    });
  }
}

function isConfiguration({ kind }: KubernetesObject): boolean {
  return kind === 'ConfigMap' || kind === 'Secret';
}

function owned(object: KubernetesObject, owner: OwnerReference): KubernetesObject {
  return { ...object, metadata: { ...object.metadata, ownerReferences: [owner] } };
}
