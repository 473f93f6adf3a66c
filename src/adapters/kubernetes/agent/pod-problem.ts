import type { AgentProblem } from '../../../ports/agent.ts';
import { containersOf, type ContainerView, type PodEvent, type PodView } from './pod-status.ts';

/** What is known of a pod at one moment. */
export interface PodFacts {
  /** As last seen. */
  pod: PodView;
  /** The pod's own events. */
  events: readonly PodEvent[];
  /** It is no longer there. */
  gone: boolean;
  /** Milliseconds since the pod was made. */
  ageMs: number;
  /** Milliseconds that a pod may stay unschedulable before that is taken for final. */
  unschedulableMs: number;
  /** The containers that steps run in; the others are services. */
  stepContainers: ReadonlySet<string>;
}

/** Why a pod cannot do its work, in one line, and what to do. */
export interface Verdict {
  problem: AgentProblem;
  message: string;
  hint?: string;
}

const pullReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);
const startReasons = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
  'PostStartHookError',
  'StartError',
]);
/** A pull that failed in such a way may succeed at the kubelet's next try. */
const passing =
  /timeout|timed out|connection re(?:fused|set)|\bEOF\b|TLS handshake|50[0234]\b|too ?many ?requests|no such host|temporar/i;

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
        problem: 'admission',
        message: `the node refused ${name}: ${reason}${detail || suffix(event)}`,
      };
    }
  }
}

function containerProblem(container: ContainerView, facts: PodFacts): Verdict | undefined {
  const { waiting, terminated } = container.state;
  if (waiting?.reason !== undefined) return waitingProblem(container, waiting.reason, facts);
  if (terminated === undefined) return undefined;
  if (terminated.reason === 'OOMKilled') return outOfMemory(container.name, facts.pod);
  if (terminated.reason === 'ContainerCannotRun' || terminated.reason === 'StartError') {
    return startProblem(container, terminated.message ?? terminated.reason);
  }
  const isStep = facts.stepContainers.has(container.name);
  if (isLeaving(facts) || (terminated.exitCode === 0 && !isStep)) return undefined;
  const why = terminated.message ?? terminated.reason;
  const detail = why === undefined ? '' : ` (${oneLine(why)})`;
  return {
    problem: 'containerExited',
    message: `${called(container.name, facts.pod)} ended with exit code ${String(terminated.exitCode)}${detail}`,
    hint: isStep
      ? 'its main process is the one that keeps it for the steps'
      : 'look at its log: kubectl logs',
  };
}

function outOfMemory(container: string, pod: PodView): Verdict {
  const limit = pod.spec.containers.find(({ name }) => name === container)?.resources?.limits?.['memory'];
  return {
    problem: 'outOfMemory',
    message: `${called(container, pod)} was killed: out of memory${limit === undefined ? '' : ` (its limit is ${limit})`}`,
    hint: 'raise its memory limit, or let the script use less',
  };
}

function called(container: string, pod: PodView): string {
  return `container ${container} of agent pod ${pod.metadata.name}`;
}

function isLeaving({ pod, gone }: PodFacts): boolean {
  return gone || pod.metadata.deletionTimestamp !== undefined;
}

function waitingProblem(container: ContainerView, reason: string, facts: PodFacts): Verdict | undefined {
  const told = container.state.waiting?.message ?? '';
  if (startReasons.has(reason)) return startProblem(container, told === '' ? reason : told);
  return pullReasons.has(reason) ? pullProblem(container, { reason, told }, facts) : undefined;
}

