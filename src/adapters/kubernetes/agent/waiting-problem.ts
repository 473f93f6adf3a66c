import { isPassingStart, oneLine, pullOutlook, waitingTrouble } from '../../../kubernetes/pod-trouble.ts';
import type { PodFacts, Verdict } from './pod-facts.ts';
import type { ContainerView } from './pod-status.ts';

/** Why a container will not start; undefined while the kubelet may start it yet. */
export function waitingProblem(container: ContainerView, facts: PodFacts): Verdict | undefined {
  const trouble = waitingTrouble(container.state.waiting);
  if (trouble === undefined) return undefined;
  const { kind, reason, message } = trouble;
  if (kind === 'start') {
    // The kubelet tries again; agent.startTimeout bounds it.
    return isPassingStart(reason, message)
      ? undefined
      : startProblem(container, message === '' ? reason : message);
  }
  return pullProblem(container, { reason, message }, facts);
}

function pullProblem(
  container: ContainerView,
  { reason, message }: { reason: string; message: string },
  { pod, events, ageMs }: PodFacts,
): Verdict | undefined {
  const image = pod.spec.containers.find(({ name }) => name === container.name)?.image ?? container.image;
  const failures = events.filter(
    (event) => event.reason === 'Failed' && event.message.includes(image) && /pull/i.test(event.message),
  );
  const detail = failures.at(-1)?.message ?? message;
  const tries = Math.max(0, ...failures.map(({ count }) => count));
  // What passes by itself is left to the kubelet, which tries again, until it has failed three times.
  if (pullOutlook(reason, detail) === 'passing' && tries < 3) return undefined;
  // The event that says why comes a moment after the state.
  if (reason === 'ImagePullBackOff' && failures.length === 0 && ageMs < 5000) return undefined;
  const why = pullReason(detail);
  return {
    problem: 'imagePull',
    message: `cannot pull image "${image}" for container ${container.name}: ${oneLine(why === '' ? reason : why)}`,
    hint: 'check the name and tag, and that agent.imagePullSecrets has the registry’s credentials',
  };
}

/** Why a container cannot be started, as the runtime says it. */
export function startProblem(container: ContainerView, detail: string): Verdict {
  const noShell = /\/bin\/sh"?:? .*(?:no such file|not found)/i.test(detail);
  return {
    problem: 'containerStart',
    message: `container ${container.name} cannot be started: ${oneLine(detail)}`,
    ...(noShell ? { hint: 'the image needs /bin/sh: steps are shell scripts' } : {}),
  };
}

/** `Failed to pull image "x": rpc error: code = Unknown desc = Error response …` → what the registry said. */
function pullReason(message: string): string {
  return message
    .replace(/^Failed to pull image "[^"]*": /, '')
    .replace(/^rpc error: code = \w+ desc = /, '')
    .replace(/^Error response from daemon: /, '');
}
