/** Why something is not so: `state.waiting` of a container, or a condition of a pod. */
interface Cause {
  reason?: string | undefined;
  message?: string | undefined;
}

/** Why a container does not start. */
export interface WaitingTrouble {
  kind: 'imagePull' | 'start';
  /** The kubelet's word. */
  reason: string;
  /** What it says of it; empty when it says nothing. */
  message: string;
}

const finalPullReasons = new Set(['InvalidImageName', 'ErrImageNeverPull']);
const pullReasons = new Set([
  ...finalPullReasons,
  'ErrImagePull',
  'ImagePullBackOff',
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

/**
 * Why a container that waits does not start; undefined when it waits for nothing bad. The reasons are the kubelet's:
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states
 */
export function waitingTrouble({ reason = '', message = '' }: Cause = {}): WaitingTrouble | undefined {
  if (startReasons.has(reason)) return { kind: 'start', reason, message };
  return pullReasons.has(reason) ? { kind: 'imagePull', reason, message } : undefined;
}

/** A pull that failed in such a way may succeed at the kubelet's next try. A status is told from a port or a tag by the words beside it. */
const passingPull =
  /timeout|timed out|connection re(?:fused|set)|\bEOF\b|TLS handshake|status(?: code)?:? 50[0234]\b|\b50[0234] (?:Internal|Bad|Service|Gateway)|too ?many ?requests|no such host|temporar/i;
/** What a container runtime says when trying again will not help. */
const finalPull =
  /not found|manifest unknown|does not exist|access denied|authorization failed|unauthorized|no basic auth|invalid reference/i;

/**
 * Whether another try may mend a pull.
 * @param detail what the runtime said, from the container's state or the pod's events
 */
export function pullOutlook(reason: string, detail: string): 'final' | 'passing' | 'unclear' {
  if (finalPullReasons.has(reason)) return 'final';
  if (passingPull.test(detail)) return 'passing';
  return finalPull.test(detail) ? 'final' : 'unclear';
}

/**
 * What the kubelet and the container runtime say of a start that they try again and that no change of the manifests would
 * mend: the API server or the runtime did not answer. `failed to sync configmap cache` is how a kubelet that has lost the
 * API server reports a ConfigMap that is there: https://github.com/kubernetes/kubernetes/issues/117972
 */
const passingStart =
  /failed to sync (?:configmap|secret) cache|propagate object cache|timed out waiting for the condition|connection re(?:fused|set)|TLS handshake|i\/o timeout|context deadline exceeded|DeadlineExceeded|code = Unavailable|failed to reserve container name|too ?many ?requests/i;

/**
 * Whether a container that does not start is only waiting for the API server or the runtime to answer again.
 * @param reason the kubelet's word, from the container's state; a hook's message is the hook's own output
 * @param message what it says of it
 */
export function isPassingStart(reason: string, message: string): boolean {
  return reason !== 'PostStartHookError' && passingStart.test(message);
}

/** Why the scheduler finds no node for a pod; undefined when that is not its trouble. */
export function unschedulableReason(
  conditions: readonly (Cause & { type: string; status: string })[] = [],
): string | undefined {
  const scheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  return scheduled?.reason === 'Unschedulable' ? (scheduled.message ?? 'no reason given') : undefined;
}

/** A message of Kubernetes as one line of at most 400 characters. */
export function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 400 ? line : `${line.slice(0, 399)}…`;
}
