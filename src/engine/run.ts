import { defined } from '../base/defined.ts';
import { CancelledError, DeadlineError } from '../base/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { ConflictError } from '../ports/cluster-errors.ts';
import { LeaseLostError, type Lease, type LeaseRequest } from '../ports/leases.ts';
import {
  resumedHint,
  runLease,
  runLostError,
  RunFinishedError,
  runRecordFormat,
  type RunRecord,
  type RunStore,
  type StoredRun,
} from '../ports/run-record.ts';
import type { EngineDependencies, ResumeRequest, RunResult, StartRequest } from './dependencies.ts';
import { executeRun } from './execute-run.ts';
import { startDeadline } from './signals.ts';

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
  const { clock, store } = dependencies;
  const begunMs = clock.monotonicMs();
  const stored = await store.create(firstRecord(request, clock.now()), options);
  return executeOwned({ ...request, stored }, { resumed: false, begunMs }, dependencies, options);
}

/**
 * Resumes a run whose runner is gone. Stages that are done keep their outcome and outputs; those that were running
 * are entered again with the same attempt, and find their steps as they are.
 * @throws LeaseHeldError when another runner holds the run
 * @throws RunFinishedError
 */
export function resumeRun(
  request: ResumeRequest,
  dependencies: EngineDependencies,
  options: { signal: AbortSignal },
): Promise<RunResult> {
  return executeOwned(request, { resumed: true }, dependencies, options);
}

/** How a runner comes to a run; `begunMs`: before its record was made, by the monotonic clock. */
type Entry = { resumed: true } | { resumed: false; begunMs: number };

/** Takes the run's lease, executes the run, gives the lease back. */
async function executeOwned(
  request: ResumeRequest,
  entry: Entry,
  dependencies: EngineDependencies,
  options: { signal: AbortSignal },
): Promise<RunResult> {
  const { stored, holder } = request;
  const { resumed } = entry;
  const { store, leases, clock } = dependencies;
  const lease = await leases.acquire(leaseRequest(stored, holder, resumed), options);
  try {
    if (resumed) await outwait(stored, lease, dependencies, options);
    const { logs } = request;
    const isClaimed = !resumed && lease.fence === stored.record.fence;
    const current = isClaimed
      ? await stillOurs(stored, entry.begunMs, { lease, store, clock }, options)
      : await claim(stored, { lease, store, ...defined({ logs }) }, options);
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

function leaseRequest({ record, owner }: StoredRun, holder: string, resumed: boolean): LeaseRequest {
  const { runId, fence } = record;
  return {
    ...runLease(record),
    subject: `run ${runId}`,
    holder,
    owner,
    isNew: !resumed,
    // The record of a new run has the fence of its first owner already.
    fenceAfter: resumed ? fence : fence - 1,
    heldHint: `follow it by \`pipeline attach ${runId}\``,
    lostHint: resumedHint(runId),
  };
}

/**
 * Where somebody has deleted the lease of the runner before, that one acts on it until it would have been renewed: that
 * time passes first. So it does when one that held the lease since, and perhaps waited here, has not claimed the run.
 */
async function outwait(
  { record }: StoredRun,
  lease: Lease,
  { clock, reporter, store }: EngineDependencies,
  options: { signal: AbortSignal },
): Promise<void> {
  const isNext = ({ fence }: RunRecord) => !lease.isNew && lease.fence <= fence + 1;
  if (isNext(record)) return;
  const { runId } = record;
  const now = (await store.load(record, options))?.record;
  if (now === undefined || now.state === 'finished' || isNext(now)) return;
  const seconds = String(Math.round(lease.durationMs / 1000));
  const message = `the lease of run ${runId} was deleted; waiting ${seconds} s for a runner that still relies on it`;
  await reporter.handle({ type: 'notice', level: 'info', message, runId, at: clock.now(), sequence: 0 });
  await clock.sleep(lease.durationMs, options);
}

/**
 * A runner that was stopped between its record and its lease may have made that lease after another runner had resumed
 * the run, and lost its own. The record tells: it was changed then.
 */
async function stillOurs(
  stored: StoredRun,
  begunMs: number,
  { lease, store, clock }: { lease: Lease; store: RunStore; clock: Clock },
  options: { signal: AbortSignal },
): Promise<StoredRun> {
  // A monotonic clock may stand still while a machine sleeps.
  const tookMs = Math.max(clock.monotonicMs() - begunMs, clock.now() - stored.record.createdAt);
  if (tookMs < lease.durationMs / 2) return stored;
  try {
    return await store.update(stored, stored.record, options);
  } catch (error) {
    if (error instanceof ConflictError) throw runLostError(stored.record.runId, 'claimed');
    throw error;
  }
}

/**
 * Writes this runner's fence into the record, over whatever the runner before has written until then: its next write is
 * refused.
 */
async function claim(
  { record: { runId, namespace } }: StoredRun,
  { lease, store, logs }: { lease: Lease; store: RunStore; logs?: RunRecord['logs'] },
  options: { signal: AbortSignal },
): Promise<StoredRun> {
  const { fence } = lease;
  for (;;) {
    const found = await store.load({ runId, namespace }, options);
    if (found === undefined) throw new CancelledError('the record of the run was deleted');
    if (found.record.state === 'finished') throw new RunFinishedError(runId);
    if (found.record.fence >= fence) throw runLostError(runId, 'claimed');
    await lease.confirm(options);
    try {
      return await store.update(found, { ...found.record, fence, ...defined({ logs }) }, options);
    } catch (error) {
      // The runner before was faster once more, or has ended the run.
      if (!(error instanceof ConflictError || error instanceof LeaseLostError)) throw error;
    }
  }
}

function firstRecord(request: StartRequest, now: number): RunRecord {
  const { plan, runId, source, parameters } = request;
  return {
    formatVersion: runRecordFormat,
    runId,
    pipeline: plan.pipeline,
    namespace: plan.namespace,
    createdAt: now,
    fence: 1,
    state: 'running',
    source,
    parameters: { ...parameters },
    trigger: { ...plan.trigger },
    agents: {},
    git: {},
    stages: {},
    ...defined({ logs: request.logs }),
  };
}
