import type { Container, ContainerStatus, Pod, Condition, PodStatus, Terminated } from './pod-types.ts';
import { isSidecar } from './pod-types.ts';

/** What the kubelet knows of a pod, from which its status follows. */
export interface PodObservation {
  /** By container name; a container that has none yet is waiting. */
  containers: ReadonlyMap<string, ContainerStatus>;
  podIP: string | undefined;
  startTime: string;
  /** The kubelet itself ended the pod, e.g. at its deadline. */
  failure?: { reason: string; message: string };
  /** RFC 3339. */
  now: string;
}

/** The status that the kubelet writes, as a function of what it sees: phase, conditions and container statuses. */
export function calculatePodStatus(pod: Pod, observed: PodObservation): PodStatus {
  const init = pod.spec.initContainers ?? [];
  const main = pod.spec.containers;
  const initialized = init.every((container) =>
    isInitialized(container, observed.containers.get(container.name)),
  );
  const waitingFor = initialized ? 'ContainerCreating' : 'PodInitializing';
  const phase = phaseOf(pod, observed, initialized);
  const ended = phase === 'Succeeded' || phase === 'Failed';
  const statuses = (containers: readonly Container[], reason: string): ContainerStatus[] =>
    containers.map((container) => {
      const status = observed.containers.get(container.name) ?? waiting(container, reason);
      return ended ? { ...status, ready: false } : status;
    });
  const { podIP, failure } = observed;
  return {
    phase,
    ...(phase === 'Failed' ? failure : {}),
    conditions: conditionsOf(pod, { ...observed, initialized, phase }),
    hostIP: '127.0.0.1',
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime: observed.startTime,
    qosClass: pod.status?.qosClass ?? qosClassOf(pod),
    ...(init.length === 0 ? {} : { initContainerStatuses: statuses(init, 'PodInitializing') }),
    containerStatuses: statuses(main, waitingFor),
  };
}

function waiting(container: Container, reason: string): ContainerStatus {
  return {
    name: container.name,
    image: container.image,
    imageID: '',
    state: { waiting: { reason } },
    lastState: {},
    ready: false,
    started: false,
    restartCount: 0,
  };
}

function isInitialized(container: Container, status: ContainerStatus | undefined): boolean {
  if (isSidecar(container)) return status?.started === true || status?.state.terminated !== undefined;
  return status?.state.terminated?.exitCode === 0;
}

/** Whether a container that ended so is started again. */
export function isRestarted(
  policy: string | undefined,
  container: Container,
  { exitCode }: Pick<Terminated, 'exitCode'>,
): boolean {
  if (isSidecar(container) || policy === undefined || policy === 'Always') return true;
  return policy === 'OnFailure' && exitCode !== 0;
}

type Phase = NonNullable<PodStatus['phase']>;

/** A pod has succeeded or failed only when none of its containers runs any more, sidecars neither. */
function phaseOf(pod: Pod, observed: PodObservation, initialized: boolean): Phase {
  const phase = observed.failure === undefined ? phaseOfContainers(pod, observed, initialized) : 'Failed';
  const isLast = phase === 'Succeeded' || phase === 'Failed';
  const someRun = [...observed.containers.values()].some(({ state }) => state.running !== undefined);
  if (isLast && someRun) return initialized ? 'Running' : 'Pending';
  return phase;
}

function phaseOfContainers(pod: Pod, { containers }: PodObservation, initialized: boolean): Phase {
  const policy = pod.spec.restartPolicy;
  const endedForGood = (container: Container): Terminated | undefined => {
    const terminated = containers.get(container.name)?.state.terminated;
    return terminated === undefined || isRestarted(policy, container, terminated) ? undefined : terminated;
  };
  if (!initialized) {
    const failed = (pod.spec.initContainers ?? []).some(
      (container) => (endedForGood(container)?.exitCode ?? 0) !== 0,
    );
    return failed ? 'Failed' : 'Pending';
  }
  const states = pod.spec.containers.map((container) => containers.get(container.name));
  const terminated = pod.spec.containers.map(endedForGood);
  if (terminated.every((end) => end !== undefined))
    return terminated.every((end) => end.exitCode === 0) ? 'Succeeded' : 'Failed';
  const hasRun = states.some((status) => status !== undefined && hasStarted(status));
  const allKnown = states.every((status) => status !== undefined && hasStarted(status));
  return hasRun && allKnown ? 'Running' : 'Pending';
}

