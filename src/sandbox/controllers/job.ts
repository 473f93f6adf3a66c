import { defined } from '../../base/defined.ts';
import { timestamp } from '../store/timestamp.ts';
import {
  createPod,
  isTerminating,
  remove,
  removeAfterDependents,
  type Action,
  type Plan,
  type World,
} from './plan.ts';
import { compareForDeletion, isActive, restartsOf } from './pod-facts.ts';
import { findCondition, withCondition, withoutZeros } from './status.ts';
import type { Condition, Job, JobSpec, JobStatus, Pod } from './workload-types.ts';

/** A Job's pods, counted. */
export interface JobCounts {
  active: number;
  succeeded: number;
  failed: number;
  /** Restarts of the containers of active pods (restartPolicy OnFailure). */
  restarts: number;
}

/** What becomes of a Job: so many more pods (or fewer, when negative), or its end. */
export type JobDecision = { pods: number } | { end: Omit<Condition, 'status'> };

const firstBackoffMs = 10_000;
const longestBackoffMs = 360_000;

/** Runs Jobs to completion: parallelism, retries with back-off, deadline, and removal some time after the end. */
export function planJob(job: Job, { nowMs }: World, pods: readonly Pod[]): Plan {
  if (isTerminating(job)) return {};
  const { spec, status } = job;
  const ended = status?.conditions?.find(
    ({ type, status: value }) => (type === 'Complete' || type === 'Failed') && value === 'True',
  );
  if (ended !== undefined) return planRemoval(job, ended, nowMs);
  const startTime = startOf(job, nowMs);
  const runningMs = startTime === undefined ? 0 : nowMs - Date.parse(startTime);
  const active = pods.filter(isActive);
  const counts = countPods(pods, active);
  const decision = decideJob(spec, counts, runningMs);
  const next = {
    ...statusOf(job, counts, decision, nowMs),
    ...defined({ startTime }),
  };
  if ('end' in decision) {
    const { end } = decision;
    const stopped = end.type === 'Failed' ? active : [];
    return { actions: [...stopped.map(remove), endEvent(end)], status: next };
  }
  const surplus = active.sort(compareForDeletion).slice(0, Math.max(0, -decision.pods));
  const backoffMs = lastFailureMs(pods) + jobBackoffMs(counts.failed) - nowMs;
  const waits = decision.pods > 0 && backoffMs > 0;
  const missing = waits ? 0 : Math.max(0, decision.pods);
  const toDeadlineMs = (spec.activeDeadlineSeconds ?? Infinity) * 1000 - runningMs + 10;
  return {
    actions: [
      ...surplus.map(remove),
      ...Array.from({ length: missing }, () => createPod(job, spec.template)),
    ],
    status: next,
    againInMs: waits ? Math.min(backoffMs, toDeadlineMs) : toDeadlineMs,
  };
}

function statusOf(job: Job, counts: JobCounts, decision: JobDecision, nowMs: number): JobStatus {
  const before = job.status?.conditions;
  const at = timestamp(nowMs);
  const end = 'end' in decision ? decision.end : undefined;
  const isFailed = end?.type === 'Failed';
  const condition = end === undefined ? suspendCondition(job) : { ...end, status: 'True' as const };
  const times = { lastProbeTime: at, lastTransitionTime: at };
  const conditions = condition === undefined ? before : withCondition(before, { ...condition, ...times });
  return {
    ...defined({ conditions }),
    ...(end?.type === 'Complete' ? { completionTime: at } : {}),
    ...withoutZeros({
      // The pods that a failed Job stops count as failed.
      active: isFailed ? 0 : counts.active,
      failed: counts.failed + (isFailed ? counts.active : 0),
      succeeded: counts.succeeded,
    }),
  };
}

function startOf({ spec, status }: Job, nowMs: number): string | undefined {
  return spec.suspend === true ? undefined : (status?.startTime ?? timestamp(nowMs));
}

function planRemoval(job: Job, ended: Condition, nowMs: number): Plan {
  const ttl = job.spec.ttlSecondsAfterFinished;
  if (ttl === undefined) return {};
  const againInMs = Date.parse(ended.lastTransitionTime ?? '') + ttl * 1000 - nowMs;
  return againInMs > 0 ? { againInMs } : { actions: [removeAfterDependents(job)] };
}

function endEvent({ type, reason, message }: Omit<Condition, 'status'>): Action {
  const event =
    type === 'Complete'
      ? ({ type: 'Normal', reason: 'Completed', message: 'Job completed' } as const)
      : ({ type: 'Warning', reason: reason ?? '', message: message ?? '' } as const);
  return { act: 'event', event };
}

function countPods(pods: readonly Pod[], active: readonly Pod[]): JobCounts {
  const having = (phase: string): number => pods.filter(({ status }) => status?.phase === phase).length;
  return {
    active: active.length,
    succeeded: having('Succeeded'),
    failed: having('Failed'),
    restarts: active.reduce((sum, pod) => sum + restartsOf(pod), 0),
  };
}

function lastFailureMs(pods: readonly Pod[]): number {
  const ends = pods
    .filter(({ status }) => status?.phase === 'Failed')
    .flatMap(({ status }) => status?.containerStatuses ?? [])
    .map(({ state }) => Date.parse(state.terminated?.finishedAt ?? '') || 0);
  return Math.max(0, ...ends);
}

/** Reports that the Job is suspended, and afterwards that it is resumed. */
function suspendCondition({ spec, status }: Job): Condition | undefined {
  const type = 'Suspended';
  if (spec.suspend === true)
    return { type, status: 'True', reason: 'JobSuspended', message: 'Job suspended' };
  if (findCondition(status?.conditions, type) === undefined) return undefined;
  return { type, status: 'False', reason: 'JobResumed', message: 'Job resumed' };
}

/** Milliseconds to wait after the n-th failed pod before the next is started: 10 s, 20 s, 40 s, ... up to 6 minutes. */
export function jobBackoffMs(failed: number): number {
  return failed === 0 ? 0 : Math.min(longestBackoffMs, firstBackoffMs * 2 ** (failed - 1));
}

/**
 * Decides over a Job that has run for `runningMs`, after the rules of the Job page of kubernetes.io; a deadline or too
 * many failures end it before anything else.
 */
export function decideJob(spec: JobSpec, counts: JobCounts, runningMs: number): JobDecision {
  const { backoffLimit = 6, parallelism = 1, completions, activeDeadlineSeconds = Infinity } = spec;
  const { active, succeeded, failed, restarts } = counts;
  if (spec.suspend === true) return { pods: -active };
  if (runningMs >= activeDeadlineSeconds * 1000)
    return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  const isComplete = completions === undefined ? succeeded > 0 && active === 0 : succeeded >= completions;
  if (isComplete) return { end: { type: 'Complete' } };
  const restartsExceeded =
    spec.template.spec.restartPolicy === 'OnFailure' && restarts > 0 && restarts >= backoffLimit;
  if (failed > backoffLimit || restartsExceeded)
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  if (completions !== undefined) return { pods: Math.min(parallelism, completions - succeeded) - active };
  // Without completions (a work queue), no new pod is started once one succeeded.
  return { pods: (succeeded > 0 ? Math.min(active, parallelism) : parallelism) - active };
}

function failure(reason: string, message: string): JobDecision {
  return { end: { type: 'Failed', reason, message } };
}
