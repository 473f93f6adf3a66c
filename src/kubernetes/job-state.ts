import { defined } from '../base/defined.ts';
import { answerOf } from './hold-mark.ts';
import { symptomsOfPod } from './pod-problems.ts';
import type { Symptom } from './symptom.ts';
import { isReady, incomplete, type WorkloadState, type WorkloadSnapshot } from './workload-state.ts';
import { referenceOf, type ContainerStatus, type Pod, type Workload } from './workload-objects.ts';

/** How a Job or a bare Pod has ended; undefined while it has not. */
export function endOf({ kind, status = {} }: Workload): 'complete' | 'failed' | undefined {
  const has = (type: string) =>
    status.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
  const [complete, failed] =
    kind === 'Job'
      ? [has('Complete'), has('Failed')]
      : [status.phase === 'Succeeded', status.phase === 'Failed'];
  if (complete) return 'complete';
  return failed ? 'failed' : undefined;
}

/** The state of a Job: it is complete when it is complete. */
export function jobState(job: Workload, snapshot: WorkloadSnapshot): WorkloadState {
  const { conditions = [], succeeded = 0, active = 0 } = job.status ?? {};
  const failed = conditions.find(({ type, status }) => type === 'Failed' && status === 'True');
  // A Job has a limit of its own for crashes (backoffLimit); only what its pods can never get over counts before.
  const symptoms = snapshot.pods
    .flatMap((pod) => symptomsOfPod(pod))
    .filter((symptom) => symptom.kind !== 'crashLoop');
  if (failed !== undefined) {
    const why = `${failed.reason ?? ''} ${failed.message ?? ''}`.trim();
    symptoms.unshift(failure(job, `Job ${job.metadata.name} failed: ${why}`, snapshot.pods));
  }
  return {
    ...incomplete(referenceOf(job)),
    complete: endOf(job) === 'complete',
    ...defined({ answer: answerOf(job) }),
    ...(job.spec['ttlSecondsAfterFinished'] === undefined ? {} : { goesAfterEnd: true }),
    desired: job.spec.completions ?? 1,
    updated: active + succeeded,
    ready: succeeded,
    revision: job.metadata.name,
    symptoms,
  };
}

/** The state of a Job that was seen complete and is gone. */
export function goneJobState(reference: WorkloadState['reference']): WorkloadState {
  return { ...incomplete(reference), complete: true, updated: 1, ready: 1, revision: reference.name };
}

/** The state of a bare pod: it is complete when it is ready or has succeeded. */
export function podState(pod: Pod): WorkloadState {
  const symptoms = symptomsOfPod(pod);
  const { phase, reason = '', message = '' } = pod.status ?? {};
  if (phase === 'Failed') {
    const why = `${reason} ${message}`.trim() || exitOf(pod);
    symptoms.unshift(failure(pod, `Pod ${pod.metadata.name} failed: ${why}`, [pod]));
  }
  const ready = isReady(pod);
  return {
    ...incomplete(referenceOf(pod)),
    complete: ready || phase === 'Succeeded',
    updated: 1,
    ready: ready ? 1 : 0,
    revision: pod.metadata.name,
    symptoms,
  };
}

/** Of a pod that ended by itself Kubernetes has no reason but the exit code of its container. */
function exitOf({ status }: Pod): string {
  const ended = failedContainer(status);
  if (ended === undefined) return 'no reason is given';
  const { exitCode, reason } = ended.state?.terminated ?? { exitCode: 0 };
  const why = reason === undefined || reason === 'Error' ? '' : ` (${reason})`;
  return `container ${ended.name} ended with exit code ${String(exitCode)}${why}`;
}

function failedContainer(status: Pod['status']): ContainerStatus | undefined {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return statuses.find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
}

/** A failure that points at the container whose exit made it. */
function failure(workload: Workload, message: string, pods: readonly Pod[]): Symptom {
  const base = { kind: 'failed', message, key: `${workload.metadata.uid ?? ''}/failed` } as const;
  const pod = pods.filter((each) => each.status?.phase === 'Failed').at(-1);
  const ended = failedContainer(pod?.status);
  if (pod === undefined || ended === undefined) return base;
  const { name, namespace = '' } = pod.metadata;
  return { ...base, pod: { namespace, name, container: ended.name, restarted: false } };
}
