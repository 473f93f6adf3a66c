import type { RunRecord } from '../ports/run-record.ts';
import type { EngineDependencies, ResumeRequest, RunResult, StartRequest } from './dependencies.ts';
import { executeRun } from './execute-run.ts';
import { startDeadline } from './signals.ts';
import { DeadlineError } from '../base/errors.ts';

const releaseMs = 10_000;

/**
 * Begins a run: makes its record, takes its lease, runs it, gives the lease back.
 * @throws whatever the store throws before the run began; InputError when a kind is not there
 */
export async function startRun(
  request: StartRequest,
  dependencies: EngineDependencies,
  options: { signal: AbortSignal },
): Promise<RunResult> {
  const stored = await dependencies.store.create(firstRecord(request, dependencies.clock.now()), options);
  return drive({ ...request, stored }, false, dependencies, options);
}

/**
 * Goes on with a run whose runner is gone. Stages that are done keep their outcome and outputs; those that were running
 * are entered again with the same attempt, and find their steps as they are.
 * @throws LeaseHeldError when another runner holds the run
 * @throws RunFinishedError
 */
export function resumeRun(
  request: ResumeRequest,
  dependencies: EngineDependencies,
  options: { signal: AbortSignal },
): Promise<RunResult> {
  return drive(request, true, dependencies, options);
}

async function drive(
  request: ResumeRequest,
  resumed: boolean,
  dependencies: EngineDependencies,
  options: { signal: AbortSignal },
): Promise<RunResult> {
  const { stored, holder } = request;
  const { store, clock } = dependencies;
  const lease = await store.acquireLease(stored, holder, options);
  try {
    // The runner before may have written while its lease was outwaited.
    const current = resumed ? ((await store.load(stored.record, options)) ?? stored) : stored;
    return await executeRun({ ...request, stored: current, lease, resumed }, dependencies, options);
  } finally {
    const deadline = startDeadline(clock, {
      ms: releaseMs,
      reason: () => new DeadlineError('releasing the run’s lease', releaseMs),
    });
    try {
      await lease.release({ signal: deadline.signal, priority: 'urgent' });
    } catch {
      // The run is over and its outcome known; the lease ends by itself.
    } finally {
      deadline.clear();
    }
  }
}

function firstRecord(request: StartRequest, now: number): RunRecord {
  const { plan, runId, source, parameters } = request;
  return {
    formatVersion: 1,
    runId,
    pipeline: plan.pipeline,
    namespace: plan.namespace,
    createdAt: now,
    state: 'running',
    source,
    parameters: { ...parameters },
    trigger: { ...plan.trigger },
    git: {},
    stages: {},
  };
}
