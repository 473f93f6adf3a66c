import { messageOf, SlipwayError } from '../../base/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { UnauthorizedError, UnreachableError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { applyOne } from '../../strategies/apply-objects.ts';
import { autoscaledWorkloads } from '../../strategies/autoscalers.ts';
import { decideReplicas, rehearsedReplicas, type ReplicasPolicy } from '../../strategies/replicas.ts';
import { isWorkload, nameOf, referenceOf, type Workload } from '../../strategies/workload-objects.ts';
import type { PreparedRelease } from './prepare.ts';

/** The API refuses objects; nothing has been changed. */
export class PreflightError extends SlipwayError {
  readonly code = 'release-refused';
  readonly fault = 'failure';
}

/** An object as it is and as it would be. */
export interface Rehearsed {
  object: KubernetesObject;
  live: KubernetesObject | undefined;
  /** undefined where the API cannot tell yet: its kind or its namespace comes with the release. */
  after: KubernetesObject | undefined;
  error?: unknown;
}

/** What a rehearsal is made with. */
export interface RehearsalRequest {
  cluster: Cluster;
  clock: Clock;
  force: boolean;
  /** `spec.replicas` that was applied last, by workload key: of the release's record. */
  replicas: ReplicasPolicy['replicas'];
}

/** Requests at once. */
const parallel = 4;

/** Applies every object without storing anything (server-side dry run). */
export async function rehearse(
  { objects, kinds }: Pick<PreparedRelease, 'objects' | 'kinds'>,
  { cluster, clock, force, replicas }: RehearsalRequest,
  options: CallOptions,
): Promise<Rehearsed[]> {
  const missing = new Set<string>();
  for (const namespace of new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []))) {
    const reference = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
    const found = await cluster.get(reference, options).catch(() => 'hidden' as const);
    if (found === undefined) missing.add(namespace);
  }
  const bringsAccounts = objects.some((object) => object.kind === 'ServiceAccount');
  const policy = { replicas, autoscaled: await autoscaledWorkloads(objects, cluster, options) };
  const results: Rehearsed[] = [];
  const one = async (object: KubernetesObject): Promise<Rehearsed> => {
    const absent = missing.has(object.metadata.namespace ?? '');
    if (absent || !kinds.isServed(object)) return { object, live: undefined, after: undefined };
    const live = await cluster.get(referenceOf(object), options);
    // Admission looks for what these refer to, which the release itself brings.
    const refers = /^(Cluster)?RoleBinding$/.test(object.kind) || (object.kind === 'Pod' && bringsAccounts);
    if (refers && live === undefined) return { object, live, after: undefined };
    try {
      const dryRun = { ...options, dryRun: true };
      if (!isWorkload(object)) {
        return { object, live, after: await applyOne(object, { cluster, clock, force }, dryRun) };
      }
      const decision = decideReplicas(object, live as Workload | undefined, policy);
      const rehearsed = rehearsedReplicas(object, live as Workload | undefined, decision);
      const after = await applyOne(rehearsed, { cluster, clock, force }, dryRun);
      return { object, live, after: decision.type === 'take' ? atCount(after, decision.replicas) : after };
    } catch (error) {
      options.signal.throwIfAborted();
      const isAnswer = error instanceof SlipwayError && !(error instanceof UnreachableError);
      if (!isAnswer || error instanceof UnauthorizedError) throw error;
      return { object, live, after: undefined, error };
    }
  };
  for (let start = 0; start < objects.length; start += parallel) {
    results.push(...(await Promise.all(objects.slice(start, start + parallel).map(one))));
  }
  return results;
}

function atCount(object: KubernetesObject, replicas: number): KubernetesObject {
  return { ...object, spec: { ...(object['spec'] as object), replicas } };
}

/** @throws PreflightError that tells everything the API refuses */
export function assertAccepted(rehearsed: readonly Rehearsed[]): void {
  const refused = rehearsed.filter((result) => result.error !== undefined);
  if (refused.length === 0) return;
  const lines = refused.map(({ object, error }) => {
    const message = messageOf(error);
    const name = nameOf(referenceOf(object));
    return message.startsWith(name) ? message : `${name}: ${message}`;
  });
  const hint = refused
    .map(({ error }) => (error instanceof SlipwayError ? error.hint : undefined))
    .find(Boolean);
  throw new PreflightError(`nothing was changed, the cluster refuses ${lines.join('; ')}`, {
    cause: refused[0]?.error,
    ...(hint === undefined ? {} : { hint }),
  });
}
