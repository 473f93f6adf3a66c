/** What a Job does next: pure, after the rules of the Job page of kubernetes.io. */
import type { JobSpec } from './workload-types.ts';

/** A Job's pods, counted. */
export interface JobCounts {
  active: number;
  succeeded: number;
  failed: number;
  /** Restarts of the containers of active pods (restartPolicy OnFailure). */
  restarts: number;
}

export type JobDecision =
  | { kind: 'complete' }
  | { kind: 'fail'; reason: 'BackoffLimitExceeded' | 'DeadlineExceeded'; message: string }
  /** Starts (positive) or stops (negative) so many pods. */
  | { kind: 'adjust'; pods: number };

const FIRST_BACKOFF_MS = 10_000;
const LONGEST_BACKOFF_MS = 360_000;

/** Milliseconds to wait after the n-th failed pod before the next is started: 10 s, 20 s, 40 s, ... up to 6 minutes. */
export function jobBackoffMs(failed: number): number {
  return failed === 0 ? 0 : Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failed - 1));
}

/** Decides over a Job that has run for `runningMs`; a deadline or too many failures end it before anything else. */
export function decideJob(spec: JobSpec, counts: JobCounts, runningMs: number): JobDecision {
  const { backoffLimit = 6, parallelism = 1, completions } = spec;
  const deadline = spec.activeDeadlineSeconds;
  if (spec.suspend === true) return { kind: 'adjust', pods: -counts.active };
  if (deadline !== undefined && runningMs >= deadline * 1000) {
    return {
      kind: 'fail',
      reason: 'DeadlineExceeded',
      message: 'Job was active longer than specified deadline',
    };
  }
  if (isComplete(counts, completions)) return { kind: 'complete' };
  if (counts.failed > backoffLimit || restartsExceeded(spec, counts.restarts)) {
    return {
      kind: 'fail',
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    };
  }
  return { kind: 'adjust', pods: wantedActive(parallelism, completions, counts) - counts.active };
}

function isComplete({ active, succeeded }: JobCounts, completions: number | undefined): boolean {
  return completions === undefined ? succeeded > 0 && active === 0 : succeeded >= completions;
}

/** Without completions (a work queue), no new pod is started once one succeeded. */
function wantedActive(
  parallelism: number,
  completions: number | undefined,
  { active, succeeded }: JobCounts,
): number {
  if (completions === undefined) return succeeded > 0 ? Math.min(active, parallelism) : parallelism;
  return Math.min(parallelism, completions - succeeded);
}

function restartsExceeded({ template, backoffLimit = 6 }: JobSpec, restarts: number): boolean {
  if (template.spec.restartPolicy !== 'OnFailure') return false;
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}
