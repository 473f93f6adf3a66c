import { defined } from '../../base/defined.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { isOvertaken } from './as-seen.ts';
import { isBeingDeleted, untilGone } from './being-deleted.ts';
import { markChanged } from './mark-changed.ts';
import { ConflictError, RejectedError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import {
  conflictHint,
  FieldConflictError,
  returnOwnership,
  takeOwnership,
  type EarlierManifests,
} from './take-ownership.ts';
import { managersOf } from '../../kubernetes/field-set.ts';
import { decideReplicas, fieldManager, withReplicas, type ReplicasPolicy } from './replicas.ts';
import { endOf } from '../../kubernetes/job-state.ts';
import {
  isWorkload,
  keyOf,
  nameOf,
  referenceOf,
  type Condition,
  type Workload,
} from '../../kubernetes/workload-objects.ts';

/** How often a workload that its controllers change meanwhile is looked at again, before it is applied unseen. */
const guardedAttempts = 20;
const changedPauseMs = 100;

/** What applying needs to know beside the objects. */
export interface ApplyRequest extends ReplicasPolicy {
  cluster: Cluster;
  clock: Clock;
  /** Take fields also from others that apply. */
  force: boolean;
  /** Whether an earlier apply of a workload, by its key, may still be under way; see {@link markChanged}. */
  isUnanswered?: (key: string) => boolean;
  /** What manifests had before. */
  earlier?: EarlierManifests;
  /** Something a person should know. */
  notice: (message: string) => Promise<void>;
}

/** What applying did. */
export interface Applied {
  /** Of the workloads that were made or changed, by key. */
  generations: Record<string, number>;
  /** The Jobs, by key. */
  jobs: Record<string, { uid: string; complete: boolean }>;
  replicas: Record<string, number>;
}

/**
 * Applies the objects one after another, in the order given. Doing it again, after a death half-way, is harmless.
 * @throws FieldConflictError, ClusterError
 */
export async function applyObjects(
  objects: readonly KubernetesObject[],
  request: ApplyRequest,
  options: CallOptions,
): Promise<Applied> {
  const applied: Applied = { generations: {}, jobs: {}, replicas: {} };
  for (const object of objects) {
    if (isWorkload(object)) {
      const key = keyOf(referenceOf(object));
      const { uid = '', generation } = await applyWorkload(object, request, options);
      if (generation !== undefined) applied.generations[key] = generation;
      if (object.kind === 'Job') applied.jobs[key] = { uid, complete: false };
      if (object.spec.replicas !== undefined && request.keepsReplicas !== true)
        applied.replicas[key] = object.spec.replicas;
      continue;
    }
    const result = await applyOne(object, request, options);
    if (object.kind === 'CustomResourceDefinition') await established(result, request, options);
  }
  return applied;
}

/**
 * Applies a workload as it was seen: a request that the network holds back, and that arrives when its repetition was
 * answered and the release was rolled back, finds another version and changes nothing.
 * A Job or Pod that has failed, in an earlier release, is made again.
 * @returns its uid, and its generation when it was made or changed
 */
async function applyWorkload(
  object: Workload,
  request: ApplyRequest,
  options: CallOptions,
): Promise<{ uid?: string; generation?: number }> {
  const { cluster, clock } = request;
  await removeFailed(object, request, options);
  let before: Workload | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const live = await liveOf(object, request, options);
    if (attempt === 1) before = live;
    const isGuarded = attempt <= guardedAttempts;
    try {
      const guard = isGuarded ? live?.metadata.resourceVersion : undefined;
      const kept = { ...request, ...defined({ resourceVersion: guard }) };
      const ready = await withReplicas(object, decideReplicas(object, live, request), kept, options);
      const seen = isGuarded
        ? { object: asSeen(ready, live), live }
        : { object: asSeen(ready, undefined), live: undefined };
      const result = await applySeen(seen, request, options);
      const adopted = managersOf(object);
      if (adopted.length > 0) await returnOwnership(result, adopted, cluster, options);
      const { generation = 0, uid } = result.metadata;
      const isChanged = generation !== before?.metadata.generation || uid !== before.metadata.uid;
      return { ...defined({ uid }), ...(isChanged ? { generation } : {}) };
    } catch (error) {
      if (attempt > guardedAttempts || !isOvertaken(error)) throw error;
    }
    await clock.sleep(changedPauseMs, options);
  }
}

