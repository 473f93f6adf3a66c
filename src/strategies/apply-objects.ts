import { SlipwayError } from '../base/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Cluster } from '../ports/cluster.ts';
import { ConflictError, RejectedError } from '../ports/cluster-errors.ts';
import type { KubernetesObject } from '../ports/kubernetes-object.ts';
import { decideReplicas, fieldManager, withReplicas, type ReplicasPolicy } from './replicas.ts';
import { isWorkload, keyOf, nameOf, referenceOf, type Condition, type Workload } from './workload-objects.ts';

/** What applying needs to know beside the objects. */
export interface ApplyRequest extends ReplicasPolicy {
  cluster: Cluster;
  clock: Clock;
  /** Take fields from other managers. */
  force: boolean;
  /** Something a person should know. */
  notice: (message: string) => Promise<void>;
}

/** What applying did. */
export interface Applied {
  /** Of the workloads that were made or changed, by key. */
  generations: Record<string, number>;
  replicas: Record<string, number>;
}

/** A field of the object is owned by another manager. */
export class FieldConflictError extends SlipwayError {
  readonly code = 'field-conflict';
  readonly fault = 'failure';
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
  const applied: Applied = { generations: {}, replicas: {} };
  for (const object of objects) {
    const key = keyOf(referenceOf(object));
    const live = isWorkload(object)
      ? await request.cluster.get<Workload>(referenceOf(object), options)
      : undefined;
    const ready = isWorkload(object)
      ? await withReplicas(object, decideReplicas(object, live, request), request, options)
      : object;
    const result = await applyOne(ready, request, options);
    if (isWorkload(object)) {
      const { generation = 0, uid } = result.metadata;
      const isChanged = generation !== live?.metadata.generation || uid !== live.metadata.uid;
      if (isChanged) applied.generations[key] = generation;
      if (object.spec.replicas !== undefined) applied.replicas[key] = object.spec.replicas;
    }
    if (object.kind === 'CustomResourceDefinition') await established(result, request, options);
  }
  return applied;
}

/** Applies one object; a conflict says whose field it is and what to do. A finished Job or Pod is made anew. */
export async function applyOne(
  object: KubernetesObject,
  request: Pick<ApplyRequest, 'cluster' | 'clock' | 'force'>,
  options: CallOptions & { dryRun?: boolean },
): Promise<KubernetesObject> {
  const { cluster, force } = request;
  try {
    return await cluster.apply(object, { ...options, fieldManager, force });
  } catch (error) {
    const reference = referenceOf(object);
    if (error instanceof ConflictError) {
      throw new FieldConflictError(`${nameOf(reference)}: ${error.message}`, {
        cause: error,
        hint: 'take the field out of the manifest, or take it over with "force: true" under deploy',
      });
    }
    const immutable =
      error instanceof RejectedError &&
      /immutable|may not change fields|forbidden: pod updates/i.test(error.message);
    if (!immutable || (object.kind !== 'Job' && object.kind !== 'Pod')) throw error;
    if (options.dryRun === true) return object;
    await replaceFinished(object, error, request, options);
    return await cluster.apply(object, { ...options, fieldManager, force });
  }
}

/** The template of a Job or a Pod cannot be changed: a finished one gives way, a working one does not. */
async function replaceFinished(
  object: KubernetesObject,
  error: RejectedError,
  { cluster, clock }: Pick<ApplyRequest, 'cluster' | 'clock'>,
  options: CallOptions,
): Promise<void> {
  const reference = referenceOf(object);
  const live = await cluster.get<Workload>(reference, options);
  if (live === undefined) return;
  const active = live.kind === 'Job' && (live.status?.active ?? 0) > 0;
  if (active) {
    throw new RejectedError(`${nameOf(reference)} is still running and its template cannot be changed`, {
      cause: error,
      hint: `wait for it, delete it, or give the new one another name`,
    });
  }
  await cluster.delete(reference, {
    ...options,
    propagation: 'Foreground',
    ...(live.metadata.uid === undefined ? {} : { uid: live.metadata.uid }),
  });
  while ((await cluster.get(reference, options)) !== undefined) await clock.sleep(500, options);
}

/** Waits until the API serves the kind that a definition brings. */
async function established(
  definition: KubernetesObject,
  { cluster, clock }: ApplyRequest,
  options: CallOptions,
): Promise<void> {
  const until = clock.now() + 30_000;
  while (clock.now() < until) {
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
