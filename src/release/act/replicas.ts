import { defined } from '../../base/defined.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { lastAppliedOf } from '../../kubernetes/last-applied.ts';
import { fieldsOf, managersOf, pathOf, valueAt } from '../../kubernetes/field-set.ts';
import { nameOf, referenceOf, keyOf, type Workload } from '../../kubernetes/workload-objects.ts';

/** The field manager of everything a release applies. */
export const fieldManager = 'slipway';

/** Keeps `spec.replicas` at what another client set, once Slipway itself no longer sets it. */
const replicasManager = 'slipway-replicas';

/** `spec.replicas` among an object's fields. */
export const replicasPath = pathOf('f:spec', 'f:replicas');

/** What decides who sets `spec.replicas`. */
export interface ReplicasPolicy {
  /** `spec.replicas` that was applied last, by workload key. */
  replicas: Readonly<Record<string, number>>;
  /** Keys of workloads that an autoscaler sets the replicas of. */
  autoscaled: ReadonlySet<string>;
  /** The live count stays, whatever the manifest has. */
  keepsReplicas?: boolean;
}

/** Who sets `spec.replicas` of a workload. */
export type ReplicasDecision =
  | { type: 'manifest' }
  /** The live count stays, and the manifest's is left out. */
  | { type: 'keep'; replicas: number; setBy: 'its autoscaler' | 'another client' | undefined }
  /** The manifest has a new count, which wins over the owner of the old one. */
  | { type: 'take'; replicas: number };

/**
 * Decides who sets `spec.replicas`: an autoscaler where there is one; else the client that has scaled since the last
 * release, or since the last `kubectl apply` before the first one, until the manifest has another count than it had
 * then; else the manifest.
 */
export function decideReplicas(
  object: Workload,
  live: Workload | undefined,
  { replicas, autoscaled, keepsReplicas = false }: ReplicasPolicy,
): ReplicasDecision {
  const key = keyOf(referenceOf(object));
  const wanted = object.spec.replicas;
  if (live?.spec.replicas === undefined) return { type: 'manifest' };
  const present = live.spec.replicas;
  if (wanted === undefined) {
    return ownsReplicas(live) ? { type: 'keep', replicas: present, setBy: undefined } : { type: 'manifest' };
  }
  if (autoscaled.has(key)) return { type: 'keep', replicas: present, setBy: 'its autoscaler' };
  if (wanted === present) return { type: 'manifest' };
  if (keepsReplicas) return { type: 'keep', replicas: present, setBy: undefined };
  const last = replicas[key] ?? valueAt(lastAppliedOf(live), replicasPath);
  return last === wanted
    ? { type: 'keep', replicas: present, setBy: 'another client' }
    : { type: 'take', replicas: wanted };
}

/** What keeping a count needs. */
interface KeptReplicas {
  cluster: Cluster;
  notice: (message: string) => Promise<void>;
  /** Of the workload whose count is kept: one that has been scaled since is not scaled back. */
  resourceVersion?: string;
}

/**
 * Prepares a workload for being applied. A count that stays is left out, after a second manager has taken it over at
 * its present value, since leaving out a field that one owns alone resets it to its default
 * (https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership).
 * @param notice reports when the manifest's count is not used
 * @throws ConflictError when the workload has been changed since it was seen
 */
export async function withReplicas(
  object: Workload,
  decision: ReplicasDecision,
  { cluster, notice, resourceVersion }: KeptReplicas,
  options: CallOptions,
): Promise<Workload> {
  if (decision.type === 'manifest') return object;
  await handOver(object, decision.replicas, { cluster, ...defined({ resourceVersion }) }, options);
  if (decision.type === 'take') return object;
  const { replicas: wanted, ...spec } = object.spec;
  if (decision.setBy !== undefined && wanted !== decision.replicas) {
    await notice(
      `${nameOf(referenceOf(object))} stays at ${String(decision.replicas)} replicas, set by ${decision.setBy}; the manifest has ${String(wanted)}`,
    );
  }
  return { ...object, spec };
}

/**
 * The workload for a dry run: at the live count where that would be kept or taken over, since a dry run takes nothing
 * over and would conflict with, or reset, what others hold.
 */
export function dryRunReplicas(
  object: Workload,
  live: Workload | undefined,
  decision: ReplicasDecision,
): Workload {
  const present = live?.spec.replicas;
  if (decision.type === 'manifest' || present === undefined) return object;
  return { ...object, spec: { ...object.spec, replicas: present } };
}

async function handOver(
  object: Workload,
  replicas: number,
  { cluster, resourceVersion }: Omit<KeptReplicas, 'notice'>,
  options: CallOptions,
): Promise<void> {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace } = metadata;
  const only: Workload = {
    apiVersion,
    kind,
    metadata: { name, ...defined({ namespace, resourceVersion }) },
    spec: { replicas },
  };
  await cluster.apply(only, { ...options, fieldManager: replicasManager, force: true });
}

/** Whether Slipway's apply owns spec.replicas of the live object. */
function ownsReplicas(live: Workload): boolean {
  return managersOf(live).some(
    (entry) => entry.manager === fieldManager && fieldsOf(entry).has(replicasPath),
  );
}
