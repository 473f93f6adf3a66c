import { isLeaving, type PodFacts, type Verdict } from './pod-facts.ts';
import { removalCause } from './pod-removal.ts';
import { isSidecar, type ContainerView, type PodView } from './pod-status.ts';
import { startProblem, waitingProblem } from './waiting-problem.ts';

/** Restarts of a sidecar after which it is taken to crash for good. */
const sidecarRestarts = 3;

/** Why a container cannot do its work; undefined while it may. */
export function containerProblem(container: ContainerView, facts: PodFacts): Verdict | undefined {
  const { waiting, terminated } = container.state;
  if (
    isSidecar(facts.pod, container.name) &&
    (waiting?.reason === 'CrashLoopBackOff' || terminated !== undefined)
  )
    return sidecarProblem(container, facts.pod);
  if (waiting?.reason !== undefined) return waitingProblem(container, facts);
  return terminated === undefined ? undefined : endedProblem(container, terminated, facts);
}

function endedProblem(
  container: ContainerView,
  terminated: Terminated,
  facts: PodFacts,
): Verdict | undefined {
  if (terminated.reason === 'OOMKilled') return outOfMemory(container.name, facts.pod);
  if (terminated.reason === 'ContainerCannotRun' || terminated.reason === 'StartError') {
    return startProblem(container, terminated.message ?? terminated.reason);
  }
  const isStep = facts.stepContainers.has(container.name);
  if (isLeaving(facts) || (terminated.exitCode === 0 && !isStep)) return undefined;
  // The kubelet may end the containers of a pod that it evicts before it says so: in the pod's events alone, at times.
  const cause = removalCause(facts);
  if (cause !== undefined) return cause;
  return {
    problem: 'containerExited',
    message: `${called(container.name, facts.pod)} ended with ${ending(terminated)}`,
    ...(isStep
      ? { hint: 'its main process is the one that keeps it for the steps' }
      : logHint(terminated, container.name, facts.pod)),
    ...(isStep || terminated.reason === undefined ? { isUnexplained: true } : {}),
  };
}

/** A sidecar is restarted by the kubelet; only one that keeps crashing is a problem. */
function sidecarProblem(container: ContainerView, pod: PodView): Verdict | undefined {
  const { restartCount, state, lastState } = container;
  if (restartCount < sidecarRestarts) return undefined;
  const last = state.terminated ?? lastState?.terminated;
  if (last?.reason === 'OOMKilled') return outOfMemory(container.name, pod);
  const end = last === undefined ? 'no exit code' : ending(last);
  return {
    problem: 'containerExited',
    message: `${called(container.name, pod)} keeps crashing: restarted ${String(restartCount)} times, ended with ${end}`,
    ...(last === undefined ? {} : logHint(last, container.name, pod)),
  };
}

type Terminated = NonNullable<ContainerView['state']['terminated']>;

/** `exit code 5; its last log lines: a | b`: the kubelet keeps the end of the log as the message, where a container wrote none. */
function ending({ exitCode, reason, message }: Terminated): string {
  const code = `exit code ${String(exitCode)}`;
  const lines = message?.trim() ?? '';
  if (lines !== '') return `${code}; its last log lines: ${lastLines(lines)}`;
  return reason === undefined ? code : `${code} (${reason})`;
}

function lastLines(text: string): string {
  const line = text
    .split(/\s*\n\s*/)
    .slice(-5)
    .join(' | ');
  return line.length <= 400 ? line : `…${line.slice(-399)}`;
}

/** The pod is removed at the end of the run, with its logs. */
function logHint({ message = '' }: Terminated, container: string, { metadata }: PodView): { hint?: string } {
  if (message.trim() !== '') return {};
  const { namespace } = metadata;
  return {
    hint: `run again with --keep-agent and look at its log: kubectl logs POD --container ${container} --namespace ${namespace}`,
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
