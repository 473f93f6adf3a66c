import type { Problem, ProblemKind } from './strategy.ts';
import { containersOf, type ContainerStatus, type Pod, type PodTemplate } from './workload-objects.ts';

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
  const { initContainerStatuses = [], containerStatuses = [], conditions = [] } = pod.status ?? {};
  const found = [...initContainerStatuses, ...containerStatuses].flatMap(
    (status) =>
      pullSymptom(pod, status) ??
      configurationSymptom(pod, status) ??
      crashSymptom(pod, status, restartLimit) ??
      [],
  );
  const scheduled = conditions.find((condition) => condition.type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    found.push({
      kind: 'unschedulable',
      message: `pod ${pod.metadata.name} cannot be scheduled: ${oneLine(scheduled.message ?? 'no reason given')}`,
      key: `${pod.metadata.uid ?? pod.metadata.name}/unschedulable`,
      // A cluster autoscaler may bring a node: it explains, the deadline decides.
      graceMs: Number.POSITIVE_INFINITY,
    });
  }
  return found;
}

function pullSymptom(pod: Pod, status: ContainerStatus): Symptom | undefined {
  const { reason = '', message } = status.state?.waiting ?? {};
  const final = finalReasons.has(reason) || finalPullError.test(message ?? '');
  if (!finalReasons.has(reason) && !pullReasons.has(reason)) return undefined;
  const image = containersOf(pod as unknown as PodTemplate).find(({ name }) => name === status.name)?.image;
  const text = `image ${image ?? ''} cannot be pulled for ${nameOf(pod, status)} (${detail(status)})`;
  return symptom({ pod, status, kind: 'imagePull', graceMs: final ? 0 : grace.imagePull }, text);
}

function configurationSymptom(pod: Pod, status: ContainerStatus): Symptom | undefined {
  if (!configurationReasons.has(status.state?.waiting?.reason ?? '')) return undefined;
  const about = { pod, status, kind: 'configuration', graceMs: grace.configuration } as const;
  return symptom(about, `${nameOf(pod, status)} cannot start (${detail(status)})`);
}

function crashSymptom(pod: Pod, status: ContainerStatus, restartLimit: number): Symptom | undefined {
  const { restartCount: restarts = 0, state, lastState } = status;
  const last = lastState?.terminated ?? state?.terminated;
  const looping = state?.waiting?.reason === 'CrashLoopBackOff' && restarts >= restartLimit;
  const crashing = status.ready !== true && restarts > restartLimit + 1 && (last?.exitCode ?? 0) !== 0;
  if (!looping && !crashing) return undefined;
  const times = restarts === 1 ? 'once' : `${String(restarts)} times`;
  const text = `${nameOf(pod, status)} crashes: ${exitText(last)}, restarted ${times}`;
  return symptom({ pod, status, kind: 'crashLoop', graceMs: 0 }, text);
}

interface About {
  pod: Pod;
  status: ContainerStatus;
  kind: ProblemKind;
  graceMs: number;
}

function symptom({ pod, status, kind, graceMs }: About, message: string): Symptom {
  const { uid, name, namespace = '' } = pod.metadata;
  return {
    kind,
    message,
    key: `${uid ?? name}/${status.name}/${kind}`,
    graceMs,
    pod: {
      namespace,
      name,
      container: status.name,
      restarted: (status.restartCount ?? 0) > 0 && status.state?.terminated === undefined,
    },
  };
}

/** `exit code 137 (OOMKilled)`. */
export function exitText(terminated: { exitCode: number; reason?: string } | undefined): string {
  if (terminated === undefined) return 'no exit code is known';
  const { exitCode, reason } = terminated;
  const known = reason === undefined || reason === 'Error' || reason === 'Completed';
  return `exit code ${String(exitCode)}${known ? '' : ` (${reason})`}`;
}

function nameOf(pod: Pod, status: ContainerStatus): string {
  return `container ${status.name} of pod ${pod.metadata.name}`;
}

function detail({ state }: ContainerStatus): string {
  const { reason = '', message } = state?.waiting ?? {};
  return message === undefined ? reason : `${reason}: ${oneLine(message)}`;
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)} …` : line;
}

/** `ReplicaFailure` of a ReplicaSet: pods are refused at creation (quota, admission, forbidden). */
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
