import type { V1ContainerStateTerminated, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { Fields } from '../../base/fields.ts';
import { age } from './human-duration.ts';

const isTrue = ({ status }: V1Pod, type: string): boolean =>
  status?.conditions?.some((row) => row.type === type && row.status === 'True') === true;

const endedAs = ({ reason, signal, exitCode }: V1ContainerStateTerminated): string =>
  reason ?? (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);

/** Sidecars are init containers that keep running. */
const sidecarsOf = ({ spec }: V1Pod): (string | undefined)[] =>
  (spec?.initContainers ?? []).filter((row) => row.restartPolicy === 'Always').map((row) => row.name);

/** What the first init container that is not done says, or undefined when all are done. */
function initStatus(pod: V1Pod): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? [];
  const index = statuses.findIndex(
    ({ name, started, state }) =>
      state?.terminated?.exitCode !== 0 && !(started === true && sidecarsOf(pod).includes(name)),
  );
  if (index < 0) return undefined;
  const state = statuses[index]?.state;
  if (state?.terminated !== undefined) return `Init:${endedAs(state.terminated)}`;
  const reason = state?.waiting?.reason ?? 'PodInitializing';
  return `Init:${reason === 'PodInitializing' ? `${index}/${pod.spec?.initContainers?.length ?? 0}` : reason}`;
}

/** The Status column of `kubectl get pods`. */
export function podStatus(object: Fields): string {
  const pod = object as unknown as V1Pod;
  const containerStatuses = pod.status?.containerStatuses ?? [];
  if (pod.metadata?.deletionTimestamp !== undefined) return 'Terminating';
  const initializing = initStatus(pod);
  if (initializing !== undefined) return initializing;
  const reasons = containerStatuses.flatMap(({ state }) => {
    return state?.waiting?.reason ?? (state?.terminated === undefined ? [] : endedAs(state.terminated));
  });
  const [first = pod.status?.reason ?? pod.status?.phase ?? 'Unknown'] = reasons;
  const isRunning = containerStatuses.some(({ ready, state }) => ready && state?.running !== undefined);
  // One container is done while another runs: the pod is running.
  if (first !== 'Completed' || !isRunning) return first;
  return isTrue(pod, 'Ready') ? 'Running' : 'NotReady';
}

/** The Ready column: ready containers of all, sidecars counted. */
export function podReady(object: Fields): string {
  const pod = object as unknown as V1Pod;
  const sidecars = sidecarsOf(pod);
  const running = pod.status?.initContainerStatuses?.filter((row) => sidecars.includes(row.name)) ?? [];
  const ready = [...(pod.status?.containerStatuses ?? []), ...running].filter((row) => row.ready);
  return `${ready.length}/${(pod.spec?.containers.length ?? 0) + sidecars.length}`;
}

/** The Restarts column: their number, and when the last one was. */
export function podRestarts({ status }: Fields): string {
  const statuses = (status as V1Pod['status'])?.containerStatuses ?? [];
  const count = statuses.reduce(
    (sum, { restartCount }: Partial<V1ContainerStatus>) => sum + (restartCount ?? 0),
    0,
  );
  const last = statuses
    .map((row) => row.lastState?.terminated?.finishedAt)
    .sort()
    .at(-1);
  return count === 0 || !last ? String(count) : `${count} (${age(last)} ago)`;
}

/** The Readiness Gates column; undefined where there are none. */
export function podReadinessGates(object: Fields): string | undefined {
  const pod = object as unknown as V1Pod;
  const gates = pod.spec?.readinessGates ?? [];
  const open = gates.filter((gate) => isTrue(pod, gate.conditionType));
  return gates.length === 0 ? undefined : `${open.length}/${gates.length}`;
}
