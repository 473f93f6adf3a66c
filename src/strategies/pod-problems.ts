import type { ContainerStatus, Pod } from './workload-objects.ts';
import type { Problem, ProblemKind } from './strategy.ts';

/** A symptom without the time it was first seen. */
export type Symptom = Omit<Problem, 'sinceMs'>;

/** Milliseconds a symptom may last that often goes away by itself: a registry that hiccups, a Secret that comes late. */
const grace = { imagePull: 15_000, configuration: 10_000, creation: 10_000 } as const;

/** What a container runtime says when trying again will not help. */
const finalPullError =
  /not found|manifest unknown|does not exist|access denied|authorization failed|unauthorized|no basic auth|invalid reference/i;

const pullReasons = new Set(['ErrImagePull', 'ImagePullBackOff', 'RegistryUnavailable', 'ImageInspectError']);
const finalReasons = new Set(['InvalidImageName', 'ErrImageNeverPull']);
const configurationReasons = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
  'PostStartHookError',
]);

/**
 * What is wrong with a pod, by its own status. The reasons are the kubelet's:
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states
 * @param restartLimit restarts after which CrashLoopBackOff counts
 */
export function symptomsOfPod(pod: Pod, restartLimit: number): Symptom[] {
  if (pod.metadata.deletionTimestamp !== undefined) return [];
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const found = containers.flatMap((container) => {
    const symptom = symptomOfContainer(pod, container, restartLimit);
    return symptom === undefined ? [] : [symptom];
  });
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    found.push({
      kind: 'unschedulable',
      message: `pod ${pod.metadata.name} cannot be scheduled: ${scheduled.message ?? 'no reason given'}`,
      key: `${pod.metadata.uid ?? pod.metadata.name}/unschedulable`,
      // A cluster autoscaler may bring a node: it explains, the deadline decides.
      graceMs: Number.POSITIVE_INFINITY,
    });
  }
  return found;
}

function symptomOfContainer(pod: Pod, status: ContainerStatus, restartLimit: number): Symptom | undefined {
  const waiting = status.state?.waiting;
  const reason = waiting?.reason ?? '';
  const detail = waiting?.message === undefined ? reason : `${reason}: ${oneLine(waiting.message)}`;
  const symptom = (kind: ProblemKind, message: string, graceMs: number): Symptom => ({
    kind,
    message,
    key: `${pod.metadata.uid ?? pod.metadata.name}/${status.name}/${kind}`,
    graceMs,
    pod: {
      namespace: pod.metadata.namespace ?? '',
      name: pod.metadata.name,
      container: status.name,
      restarted: (status.restartCount ?? 0) > 0 && status.state?.terminated === undefined,
    },
  });
  const where = `container ${status.name} of pod ${pod.metadata.name}`;
  if (finalReasons.has(reason) || pullReasons.has(reason)) {
    const final = finalReasons.has(reason) || finalPullError.test(waiting?.message ?? '');
    const image = containerImage(pod, status.name);
    return symptom(
      'imagePull',
      `image ${image} cannot be pulled for ${where} (${detail})`,
      final ? 0 : grace.imagePull,
    );
  }
  if (configurationReasons.has(reason)) {
    return symptom('configuration', `${where} cannot start (${detail})`, grace.configuration);
  }
  const restarts = status.restartCount ?? 0;
  const last = status.lastState?.terminated ?? status.state?.terminated;
  const looping = reason === 'CrashLoopBackOff' && restarts >= restartLimit;
  const crashing = status.ready !== true && restarts > restartLimit + 1 && (last?.exitCode ?? 0) !== 0;
  if (looping || crashing) {
    const times = restarts === 1 ? 'once' : `${String(restarts)} times`;
    return symptom('crashLoop', `${where} crashes: ${exitText(last)}, restarted ${times}`, 0);
  }
  return undefined;
}

/** `exit code 137 (OOMKilled)`. */
export function exitText(terminated: { exitCode: number; reason?: string } | undefined): string {
  if (terminated === undefined) return 'no exit code is known';
  const { exitCode, reason } = terminated;
  const known = reason === undefined || reason === 'Error' || reason === 'Completed';
  return `exit code ${String(exitCode)}${known ? '' : ` (${reason})`}`;
}

function containerImage(pod: Pod, container: string): string {
  const spec = pod.spec as unknown as {
    containers?: { name: string; image?: string }[];
    initContainers?: { name: string; image?: string }[];
  };
  const all = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  return all.find(({ name }) => name === container)?.image ?? 'unknown';
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)} …` : line;
}

/** `ReplicaFailure` of a ReplicaSet or Deployment: pods are refused at creation (quota, admission, forbidden). */
export function symptomOfCreation(
  owner: { kind: string; metadata: { name: string; uid?: string } },
  message: string,
): Symptom {
  return {
    kind: 'creation',
    message: `${owner.kind} ${owner.metadata.name} cannot create pods: ${oneLine(message)}`,
    key: `${owner.metadata.uid ?? owner.metadata.name}/creation`,
    graceMs: grace.creation,
  };
}
