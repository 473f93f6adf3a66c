import { defined } from '../base/defined.ts';
import { InternalError, messageOf } from '../base/errors.ts';
import type { CallOptions } from '../ports/cluster.ts';
import { UnreachableError } from '../ports/cluster-errors.ts';
import { LeaseLostError } from '../ports/leases.ts';
import { keyOf } from '../kubernetes/workload-objects.ts';
import type { Action, Decision, Observed } from '../strategies/strategy.ts';
import { act, type ActResult } from './act/act.ts';
import { removeJob, removeJobsLeft } from './act/measure-job.ts';
import { isOvertaken } from './act/as-seen.ts';
import { readLogTail } from './observe/log-tail.ts';
import { unreachableBudgetMs } from './patient-cluster.ts';
import { withRevision, type RevisionRecord } from './record/release-record.ts';
import { keptSamples, withSample } from './record/samples.ts';
import { nothingSeen, type ReleaseSession } from './session.ts';
import { standStill, standstillOf } from './stand-still.ts';

/** Milliseconds of a phase after which the time that it has taken is written again. */
const savedEveryMs = 60_000;
/** Milliseconds between two looks, though nothing seems to change: the API may have fallen silent. */
const longestWaitMs = 10_000;
/** Milliseconds before what another writer has changed meanwhile is looked at again. */
const overtakenPauseMs = 100;

type Outcome = Extract<RevisionRecord['outcome'], 'released' | 'rolledBack' | 'failed' | 'halted'>;

/** How a release ended; `detached`: it has not, and its runner has left it. */
export interface ReleaseResult {
  outcome: Outcome | 'detached';
  revision: number;
  /** The revision that serves now. */
  stable?: number;
  reason?: string;
  /** The failed container's last log lines. */
  logTail?: string;
}

type Halt = Extract<Decision, { type: 'halt' }>;
type Done = Extract<Decision, { type: 'done' }>;

/**
 * Runs the release in progress to its end: observe, decide, save what is meant to be done, do it, save what came of it,
 * report it, wait for a change. After a death it continues where the record stands.
 * @throws LeaseLostError when another runner owns the release; UnreachableError when the API stays away
 */
export async function reconcile(session: ReleaseSession, options: CallOptions): Promise<ReleaseResult> {
  for (;;) {
    const observed = await session.observe(options);
    if (observed.type === 'unknown') assertPatience(observed.reason, session);
    const standstill = standstillOf(observed, session);
    if (standstill?.pausedBy !== undefined) session.stopPhase();
    else if (observed.type === 'seen') session.countPhase();
    const decision = session.decide(observed);
    assertKnown(decision, observed);
    if (standstill !== undefined) {
      const stood = await standStill(standstill, decision, { session, observed }, options);
      if (stood === 'stay') continue;
      if (stood !== 'continue') return stood;
    }
    switch (decision.type) {
      case 'wait':
        await session.report(decision.message, observed);
        await rememberJobs(observed, session, options);
        await wait(decision.forMs, session, options);
        break;
      case 'act': {
        await session.report(decision.message, observed);
        await session.saveCurrent({ intent: decision.action.type }, options);
        const halt = await perform(decision, session, options);
        if (halt !== undefined) return finish(halt, session, observed, options);
        break;
      }
      case 'rollBack':
        await explain(decision, session, options);
        await rollBack(decision.reason, session, options);
        break;
      case 'halt':
        await explain(decision, session, options);
        return finish(decision, session, observed, options);
      case 'done':
        return finish(decision, session, observed, options);
    }
  }
}

async function wait(ms: number, session: ReleaseSession, options: CallOptions): Promise<void> {
  if (session.phaseMs - session.current.phaseSpentMs >= savedEveryMs) await session.saveCurrent({}, options);
  await session.changed(Math.min(longestWaitMs, Math.max(50, ms)), options);
}

/** A Job that goes after its end is looked for in vain by the next runner: what was seen of it is kept. */
async function rememberJobs(
  observed: Observed,
  session: ReleaseSession,
  options: CallOptions,
): Promise<void> {
  const { jobs = {} } = session.current;
  const seen = observed.type === 'seen' ? observed.workloads : [];
  const ended = seen
    .filter(({ complete, goesAfterEnd }) => complete && goesAfterEnd === true)
    .map(({ reference }) => keyOf(reference))
    .filter((key) => jobs[key]?.complete === false);
  if (ended.length === 0) return;
  const complete = Object.fromEntries(
    ended.map((key) => [key, { uid: jobs[key]?.uid ?? '', complete: true }]),
  );
  await session.saveCurrent({ jobs: { ...jobs, ...complete } }, options);
}

/** An outage ends a release only by its length, and decides nothing: the record stays open. @throws UnreachableError */
function assertPatience(reason: string, { application, place, unansweredMs }: ReleaseSession): void {
  if (unansweredMs < unreachableBudgetMs) return;
  const seconds = String(Math.round(unansweredMs / 1000));
  throw new UnreachableError(
    `the cluster has not answered for ${seconds} s while ${application} is being released: ${reason}`,
    {
      hint: `the release is left as it is; continue it with: pipeline release resume ${place}`,
    },
  );
}

function assertKnown(decision: Decision, observed: Observed): void {
  if (observed.type === 'seen' || decision.type === 'wait' || decision.type === 'act') return;
  throw new InternalError(`a strategy decided "${decision.type}" from an unknown state`);
}

