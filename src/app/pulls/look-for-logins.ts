import { defined } from '../../base/defined.ts';
import { messageOf } from '../../base/errors.ts';
import { isFields } from '../../base/fields.ts';
import { parseImageReference, repositoryName } from '../../base/image-reference.ts';
import { decidePull, type PullAnswer } from '../../kubernetes/image-pull.ts';
import { readPullSecret, type PullSecret } from '../../kubernetes/pull-secret.ts';
import { containersOf, podTemplateOf, type Workload } from '../../kubernetes/workload-objects.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { ClusterError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import { namesIn, type FoundPull } from './found-pulls.ts';

/** Where logins are looked for. */
export interface LoginPlace {
  cluster: Cluster;
  /** A Secret that is not there is not told: the sandbox pulls without, and has none of those of a real cluster. */
  sandbox: boolean;
}

/** Looks in the cluster whether the pods of a pull will have a login; reads, and changes nothing. */
export async function lookForLogins(
  pull: FoundPull,
  place: LoginPlace,
  options: CallOptions,
): Promise<PullAnswer> {
  const account = pull.secrets.length > 0 ? [] : await secretsOfAccount(pull, place.cluster, options);
  const names = pull.secrets.length > 0 ? pull.secrets : 'hidden' in account ? [] : account;
  const secrets = new Map<string, PullSecret>();
  for (const name of names) secrets.set(name, await secretOf(name, pull, place, options));
  return decidePull(pull, {
    secrets,
    ...('hidden' in account ? { hiddenAccount: account.hidden } : {}),
    pullsAlready: await pullsAlready(pull, place.cluster, options),
  });
}

/** `imagePullSecrets` of the ServiceAccount, as the release brings it and as it is; or why it cannot be read. */
async function secretsOfAccount(
  pull: FoundPull,
  cluster: Cluster,
  options: CallOptions,
): Promise<string[] | { hidden: string }> {
  const reference = inPlace(pull, 'ServiceAccount', pull.account);
  const brought = pull.objects.find((object) => isOf(object, reference));
  const live = await read(reference, cluster, options);
  const known = namesIn(brought?.['imagePullSecrets']);
  if ('hidden' in live) return known.length > 0 ? known : live;
  return [...new Set([...known, ...namesIn(live.object?.['imagePullSecrets'])])];
}

async function secretOf(
  name: string,
  pull: FoundPull,
  { cluster, sandbox }: LoginPlace,
  options: CallOptions,
): Promise<PullSecret> {
  const reference = inPlace(pull, 'Secret', name);
  const brought = pull.objects.find((object) => isOf(object, reference));
  if (brought !== undefined) return readPullSecret(brought);
  const live = await read(reference, cluster, options);
  if ('hidden' in live) return { type: 'hidden', reason: live.hidden };
  if (live.object !== undefined) return readPullSecret(live.object);
  const isMade = pull.objects.some((object) => makesSecret(object, name));
  return { type: isMade || sandbox ? 'brought' : 'missing' };
}

/** A SealedSecret, or an ExternalSecret, which may name its Secret. */
function makesSecret(object: KubernetesObject, name: string): boolean {
  const { kind, metadata } = object;
  const spec = object['spec'];
  if (!kind.endsWith('Secret')) return false;
  const target = isFields(spec) && isFields(spec['target']) ? spec['target']['name'] : undefined;
  return metadata.name === name || target === name;
}

/** Whether pods of the workload run from the repository now, with no pull secret of their own. */
async function pullsAlready(
  { reference, repository }: FoundPull,
  cluster: Cluster,
  options: CallOptions,
): Promise<boolean> {
  if (reference === undefined) return false;
  const found = await read(reference, cluster, options);
  const live = 'hidden' in found ? undefined : (found.object as Workload | undefined);
  if (live === undefined || !isWhole(live)) return false;
  const template = podTemplateOf(live);
  const isFrom = (image: string | undefined) => nameOfRepository(image) === repository;
  return (
    namesIn(template?.spec['imagePullSecrets']).length === 0 &&
    containersOf(template).some(({ image }) => isFrom(image))
  );
}

/** Whether all pods are those of the template, and ready: old ones say nothing of new ones that cannot be pulled. */
function isWhole({ status = {} }: Workload): boolean {
  const wanted = status.desiredNumberScheduled ?? status.replicas ?? 0;
  const updated = status.updatedNumberScheduled ?? status.updatedReplicas;
  const ready = status.numberReady ?? status.readyReplicas;
  return wanted > 0 && updated === wanted && ready === wanted;
}

function nameOfRepository(image: string | undefined): string | undefined {
  try {
    return repositoryName(parseImageReference(image ?? ''));
  } catch {
    return undefined; // Not one of a registry.
  }
}

function inPlace({ namespace }: FoundPull, kind: string, name: string): ObjectReference {
  return { apiVersion: 'v1', kind, name, ...defined({ namespace }) };
}

function isOf({ apiVersion, kind, metadata }: KubernetesObject, reference: ObjectReference): boolean {
  const isKind = apiVersion === reference.apiVersion && kind === reference.kind;
  return isKind && metadata.name === reference.name && metadata.namespace === reference.namespace;
}

async function read(
  reference: ObjectReference,
  cluster: Cluster,
  options: CallOptions,
): Promise<{ object: KubernetesObject | undefined } | { hidden: string }> {
  try {
    return { object: await cluster.get(reference, options) };
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof ClusterError) return { hidden: messageOf(error) };
    throw error;
  }
}
