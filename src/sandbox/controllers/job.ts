import { findCondition, withCondition, withoutZeros, writeStatus } from './status.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { timestamp } from '../store/timestamp.ts';
import { decideJob, jobBackoffMs, type JobCounts, type JobDecision } from './job-plan.ts';
import { claim, keyOf } from './ownership.ts';
import { createPod, deletePod, workloadController } from './pod-control.ts';
import { compareForDeletion, isActive, restartsOf } from './pod-facts.ts';
import type { Condition, Job, JobStatus, Pod } from './workload-types.ts';
import type { WorkResult } from './work-queue.ts';

const COMPONENT = 'job-controller';

/** Runs Jobs to completion: parallelism, retries with back-off, deadline, and removal some time after the end. */
export function jobController(context: ControllerContext): Controller {
  return workloadController<Job>(context, { kind: 'Job', group: 'batch', component: COMPONENT }, (job) => {
    if (job.metadata.deletionTimestamp !== undefined) return undefined;
    const ended = endOf(job);
    return ended === undefined ? reconcileJob(context, job) : removeLater(context, job, ended);
  });
}

function endOf({ status }: Job): Condition | undefined {
  return ['Complete', 'Failed']
    .map((type) => findCondition(status?.conditions, type))
    .find((condition) => condition?.status === 'True');
}

function removeLater({ objects, now }: ControllerContext, job: Job, ended: Condition): WorkResult {
  const ttl = job.spec.ttlSecondsAfterFinished;
  if (ttl === undefined) return undefined;
  const wait = Date.parse(ended.lastTransitionTime ?? '') + ttl * 1000 - now();
  if (wait > 0) return wait;
  objects.delete(keyOf(job), { propagation: 'Foreground', preconditions: { uid: job.metadata.uid } });
  return undefined;
}

function reconcileJob(context: ControllerContext, job: Job): WorkResult {
  const { objects, now } = context;
  const pods = claim<Pod>(objects, job, 'Pod', job.spec.selector ?? {});
  const active = pods.filter(isActive);
  const counts = countPods(pods, active);
  const started = job.spec.suspend === true ? undefined : (job.status?.startTime ?? timestamp(now()));
  const runningMs = started === undefined ? 0 : now() - Date.parse(started);
  const decision = decideJob(job.spec, counts, runningMs);
  const wait = act(context, job, active, { decision, counts, pods });
  writeStatus(objects, job, statusAfter(job, counts, { decision, started, at: timestamp(now()) }));
  const { activeDeadlineSeconds } = job.spec;
  const deadline =
    activeDeadlineSeconds === undefined ? undefined : activeDeadlineSeconds * 1000 - runningMs + 10;
  if (wait === undefined || deadline === undefined) return wait ?? deadline;
  return Math.min(wait, deadline);
}

function countPods(pods: readonly Pod[], active: readonly Pod[]): JobCounts {
  return {
    active: active.length,
    succeeded: pods.filter((pod) => pod.status?.phase === 'Succeeded').length,
    failed: pods.filter((pod) => pod.status?.phase === 'Failed').length,
    restarts: active.reduce((sum, pod) => sum + restartsOf(pod), 0),
  };
}

/** Starts or stops pods; returns the milliseconds to wait when the back-off after a failure holds pods back. */
function act(
  context: ControllerContext,
  job: Job,
  active: readonly Pod[],
  { decision, counts, pods }: { decision: JobDecision; counts: JobCounts; pods: readonly Pod[] },
): WorkResult {
  switch (decision.kind) {
    case 'complete':
      say(context, job, 'Normal', { reason: 'Completed', message: 'Job completed' });
      return undefined;
    case 'fail':
      for (const pod of active) deletePod(context, job, pod, COMPONENT);
      say(context, job, 'Warning', decision);
      return undefined;
    case 'adjust': {
      const surplus = [...active].sort(compareForDeletion).slice(0, Math.max(0, -decision.pods));
      for (const pod of surplus) deletePod(context, job, pod, COMPONENT);
      if (decision.pods <= 0) return undefined;
      const wait = lastFailureMs(pods) + jobBackoffMs(counts.failed) - context.now();
      if (wait > 0) return wait;
      for (let count = 0; count < decision.pods; count += 1)
        createPod(context, job, job.spec.template, { component: COMPONENT });
      return undefined;
    }
  }
}

function lastFailureMs(pods: readonly Pod[]): number {
  const ends = pods
    .filter((pod) => pod.status?.phase === 'Failed')
    .flatMap((pod) =>
      (pod.status?.containerStatuses ?? []).map(({ state }) =>
        Date.parse(state.terminated?.finishedAt ?? ''),
      ),
    );
  return Math.max(0, ...ends.filter((end) => !Number.isNaN(end)));
}

function say(
  { events }: ControllerContext,
  job: Job,
  type: 'Normal' | 'Warning',
  { reason, message }: { reason: string; message: string },
): void {
  events.record(job, { type, reason, message, component: COMPONENT });
}

function statusAfter(
  job: Job,
  counts: JobCounts,
  { decision, started, at }: { decision: JobDecision; started: string | undefined; at: string },
): JobStatus {
  const { status } = job;
  const ended = decision.kind !== 'adjust';
  const { active, succeeded, failed } = ended && decision.kind === 'fail' ? stopped(counts) : counts;
  const condition = endCondition(decision, at) ?? suspendCondition(job, at);
  const conditions =
    condition === undefined ? status?.conditions : withCondition(status?.conditions, condition);
  return {
    ...(conditions === undefined ? {} : { conditions }),
    ...(started === undefined ? {} : { startTime: started }),
    ...(decision.kind === 'complete' ? { completionTime: at } : {}),
    ...withoutZeros({ active, succeeded, failed }),
  };
}

/** The pods that a failed Job stops count as failed. */
function stopped(counts: JobCounts): JobCounts {
  return { ...counts, active: 0, failed: counts.failed + counts.active };
}

/** Tells that the Job is suspended, and after that that it goes on. */
function suspendCondition({ spec, status }: Job, at: string): Condition | undefined {
  const times = { lastProbeTime: at, lastTransitionTime: at };
  if (spec.suspend === true) {
    return { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended', ...times };
  }
  if (findCondition(status?.conditions, 'Suspended') === undefined) return undefined;
  return { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed', ...times };
}

function endCondition(decision: JobDecision, at: string): Condition | undefined {
  const times = { lastProbeTime: at, lastTransitionTime: at };
  switch (decision.kind) {
    case 'complete':
      return { type: 'Complete', status: 'True', ...times };
    case 'fail':
      return { type: 'Failed', status: 'True', reason: decision.reason, message: decision.message, ...times };
    case 'adjust':
      return undefined;
  }
}
