import { exitText } from './pod-problems.ts';
import type { Symptom } from './symptom.ts';
import type { ContainerStatus, Pod } from './workload-objects.ts';

/** How often a container had been restarted when it was first seen ready, by {@link containerKey}. */
export type SeenReady = ReadonlyMap<string, number>;

/** A container of a pod, as {@link SeenReady} knows it. */
export function containerKey({ metadata }: Pod, container: string): string {
  return `${metadata.uid ?? metadata.name}/${container}`;
}

/**
 * What happened to the containers of a pod since they were ready: one that was restarted, or is not ready any more, as
 * the kubelet says. A node that is lost says nothing of them. One that was killed for its memory counts from its start.
 */
export function servingSymptoms(pod: Pod, seenReady: SeenReady): Symptom[] {
  if (pod.metadata.deletionTimestamp !== undefined) return [];
  const statuses = pod.status?.containerStatuses ?? [];
  return statuses.flatMap(
    (status) => symptomOf(pod, status, seenReady.get(containerKey(pod, status.name))) ?? [],
  );
}

function symptomOf(pod: Pod, status: ContainerStatus, before: number | undefined): Symptom | undefined {
  const { name, restartCount = 0, ready, state, lastState } = status;
  const last = state?.terminated ?? lastState?.terminated;
  const who = `container ${name} of pod ${pod.metadata.name}`;
  const restarted = restartCount > 0 && state?.terminated === undefined;
  const of = (kind: Symptom['kind'], message: string): Symptom => ({
    ...{ kind, message, key: `${containerKey(pod, name)}/${kind}` },
    pod: { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, container: name, restarted },
  });
  if (last?.reason === 'OOMKilled')
    return of('restarted', `${who} was killed for its memory: ${exitText(last)}`);
  if (before === undefined) return undefined;
  if (restartCount > before || state?.terminated !== undefined)
    return of('restarted', `${who} ended after it had been ready: ${exitText(last)}`);
  return ready === true ? undefined : of('unready', `${who} is not ready any more`);
}