/** Whether the container runs or has ever run: one that waits for its image has not. */
function hasStarted({ state, lastState }: ContainerStatus): boolean {
  return state.running !== undefined || state.terminated !== undefined || lastState.terminated !== undefined;
}

function conditionsOf(pod: Pod, facts: PodObservation & { initialized: boolean; phase: Phase }): Condition[] {
  const { initialized, phase, containers } = facts;
  const succeeded = phase === 'Succeeded';
  const ended = succeeded || phase === 'Failed';
  const names = (list: readonly Container[], is: (container: Container) => boolean): string =>
    list
      .filter((container) => !is(container))
      .map(({ name }) => name)
      .join(' ');
  const why = (status: boolean, message: string, reason: string): Partial<Condition> =>
    succeeded
      ? { reason: 'PodCompleted' }
      : ended
        ? { reason: 'PodFailed' }
        : status
          ? {}
          : { reason, message };
  const waitingInit = names(pod.spec.initContainers ?? [], (container) =>
    isInitialized(container, containers.get(container.name)),
  );
  const unready = names(pod.spec.containers, ({ name }) => containers.get(name)?.ready === true);
  const containersReady = unready === '' && !ended && initialized;
  const notReady = why(containersReady, `containers with unready status: [${unready}]`, 'ContainersNotReady');
  const gates = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) => conditionIn(pod, conditionType)?.status !== 'True',
  );
  const gateMessage = gates
    .map(
      ({ conditionType }) =>
        `corresponding condition of pod readiness gate "${conditionType}" does not exist.`,
    )
    .join(' ');
  const ready = containersReady && gates.length === 0;
  const notInitialized = {
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${waitingInit}]`,
  };
  const own: Condition[] = [
    condition(
      'Initialized',
      initialized,
      initialized ? (succeeded ? { reason: 'PodCompleted' } : {}) : notInitialized,
    ),
    condition(
      'Ready',
      ready,
      containersReady && !ready ? { reason: 'ReadinessGatesNotReady', message: gateMessage } : notReady,
    ),
    condition('ContainersReady', containersReady, notReady),
    condition('PodScheduled', true, {}),
  ];
  const others = (pod.status?.conditions ?? []).filter(({ type }) => !own.some((mine) => mine.type === type));
  return [...own.map((mine) => withTransition(mine, conditionIn(pod, mine.type), facts.now)), ...others];
}

function condition(type: string, status: boolean, why: Partial<Condition>): Condition {
  return { type, status: status ? 'True' : 'False', lastProbeTime: null, ...why };
}

function conditionIn(pod: Pod, type: string): Condition | undefined {
  return pod.status?.conditions?.find((one) => one.type === type);
}

function withTransition(next: Condition, before: Condition | undefined, now: string): Condition {
  const since = before?.status === next.status ? before.lastTransitionTime : undefined;
  return { ...next, lastTransitionTime: since ?? now };
}

/** kubernetes.io/docs/concepts/workloads/pods/pod-qos: Guaranteed, Burstable or BestEffort. */
export function qosClassOf(pod: Pod): string {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const resources = all.map((container) => container.resources ?? {});
  const isEmpty = resources.every(
    ({ requests = {}, limits = {} }) => Object.keys({ ...requests, ...limits }).length === 0,
  );
  if (isEmpty) return 'BestEffort';
  const guaranteed = resources.every(({ requests = {}, limits = {} }) =>
    ['cpu', 'memory'].every(
      (name) => limits[name] !== undefined && (requests[name] ?? limits[name]) === limits[name],
    ),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