/** Applies a workload; what was sent of it earlier and not answered is refused from then on. */
async function applySeen(
  { object, live }: { object: Workload; live: Workload | undefined },
  request: ApplyRequest,
  options: CallOptions,
): Promise<KubernetesObject> {
  const result = await applyOne(object, { ...request, ...defined({ live }) }, options);
  const isSame = result.metadata.resourceVersion === live?.metadata.resourceVersion;
  if (!isSame || request.isUnanswered?.(keyOf(referenceOf(object))) !== true) return result;
  return markChanged(result, request.cluster, options);
}

/** What has ended badly says nothing of this release: it gives way, and is made again. */
async function removeFailed(object: Workload, request: ApplyRequest, options: CallOptions): Promise<void> {
  if (object.kind !== 'Job' && object.kind !== 'Pod') return;
  const { cluster, notice } = request;
  const live = await cluster.get<Workload>(referenceOf(object), options);
  if (live === undefined || endOf(live) !== 'failed') return;
  await notice(`${nameOf(referenceOf(object))} had failed before this release: it is made again`);
  await removed(live, request, options);
}

/** The live object; one that is being deleted is waited for: what is applied to it would go with it. */
async function liveOf<O extends KubernetesObject>(
  object: O,
  { cluster, clock }: Pick<ApplyRequest, 'cluster' | 'clock'>,
  options: CallOptions,
): Promise<O | undefined> {
  const live = await cluster.get<O>(referenceOf(object), options);
  if (live === undefined || !isBeingDeleted(live)) return live;
  await untilGone(live, { cluster, clock }, options);
  return cluster.get<O>(referenceOf(object), options);
}

/** As it is applied; what was adopted has its managers with it, which are nothing to apply. */
function asSeen(object: Workload, live: Workload | undefined): Workload {
  const { managedFields: _, ...metadata } = object.metadata;
  const resourceVersion = live?.metadata.resourceVersion;
  return { ...object, metadata: { ...metadata, ...defined({ resourceVersion }) } };
}

/** What applying one object needs. */
type ApplyOneRequest = Pick<ApplyRequest, 'cluster' | 'clock' | 'force' | 'earlier'> & {
  /** The object as it was seen, where the one that is applied has its version. */
  live?: KubernetesObject;
};

/** Applies one object; a conflict says whose field it is and what to do. A finished Job or Pod is recreated. */
export async function applyOne(
  object: KubernetesObject,
  request: ApplyOneRequest,
  options: CallOptions & { dryRun?: boolean },
): Promise<KubernetesObject> {
  const { cluster, force } = request;
  try {
    return await applyAgainWhenOvertaken(object, request, options);
  } catch (error) {
    if (isOvertaken(error)) throw error;
    if (error instanceof ConflictError) {
      const message = `${nameOf(referenceOf(object))}: ${error.message}`;
      throw new FieldConflictError(message, { cause: error, hint: conflictHint });
    }
    if (!isUnchangeable(object, error)) throw error;
    if (options.dryRun === true) return object;
    await replaceFinished(object, error, request, options);
    return await cluster.apply(object, { ...options, fieldManager, force });
  }
}

/** Whether the API refused to change a Job or a Pod, which is made anew then. */
export function isUnchangeable(object: KubernetesObject, error: unknown): error is RejectedError {
  return (
    (object.kind === 'Job' || object.kind === 'Pod') &&
    error instanceof RejectedError &&
    /immutable|may not change fields|forbidden: pod updates/i.test(error.message)
  );
}

