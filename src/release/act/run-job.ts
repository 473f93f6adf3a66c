import { jobState } from '../../kubernetes/job-state.ts';
import { isPassingStart, oneLine, pullOutlook, waitingTrouble } from '../../kubernetes/pod-trouble.ts';
import { nameOf, selectorText, type Pod, type Workload } from '../../kubernetes/workload-objects.ts';
import type { CallOptions, Cluster } from '../../ports/cluster.ts';
import { ConflictError } from '../../ports/cluster-errors.ts';
import type { KubernetesObject, ObjectReference } from '../../ports/kubernetes-object.ts';
import type { Symptom } from '../../kubernetes/symptom.ts';

/** How a Job stands. */
export type JobLook =
  /** `hasRun`: a container of it has been started. */
  | { type: 'running'; hasRun: boolean }
  | { type: 'complete' }
  /** `symptom`: names the container whose log may say more. */
  | { type: 'failed'; reason: string; symptom?: Symptom }
  /** It could not be run: that says nothing of what it was to find out. */
  | { type: 'error'; reason: string };

const podKind = { apiVersion: 'v1', kind: 'Pod' };

/** Looks at a Job that is there already, or makes it. @throws ClusterError */
export async function startedJob(
  job: KubernetesObject,
  reference: ObjectReference,
  cluster: Cluster,
  options: CallOptions,
): Promise<Workload> {
  const found = await cluster.get<Workload>(reference, options);
  if (found !== undefined) return found;
  try {
    return (await cluster.create(job, options)) as Workload;
  } catch (error) {
    // An answer was lost, and the request was repeated.
    const made = error instanceof ConflictError ? await cluster.get<Workload>(reference, options) : undefined;
    if (made === undefined) throw error;
    return made;
  }
}

/**
 * How a Job stands by its status and its pods.
 * @param options `hasRun`: an earlier look has seen a container of it; pods go when the Job has run out of time
 * @throws ClusterError
 */
export async function lookAtJob(
  reference: ObjectReference,
  cluster: Cluster,
  { hasRun, ...options }: CallOptions & { hasRun: boolean },
): Promise<JobLook> {
  const found = await cluster.get<Workload>(reference, options);
  if (found === undefined || found.metadata.deletionTimestamp !== undefined)
    return { type: 'error', reason: `${nameOf(reference)} was deleted` };
  const job = { ...found, ...kindOf(reference) };
  const { namespace = '' } = reference;
  // The API server gives each Job a selector; none would mean all pods.
  const labelSelector = selectorText(job.spec.selector);
  const pods =
    labelSelector === '' ? [] : await cluster.list<Pod>(podKind, { namespace, labelSelector }, options);
  return jobLook(
    job,
    pods.map((pod) => ({ ...pod, ...podKind })),
    hasRun,
  );
}

/** {@link lookAtJob} of what was read. */
export function jobLook(job: Workload, pods: readonly Pod[], hasRunBefore: boolean): JobLook {
  const { complete, symptoms } = jobState(job, { workload: job, replicaSets: [], pods, generation: 0 });
  if (complete) return { type: 'complete' };
  const failed = symptoms.find(({ kind }) => kind === 'failed');
  const trouble = pods.flatMap((pod) => startTrouble(pod) ?? [])[0];
  const hasRun = hasRunBefore || pods.some(isStarted);
  if (failed === undefined)
    return trouble === undefined ? { type: 'running', hasRun } : { type: 'error', reason: trouble };
  // One that ran out of time before it began to run has found out nothing.
  if (failed.message.includes('DeadlineExceeded') && !hasRun)
    return {
      type: 'error',
      reason: `${failed.message}; ${trouble ?? 'no container of it was seen running'}`,
    };
  return { type: 'failed', reason: failed.message, symptom: failed };
}

/** Why a pod cannot start that will not pass by itself in a moment: the kubelet has given up once, or gives up for good. */
function startTrouble({ metadata, status = {} }: Pod): string | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = status;
  for (const { name, state } of [...initContainerStatuses, ...containerStatuses]) {
    const trouble = waitingTrouble(state?.waiting);
    if (trouble === undefined) continue;
    const { kind, reason, message } = trouble;
    const isLasting =
      kind === 'imagePull'
        ? pullOutlook(reason, message) === 'final' || reason === 'ImagePullBackOff'
        : !isPassingStart(reason, message);
    if (isLasting)
      return `container ${name} of pod ${metadata.name} cannot start (${oneLine(`${reason}: ${message}`)})`;
  }
  return undefined;
}

function isStarted({ status = {} }: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = status;
  return [...initContainerStatuses, ...containerStatuses].some(
    ({ state, restartCount = 0 }) =>
      restartCount > 0 || state?.running !== undefined || state?.terminated !== undefined,
  );
}

function kindOf({ apiVersion, kind }: ObjectReference) {
  return { apiVersion, kind };
}
