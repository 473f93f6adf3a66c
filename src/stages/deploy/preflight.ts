import { defined } from '../../base/defined.ts';
import { messageOf, SlipwayError } from '../../base/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { RejectedError, UnauthorizedError, UnreachableError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject } from '../../ports/kubernetes-object.ts';
import { BeingDeletedError, isBeingDeleted, untilGone } from '../../release/act/being-deleted.ts';
import { rehearseApply } from '../../release/act/rehearse-apply.ts';
import type { EarlierManifests } from '../../release/act/take-ownership.ts';
import { autoscaledWorkloads } from '../../release/act/autoscalers.ts';
import { decideReplicas, dryRunReplicas, type ReplicasPolicy } from '../../release/act/replicas.ts';
import { isWorkload, nameOf, referenceOf, type Workload } from '../../kubernetes/workload-objects.ts';
import type { PreparedRelease } from './prepare.ts';

/** The API refuses objects; nothing has been changed. */
export class PreflightError extends SlipwayError {
  readonly code = 'release-refused';
  readonly fault = 'failure';
}

/** An object as it is and as it would be. */
export interface DryRunResult {
  object: KubernetesObject;
  live: KubernetesObject | undefined;
  /** undefined where the API cannot tell yet: its kind, its namespace or what it refers to comes with the release. */
  after: KubernetesObject | undefined;
  error?: unknown;
  /** What the API warns of, each text once. */
  warnings: readonly string[];
}

type Answer = Omit<DryRunResult, 'warnings'>;

/** What a dry run needs. */
export interface DryRunRequest {
  cluster: Cluster;
  clock: Clock;
  force: boolean;
  /** `spec.replicas` that was applied last, by workload key: of the release's record. */
  replicas: ReplicasPolicy['replicas'];
  /** A namespace that is there: objects whose own comes with the release are rehearsed in it. */
  elsewhere: string;
  /** What manifests had before. */
  earlier?: EarlierManifests;
  /** Wait for what is being deleted, and say so; missing: it is refused. */
  onBeingDeleted?: (live: KubernetesObject) => Promise<void>;
}

/** Requests at once. */
const parallel = 4;

/** Applies every object without storing anything (server-side dry run). */
export async function dryRunObjects(
  { objects, kinds }: Pick<PreparedRelease, 'objects' | 'kinds'>,
  request: DryRunRequest,
  options: CallOptions,
): Promise<DryRunResult[]> {
  const { cluster, replicas, elsewhere } = request;
  const missing = new Set<string>();
  for (const namespace of new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []))) {
    const reference = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
    const found = await cluster.get(reference, options).catch(() => 'hidden' as const);
    if (found === undefined) missing.add(namespace);
  }
  const bringsAccounts = objects.some((object) => object.kind === 'ServiceAccount');
  const policy = { replicas, autoscaled: await autoscaledWorkloads(objects, cluster, options) };
  const results: DryRunResult[] = [];
  const one = async (object: KubernetesObject, options: CallOptions): Promise<Answer> => {
    const unknown = { object, live: undefined, after: undefined };
    if (!kinds.isServed(object)) return unknown;
    if (missing.has(object.metadata.namespace ?? '')) {
      if (missing.has(elsewhere)) return unknown;
      return { ...unknown, ...(await dryRunElsewhere(object, elsewhere, cluster, options)) };
    }
    const live = await liveAfterDeletion(object, request, options);
    // Admission looks for what these refer to, which the release itself brings.
    const refers = /^(Cluster)?RoleBinding$/.test(object.kind) || (object.kind === 'Pod' && bringsAccounts);
    if (refers && live === undefined) return { object, live, after: undefined };
    try {
      if (!isWorkload(object)) {
        return { object, live, after: await rehearseApply(object, live, request, options) };
      }
      const decision = decideReplicas(object, live as Workload | undefined, policy);
      const adjusted = dryRunReplicas(object, live as Workload | undefined, decision);
      const after = await rehearseApply(adjusted, live, request, options);
      return { object, live, after: decision.type === 'take' ? atCount(after, decision.replicas) : after };
    } catch (error) {
      options.signal.throwIfAborted();
      const isAnswer = error instanceof SlipwayError && !(error instanceof UnreachableError);
      if (!isAnswer || error instanceof UnauthorizedError) throw error;
      return { object, live, after: undefined, error };
    }
  };
  const withWarnings = async (object: KubernetesObject): Promise<DryRunResult> => {
    const warnings = new Set<string>();
    const answer = await one(object, { ...options, onWarning: (text) => void warnings.add(text) });
    return { ...answer, warnings: [...warnings] };
  };
  for (let start = 0; start < objects.length; start += parallel) {
    results.push(...(await Promise.all(objects.slice(start, start + parallel).map(withWarnings))));
  }
  return results;
}

/**
 * What the API says of an object in another namespace than its own, which is not there yet: whether it fits its schema
 * and is valid is the same everywhere. Whatever else it says (rights, quotas, admission, what Pod Security warns of) is
 * that other namespace's.
 */
async function dryRunElsewhere(
  object: KubernetesObject,
  namespace: string,
  cluster: Cluster,
  options: CallOptions,
): Promise<Partial<Pick<DryRunResult, 'after' | 'error'>>> {
  const copy = { ...object, metadata: { ...object.metadata, namespace } };
  try {
    if ((await cluster.get(referenceOf(copy), options)) !== undefined) return {};
    const onWarning = (text: string) =>
      text.includes('PodSecurity') ? undefined : options.onWarning?.(text);
    await cluster.apply(copy, { ...options, onWarning, dryRun: true, force: true });
    return { after: object };
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof UnreachableError || error instanceof UnauthorizedError) throw error;
    return error instanceof RejectedError && error.status !== 403 ? { error } : {};
  }
}

/** The live object; one that is being deleted is given time to be gone, where that is wanted. */
async function liveAfterDeletion(
  object: KubernetesObject,
  { cluster, clock, onBeingDeleted }: DryRunRequest,
  options: CallOptions,
): Promise<KubernetesObject | undefined> {
  const live = await cluster.get(referenceOf(object), options);
  if (live === undefined || !isBeingDeleted(live) || onBeingDeleted === undefined) return live;
  await onBeingDeleted(live);
  // What is there still is refused with the rest.
  await untilGone(live, { cluster, clock }, options).catch((error: unknown) => {
    if (!(error instanceof BeingDeletedError)) throw error;
  });
  return cluster.get(referenceOf(object), options);
}

function atCount(object: KubernetesObject, replicas: number): KubernetesObject {
  return { ...object, spec: { ...(object['spec'] as object), replicas } };
}

/** @throws PreflightError that lists everything the API rejects */
export function assertAccepted(
  results: readonly DryRunResult[],
  { placeOf }: Pick<PreparedRelease, 'placeOf'>,
): void {
  const refused = results.filter((result) => result.error !== undefined);
  if (refused.length === 0) return;
  const lines = refused.map(({ object, error }) => {
    const place = placeOf(object, messageOf(error));
    return `${place === undefined ? '' : `${place}: `}${refusalOf(object, error)}`;
  });
  const hint = refused
    .map(({ error }) => (error instanceof SlipwayError ? error.hint : undefined))
    .find(Boolean);
  throw new PreflightError(`nothing was changed: the cluster rejected ${lines.join('; ')}`, {
    cause: refused[0]?.error,
    ...defined({ hint }),
  });
}

/** What the API says of an object, with its name. */
function refusalOf(object: KubernetesObject, error: unknown): string {
  const message = messageOf(error);
  const name = nameOf(referenceOf(object));
  return message.startsWith(name) ? message : `${name}: ${message}`;
}