/** Tries of an apply that other writers overtake, and milliseconds between them. */
const overtaken = { tries: 20, pauseMs: 250 } as const;

/**
 * Applies again when another writer changed the object in the same moment: that says nothing about the fields. An
 * object with the version that was seen is the caller's to look at again.
 */
async function applyAgainWhenOvertaken(
  object: KubernetesObject,
  request: ApplyOneRequest,
  options: CallOptions & { dryRun?: boolean },
): Promise<KubernetesObject> {
  const { cluster, clock, force } = request;
  const tries = object.metadata.resourceVersion === undefined ? overtaken.tries : 1;
  for (let tried = 1; ; tried += 1) {
    try {
      const owned = options.dryRun === true ? object : await withOwnership(object, request, options);
      return await cluster.apply(owned, { ...options, fieldManager, force });
    } catch (error) {
      if (!isOvertaken(error) || tried === tries) throw error;
      await clock.sleep(overtaken.pauseMs, options);
    }
  }
}

/** The object, when what it says is Slipway's own to write; with the version that writing so has made. */
async function withOwnership(
  object: KubernetesObject,
  request: ApplyOneRequest,
  options: CallOptions,
): Promise<KubernetesObject> {
  const isSeen = object.metadata.resourceVersion !== undefined;
  const live = isSeen ? request.live : await liveOf(object, request, options);
  if (live === undefined) return object;
  const { resourceVersion } = (await takeOwnership(object, live, request, options)).metadata;
  return isSeen ? { ...object, metadata: { ...object.metadata, ...defined({ resourceVersion }) } } : object;
}

/** The template of a Job or a Pod cannot be changed: a finished one gives way, a working one does not. */
async function replaceFinished(
  object: KubernetesObject,
  error: RejectedError,
  request: Pick<ApplyRequest, 'cluster' | 'clock'>,
  options: CallOptions,
): Promise<void> {
  const reference = referenceOf(object);
  const live = await request.cluster.get<Workload>(reference, options);
  if (live === undefined) return;
  const active = live.kind === 'Job' && (live.status?.active ?? 0) > 0;
  if (active) {
    throw new RejectedError(`${nameOf(reference)} is still running and its template cannot be changed`, {
      cause: error,
      hint: `wait for it, delete it, or give the new one another name`,
    });
  }
  await removed(live, request, options);
}

/** Deletes an object and waits until it is gone. */
async function removed(
  live: KubernetesObject,
  { cluster, clock }: Pick<ApplyRequest, 'cluster' | 'clock'>,
  options: CallOptions,
): Promise<void> {
  const reference = referenceOf(live);
  const { uid } = live.metadata;
  await cluster.delete(reference, { ...options, propagation: 'Foreground', ...defined({ uid }) });
  await untilGone(live, { cluster, clock }, options);
}

/** Waits until the API serves the kind that a definition brings. */
async function established(
  definition: KubernetesObject,
  { cluster, clock }: ApplyRequest,
  options: CallOptions,
): Promise<void> {
  const untilMs = clock.monotonicMs() + 30_000;
  while (clock.monotonicMs() < untilMs) {
    const live = await cluster.get<Workload>(referenceOf(definition), options);
    const conditions: Condition[] = live?.status?.conditions ?? [];
    if (conditions.some((c) => c.type === 'Established' && c.status === 'True')) return;
    const refused = conditions.find((c) => c.type === 'NamesAccepted' && c.status === 'False');
    if (refused !== undefined) {
      throw new RejectedError(
        `${nameOf(referenceOf(definition))}: ${refused.message ?? 'its names are taken'}`,
      );
    }
    await clock.sleep(250, options);
  }
  throw new RejectedError(`${nameOf(referenceOf(definition))} was not established within 30 s`);
}
