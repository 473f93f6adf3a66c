import { isPassingStart, oneLine, pullOutlook, unschedulableReason, waitingTrouble } from './pod-trouble.ts';
import type { Symptom } from './symptom.ts';
import {
  containersOf,
  type ContainerStatus,
  type Pod,
  type PodTemplate,
  type Terminated,
} from './workload-objects.ts';

/** What is wrong with a pod of a workload, by its own status. */
export function symptomsOfPod(pod: Pod): Symptom[] {
  if (pod.metadata.deletionTimestamp !== undefined) return [];
  const { initContainerStatuses = [], containerStatuses = [], conditions = [] } = pod.status ?? {};
  const found = [...initContainerStatuses, ...containerStatuses].flatMap(
    (status) => waitingSymptom(pod, status) ?? crashSymptom(pod, status) ?? [],
  );
  const reason = unschedulableReason(conditions);
  if (reason !== undefined) {
    found.push({
      kind: 'unschedulable',
      message: `pod ${pod.metadata.name} cannot be scheduled: ${oneLine(reason)}`,
      key: `${pod.metadata.uid ?? pod.metadata.name}/unschedulable`,
    });
  }
  return found;
}

function waitingSymptom(pod: Pod, status: ContainerStatus): Symptom | undefined {
  const trouble = waitingTrouble(status.state?.waiting);
  if (trouble === undefined) return undefined;
  const { kind, reason, message } = trouble;
  const detail = message === '' ? reason : `${reason}: ${oneLine(message)}`;
  if (kind === 'start') {
    const about = symptom(
      { pod, status, kind: 'configuration' },
      `${nameOf(pod, status)} cannot start (${detail})`,
    );
    return isPassingStart(reason, message) ? { ...about, isPassing: true } : about;
  }
  const image = containersOf(pod as unknown as PodTemplate).find(({ name }) => name === status.name)?.image;
  const text = `image ${image ?? ''} cannot be pulled for ${nameOf(pod, status)} (${detail})`;
  const isFinal = pullOutlook(reason, message) === 'final';
  return { ...symptom({ pod, status, kind: 'imagePull' }, text), isFinal };
}

/** Reasons of containers that ran nothing: what the runtime said of it is all that there is to know. */
const notStarted = new Set(['StartError', 'ContainerCannotRun']);

function crashSymptom(pod: Pod, status: ContainerStatus): Symptom | undefined {
  const { restartCount: restarts = 0, state, lastState } = status;
  const last = lastState?.terminated ?? state?.terminated;
  const backsOff = state?.waiting?.reason === 'CrashLoopBackOff';
  const crashes = status.ready !== true && restarts > 0 && (last?.exitCode ?? 0) !== 0;
  if (!backsOff && !crashes) return undefined;
  const times = restarts === 1 ? 'once' : `${String(restarts)} times`;
  const text = `${nameOf(pod, status)} crashes: ${exitText(last)}${startCause(last)}, restarted ${times}`;
  return { ...symptom({ pod, status, kind: 'crashLoop' }, text), restarts, backsOff };
}

/** What the runtime said of a container that it could not start. */
function startCause({ reason = '', message = '' }: Partial<Terminated> = {}): string {
  return notStarted.has(reason) && message !== '' ? `: ${oneLine(message)}` : '';
}

interface About {
  pod: Pod;
  status: ContainerStatus;
  kind: Symptom['kind'];
}

function symptom({ pod, status, kind }: About, message: string): Symptom {
  const { uid, name, namespace = '' } = pod.metadata;
  return {
    kind,
    message,
    key: `${uid ?? name}/${status.name}/${kind}`,
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
  if (terminated === undefined) return 'exit code unknown';
  const { exitCode, reason } = terminated;
  const known = reason === undefined || reason === 'Error' || reason === 'Completed';
  return `exit code ${String(exitCode)}${known ? '' : ` (${reason})`}`;
}

function nameOf(pod: Pod, status: ContainerStatus): string {
  return `container ${status.name} of pod ${pod.metadata.name}`;
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
  };
}
