import type { Fields } from '../kinds/fields.ts';
import { at, child, items, text } from '../kinds/fields.ts';
import { age } from './human-duration.ts';

const isTrue = (pod: Fields, type: string): boolean =>
  items(child(pod, 'status'), 'conditions').some((row) => row['type'] === type && row['status'] === 'True');

function endedAs(terminated: Fields): string {
  const signal = terminated['signal'];
  return (
    text(terminated, 'reason') ??
    (signal === undefined || signal === 0
      ? `ExitCode:${String(terminated['exitCode'])}`
      : `Signal:${JSON.stringify(signal)}`)
  );
}

/** A sidecar is an init container that goes on running. */
function isSidecar(pod: Fields, name: unknown): boolean {
  const container = items(child(pod, 'spec'), 'initContainers').find((row) => row['name'] === name);
  return container?.['restartPolicy'] === 'Always';
}

/** What the first init container that is not done says, or undefined when all are done. */
function initStatus(pod: Fields): string | undefined {
  const all = items(child(pod, 'spec'), 'initContainers').length;
  for (const [index, status] of items(child(pod, 'status'), 'initContainerStatuses').entries()) {
    const terminated = child(child(status, 'state'), 'terminated');
    const waiting = text(child(child(status, 'state'), 'waiting'), 'reason');
    if (terminated?.['exitCode'] === 0) continue;
    if (status['started'] === true && isSidecar(pod, status['name'])) continue;
    if (terminated !== undefined) return `Init:${endedAs(terminated)}`;
    if (waiting !== undefined && waiting !== 'PodInitializing') return `Init:${waiting}`;
    return `Init:${index}/${all}`;
  }
  return undefined;
}

function containersStatus(pod: Fields, otherwise: string): string {
  let told = otherwise;
  let running = false;
  for (const status of items(child(pod, 'status'), 'containerStatuses').reverse()) {
    const state = child(status, 'state');
    const terminated = child(state, 'terminated');
    const waiting = text(child(state, 'waiting'), 'reason');
    if (waiting !== undefined) told = waiting;
    else if (terminated !== undefined) told = endedAs(terminated);
    else if (status['ready'] === true && child(state, 'running') !== undefined) running = true;
  }
  // One container is done while another runs: the pod is running.
  if (told === 'Completed' && running) return isTrue(pod, 'Ready') ? 'Running' : 'NotReady';
  return told;
}

/** The Status column of `kubectl get pods`. */
export function podStatus(pod: Fields): string {
  const status = child(pod, 'status');
  const phase = text(status, 'phase') ?? 'Unknown';
  if (at(pod, 'metadata', 'deletionTimestamp') !== undefined) {
    return status?.['reason'] === 'NodeLost' ? 'Unknown' : 'Terminating';
  }
  const reason = text(status, 'reason') ?? phase;
  return initStatus(pod) ?? containersStatus(pod, reason);
}

/** The Ready column: ready containers of all, sidecars counted. */
export function podReady(pod: Fields): string {
  const status = child(pod, 'status');
  const counted = [
    ...items(status, 'containerStatuses'),
    ...items(status, 'initContainerStatuses').filter((row) => isSidecar(pod, row['name'])),
  ];
  const sidecars = items(child(pod, 'spec'), 'initContainers').filter(
    (row) => row['restartPolicy'] === 'Always',
  );
  const all = items(child(pod, 'spec'), 'containers').length + sidecars.length;
  return `${counted.filter((row) => row['ready'] === true).length}/${all}`;
}

/** The Restarts column: their number, and when the last one was. */
export function podRestarts(pod: Fields): string {
  const statuses = items(child(pod, 'status'), 'containerStatuses');
  const count = statuses.reduce((sum, row) => sum + Number(row['restartCount'] ?? 0), 0);
  const ends = statuses
    .map((row) => at(row, 'lastState', 'terminated', 'finishedAt'))
    .filter((time) => typeof time === 'string')
    .sort();
  const last = ends.at(-1);
  return count === 0 || last === undefined ? String(count) : `${count} (${age(last)} ago)`;
}

/** The Readiness Gates column. */
export function podReadinessGates(pod: Fields): string | undefined {
  const gates = items(child(pod, 'spec'), 'readinessGates');
  const open = gates.filter((gate) => isTrue(pod, text(gate, 'conditionType') ?? ''));
  return gates.length === 0 ? undefined : `${open.length}/${gates.length}`;
}