function pullProblem(
  container: ContainerView,
  { reason, told }: { reason: string; told: string },
  { pod, events, ageMs }: PodFacts,
): Verdict | undefined {
  const image = pod.spec.containers.find(({ name }) => name === container.name)?.image ?? container.image;
  const failures = events.filter(
    (event) => event.reason === 'Failed' && event.message.includes(image) && /pull/i.test(event.message),
  );
  const detail = failures.at(-1)?.message ?? told;
  const tries = Math.max(0, ...failures.map(({ count }) => count));
  // What passes by itself is left to the kubelet, which tries again, until it has failed three times.
  if (passing.test(detail) && tries < 3) return undefined;
  // The event that says why comes a moment after the state.
  if (reason === 'ImagePullBackOff' && failures.length === 0 && ageMs < 5000) return undefined;
  const why = pullReason(detail);
  return {
    problem: 'imagePull',
    message: `cannot pull image "${image}" for container ${container.name}: ${oneLine(why === '' ? reason : why)}`,
    hint: 'check the name and tag, and that agent.imagePullSecrets has the registry’s credentials',
  };
}

function startProblem(container: ContainerView, detail: string): Verdict {
  const noShell = /\/bin\/sh"?:? .*(?:no such file|not found)/i.test(detail);
  return {
    problem: 'containerStart',
    message: `container ${container.name} cannot be started: ${oneLine(detail)}`,
    ...(noShell ? { hint: 'the image needs /bin/sh: steps are shell scripts' } : {}),
  };
}

/** Who took the pod away, by its events (all versions) and its condition DisruptionTarget (1.26 and later). */
const removals: readonly { problem: AgentProblem; words: string; events: RegExp; disruption: RegExp }[] = [
  {
    problem: 'preempted',
    words: 'was preempted for a pod of higher priority',
    events: /^(?:Preempted|Preempting)$/,
    disruption: /^Preemption/,
  },
  {
    problem: 'nodeLost',
    words: 'was removed from its node',
    events: /^(?:TaintManagerEviction|NodeNotReady|DeletingNode)$/,
    disruption: /^(?:DeletionByTaintManager|DeletionByPodGC)$/,
  },
  {
    problem: 'evicted',
    words: 'was evicted from its node',
    events: /^Evicted$/,
    disruption: /^(?:EvictionByEvictionAPI|TerminationByKubelet)$/,
  },
];

function removal({ pod, events }: PodFacts): Verdict {
  const name = `agent pod ${pod.metadata.name}`;
  const disruption = pod.status.conditions?.find(
    ({ type, status }) => type === 'DisruptionTarget' && status === 'True',
  );
  for (const { problem, words, ...signs } of removals) {
    const event = events.find(({ reason }) => signs.events.test(reason));
    const isCause = signs.disruption.test(disruption?.reason ?? '');
    if (event !== undefined || isCause) {
      return { problem, message: `${name} ${words}${suffix(event ?? disruption)}` };
    }
  }
  return { problem: 'deleted', message: `${name} was deleted by somebody while the run needed it` };
}

function unschedulable({ pod, events, ageMs, unschedulableMs }: PodFacts): Verdict | undefined {
  const condition = pod.status.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  if (condition?.reason !== 'Unschedulable') return undefined;
  // A node is on its way; the start timeout is the limit then.
  if (events.some(({ reason }) => reason === 'TriggeredScaleUp')) return undefined;
  if (ageMs < unschedulableMs) return undefined;
  // A volume is being made for a claim: that takes as long as the storage takes.
  if (condition.message?.includes('unbound immediate PersistentVolumeClaims')) return undefined;
  return {
    problem: 'unschedulable',
    message: `no node takes agent pod ${pod.metadata.name}: ${oneLine(condition.message ?? 'unschedulable')}`,
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

/** `Failed to pull image "x": rpc error: code = Unknown desc = Error response …` → what the registry said. */
function pullReason(message: string): string {
  return message
    .replace(/^Failed to pull image "[^"]*": /, '')
    .replace(/^rpc error: code = \w+ desc = /, '')
    .replace(/^Error response from daemon: /, '');
}

function suffix(event: { message?: string | undefined } | undefined): string {
  return event?.message === undefined || event.message === '' ? '' : `: ${oneLine(event.message)}`;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 400 ? line : `${line.slice(0, 399)}…`;
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