/** Begins the way back, unless it has begun or the release is over; the first reason stays. */
export async function rollBack(reason: string, session: ReleaseSession, options: CallOptions): Promise<void> {
  const { current, strategy, state } = session;
  const next = strategy.rollBack(state, reason);
  if (next === undefined) return;
  await session.saveCurrent(
    { state: { ...next }, phaseSpentMs: 0, reason: current.reason ?? reason },
    options,
  );
  if (current.stable !== undefined && strategy.isUnchanged?.(state) !== true) {
    const why = session.hasJustReported(reason) ? '' : `${reason}; `;
    await session.report(`${why}rolling back to revision ${String(current.stable)}`, nothingSeen);
  }
}

/** Does what was decided, and saves what came of it. @returns why the release must halt; undefined: it continues */
async function perform(
  { action, next }: Extract<Decision, { type: 'act' }>,
  session: ReleaseSession,
  options: CallOptions,
): Promise<Halt | undefined> {
  let result: ActResult = {};
  try {
    result = await act(action, session, options);
  } catch (error) {
    if (options.signal.aborted || isFinal(error)) throw error;
    if (isSeenAgain(action) && isOvertaken(error)) {
      session.skipTime();
      await session.ports.clock.sleep(overtakenPauseMs, options);
      return undefined;
    }
    if (!isCleanup(action)) return actFailed(action, error, session, options);
    const message = `cleanup after the release failed: ${messageOf(error)}`;
    await session.ports.report.notice('warning', message);
  }
  const { record, current, phaseMs } = session;
  const { intent: _, ...rest } = current;
  const { sample: taken } = result;
  await session.replaceCurrent(
    {
      ...rest,
      state: { ...next },
      phaseSpentMs: current.state.phase === next.phase ? phaseMs : 0,
      generations: result.generations ?? current.generations,
      ...defined({ jobs: result.jobs ?? current.jobs }),
      ...(taken === undefined ? {} : { samples: withSample(current.samples ?? {}, taken.key, taken.sample) }),
    },
    options,
    { replicas: { ...record.replicas, ...result.replicas } },
  );
  if (result.job !== undefined) await removeJob(result.job, session, options);
  return undefined;
}

/** These decide nothing about a version: the release is left where it stands. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof LeaseLostError || error instanceof InternalError || error instanceof UnreachableError
  );
}

/** Whether an action is guarded by what was seen: when that has changed, it is decided anew. */
function isSeenAgain({ type }: Action): boolean {
  return type === 'rollout' || type === 'selectPods' || type === 'route';
}

/** Whether a release goes on without an action. */
function isCleanup({ type }: Action): boolean {
  return type === 'cleanUp' || type === 'deletePods' || type === 'removePreview' || type === 'endMigration';
}

/** What cannot be applied is rolled back; what cannot be rolled back halts the release. */
async function actFailed(
  action: Action,
  error: unknown,
  session: ReleaseSession,
  options: CallOptions,
): Promise<Halt | undefined> {
  const { current, settings, strategy, state } = session;
  const revision = ('revision' in action ? action.revision : undefined) ?? current.revision;
  const isMigration = action.type === 'migrate';
  const what = isMigration
    ? 'the migration could not be started, so nothing was changed'
    : `applying revision ${String(revision)} failed`;
  const reason = `${what}: ${messageOf(error)}`;
  if (strategy.rollBack(state, reason) === undefined)
    return { type: 'halt', reason: `${current.reason ?? 'the release failed'}; ${reason}` };
  const cannotGoBack = settings.rollback === 'never' || current.stable === undefined;
  if (cannotGoBack && !isMigration) return { type: 'halt', reason };
  await rollBack(reason, session, options);
  return undefined;
}

/** Reads the failed container's last log lines, which are reported but never kept: they may hold anything. */
async function explain(
  { type, problem }: Extract<Decision, { type: 'halt' | 'rollBack' }>,
  session: ReleaseSession,
  options: CallOptions,
): Promise<void> {
  const lines = problem === undefined ? undefined : await readLogTail(problem, session.ports, options);
  if (lines === undefined) return;
  session.logTail ??= lines;
  // What halts a release ends it, and is told with these lines.
  if (type === 'rollBack') await session.ports.report.notice('warning', lines, { endTells: true });
}

async function finish(
  end: Halt | Done,
  session: ReleaseSession,
  observed: Observed,
  options: CallOptions,
): Promise<ReleaseResult> {
  await removeJobsLeft(session, options);
  const { current, record } = session;
  const halted = record.stable === undefined ? 'failed' : 'halted';
  const outcome = end.type === 'done' ? end.outcome : halted;
  const reason = end.type === 'halt' ? end.reason : current.reason;
  const stable = outcome === 'released' ? current.revision : record.stable;
  const seen = observed.type === 'seen' ? observed.workloads : [];
  const workloads = seen.map(({ reference, revision }) => ({
    kind: reference.kind,
    name: reference.name,
    ...defined({ revision }),
  }));
  const { current: _, ...ended } = withRevision(record, current.revision, {
    outcome,
    finishedAt: session.ports.clock.now(),
    ...(outcome === 'released' ? { workloads } : {}),
    ...defined({ reason, samples: current.samples && keptSamples(current.samples) }),
  });
  // Without the reason: the caller gets it and reports it.
  await session.report(finalMessage(outcome, current.revision, stable), observed);
  await session.save({ ...ended, ...defined({ stable }) }, options);
  return {
    outcome,
    revision: current.revision,
    ...defined({ stable, reason, logTail: session.logTail }),
  };
}

function finalMessage(outcome: Outcome, revision: number, stable: number | undefined): string {
  switch (outcome) {
    case 'released':
      return `revision ${String(revision)} is released`;
    case 'rolledBack':
      return `revision ${String(revision)} was rolled back; revision ${String(stable)} is serving`;
    case 'failed':
      return `revision ${String(revision)} failed`;
    case 'halted':
      return `revision ${String(revision)} was halted`;
  }
}
