import { symptomsOfPod, type Symptom } from './pod-problems.ts';
import { isReady, unsettled, type TimelessState, type WorkloadSnapshot } from './timeless-state.ts';
import { referenceOf, type Pod, type Workload } from './workload-objects.ts';

/** The state of a Job: it is settled when it is complete. */
export function jobState(job: Workload, snapshot: WorkloadSnapshot, restartLimit: number): TimelessState {
  const { conditions = [], succeeded = 0, active = 0 } = job.status ?? {};
  const failed = conditions.find(({ type, status }) => type === 'Failed' && status === 'True');
  // A Job has a limit of its own for crashes (backoffLimit); only what its pods can never get over counts before.
  const symptoms = snapshot.pods
    .flatMap((pod) => symptomsOfPod(pod, restartLimit))
    .filter((symptom) => symptom.kind !== 'crashLoop');
  if (failed !== undefined) {
    const why = `${failed.reason ?? ''} ${failed.message ?? ''}`.trim();
    symptoms.unshift(failure(job, `Job ${job.metadata.name} failed: ${why}`, snapshot.pods));
  }
  return {
    ...unsettled(referenceOf(job)),
    settled: conditions.some(({ type, status }) => type === 'Complete' && status === 'True'),
    desired: job.spec.completions ?? 1,
    updated: active + succeeded,
    ready: succeeded,
    revision: job.metadata.name,
    symptoms,
  };
}

/** The state of a bare pod: it is settled when it is ready or has succeeded. */
export function podState(pod: Pod, restartLimit: number): TimelessState {
  const symptoms = symptomsOfPod(pod, restartLimit);
  const { phase, reason = '', message = '' } = pod.status ?? {};
  if (phase === 'Failed') {
    symptoms.unshift(failure(pod, `Pod ${pod.metadata.name} failed: ${reason} ${message}`.trim(), [pod]));
  }
  const ready = isReady(pod);
  return {
    ...unsettled(referenceOf(pod)),
    settled: ready || phase === 'Succeeded',
    updated: 1,
    ready: ready ? 1 : 0,
    revision: pod.metadata.name,
    symptoms,
  };
}

/** A failure that points at the container whose exit made it. */
function failure(workload: Workload, message: string, pods: readonly Pod[]): Symptom {
  const base = { kind: 'failed', message, key: `${workload.metadata.uid ?? ''}/failed`, graceMs: 0 } as const;
  const pod = pods.filter((each) => each.status?.phase === 'Failed').at(-1);
  const ended = pod?.status?.containerStatuses?.find((s) => (s.state?.terminated?.exitCode ?? 0) !== 0);
  if (pod === undefined || ended === undefined) return base;
  const { name, namespace = '' } = pod.metadata;
  return { ...base, pod: { namespace, name, container: ended.name, restarted: false } };
}
