import { oneLine, unschedulableReason } from '../../../kubernetes/pod-trouble.ts';
import { containerProblem } from './container-problem.ts';
import { isLeaving, suffix, type PodFacts, type Verdict } from './pod-facts.ts';
import { removalCause } from './pod-removal.ts';
import { containersOf } from './pod-status.ts';

/**
 * Why the pod will never do its work; undefined while it may. Pure: the same facts give the same verdict.
 * Reasons are those of kubelet, scheduler and controllers:
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
 */
export function findPodProblem(facts: PodFacts): Verdict | undefined {
  const { pod } = facts;
  return (
    failedPhase(facts) ??
    firstOf(containersOf(pod), (container) => containerProblem(container, facts)) ??
    (isLeaving(facts) ? removal(facts) : undefined) ??
    unschedulable(facts) ??
    stuckStart(facts)
  );
}

/** The kubelet or a controller ended the whole pod. */
function failedPhase({ pod, events }: PodFacts): Verdict | undefined {
  const { phase, reason = '', message = '' } = pod.status;
  if (phase !== 'Failed' || reason === '') return undefined;
  const name = `agent pod ${pod.metadata.name}`;
  const detail = message === '' ? '' : `: ${message}`;
  switch (reason) {
    case 'Evicted':
      return {
        problem: 'evicted',
        message: `${name} was evicted from its node${detail}`,
        hint: 'give its containers requests that cover what they use',
      };
    case 'DeadlineExceeded':
      return {
        problem: 'deadlineExceeded',
        message: `${name} was ended by Kubernetes: the run's deadline has passed`,
      };
    case 'Preempting':
      return { problem: 'preempted', message: `${name} was preempted for a pod of higher priority${detail}` };
    case 'NodeLost':
    case 'NodeShutdown':
    case 'Shutdown':
    case 'Terminated':
      return { problem: 'nodeLost', message: `the node of ${name} went down${detail}` };
    default: {
      const event = events.find((entry) => entry.type === 'Warning');
      return {
        problem: 'nodeRefused',
        message: `the node refused ${name}: ${reason}${detail || suffix(event)}`,
      };
    }
  }
}

function removal(facts: PodFacts): Verdict {
  const message = `agent pod ${facts.pod.metadata.name} was deleted while the run needed it`;
  return removalCause(facts) ?? { problem: 'deleted', message };
}

function unschedulable({ pod, events, ageMs, unschedulableMs }: PodFacts): Verdict | undefined {
  const reason = unschedulableReason(pod.status.conditions ?? []);
  if (reason === undefined) return undefined;
  // A node is on its way; the start timeout is the limit then.
  if (events.some(({ reason }) => reason === 'TriggeredScaleUp')) return undefined;
  if (ageMs < unschedulableMs) return undefined;
  // A volume is being made for a claim: that takes as long as the storage takes.
  if (reason.includes('unbound immediate PersistentVolumeClaims')) return undefined;
  return {
    problem: 'unschedulable',
    message: `no node takes agent pod ${pod.metadata.name}: ${oneLine(reason)}`,
    hint: 'check the requests of its containers, node selectors, taints and volumes',
  };
}

/** What keeps a pod from starting without showing in its status. */
function stuckStart({ pod, events }: PodFacts): Verdict | undefined {
  if (pod.status.phase !== 'Pending') return undefined;
  const permanent = /not found|non-existent|forbidden|does not exist/i;
  const event = events.find(
    ({ type, reason, message, count }) =>
      type === 'Warning' &&
      (((reason === 'FailedMount' || reason === 'FailedAttachVolume') &&
        (permanent.test(message) || count >= 4)) ||
        (reason === 'FailedCreatePodSandBox' && count >= 3)),
  );
  if (event === undefined) return undefined;
  return {
    problem: 'containerStart',
    message: `agent pod ${pod.metadata.name} cannot start: ${oneLine(event.message)}`,
  };
}

/** What a pod is still waiting for, one line, for the message of a start timeout. */
export function describeWaiting({ pod, events }: Pick<PodFacts, 'pod' | 'events'>): string {
  const scheduling = pod.status.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  const warning = events.findLast(({ type }) => type === 'Warning');
  const waiting = containersOf(pod).filter(({ state, ready }) => state.running === undefined || !ready);
  const containers = waiting.map(({ name, state }) => `${name} ${state.waiting?.reason ?? 'is not ready'}`);
  const parts = [
    scheduling?.message,
    containers.length === 0 ? undefined : containers.join(', '),
    warning === undefined ? undefined : `${warning.reason}: ${warning.message}`,
  ].filter((part) => part !== undefined && part !== '');
  return parts.length === 0 ? 'its containers have not answered' : oneLine(parts.join('; '));
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
