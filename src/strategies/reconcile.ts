import { InternalError, messageOf } from '../base/errors.ts';
import type { CallOptions } from '../ports/cluster.ts';
import { UnreachableError } from '../ports/cluster-errors.ts';
import { LeaseLostError } from '../ports/run-record.ts';
import { act, type ActResult } from './act.ts';
import { diagnose } from './diagnose.ts';
import { withRevision, type RevisionRecord } from './release-record.ts';
import type { ReleaseSession } from './release-session.ts';
import { strategyOf } from './registry.ts';
import type { Action, Decision, Observed } from './strategy.ts';

/** How a release ended. */
export interface ReleaseResult {
  outcome: Extract<RevisionRecord['outcome'], 'released' | 'rolledBack' | 'failed' | 'halted'>;
  revision: number;
  /** The revision that serves now. */
  stable?: number;
  reason?: string;
  /** The failed container's last log lines. */
  lastWords?: string;
}

/**
 * Drives the release that the record says goes on to its end: observe, decide, save what is meant to be done, do it,
 * save what came of it, tell it, wait for a change. Whoever calls it after a death goes on where the record stands.
 * @throws LeaseLostError when another runner drives the release; UnreachableError when the API stays away
 */
export async function reconcile(session: ReleaseSession, options: CallOptions): Promise<ReleaseResult> {
  const strategy = strategyOf(session.current.strategy.name);
  for (;;) {
    const observed = await session.observe(options);
    const now = session.ports.clock.now();
    const decision = strategy.decide({ state: session.current, observed, now });
    switch (decision.type) {
      case 'wait':
        await session.tell(decision.message, observed);
        await session.changed(Math.max(50, decision.untilMs - now), options);
        break;
      case 'act':
        await session.tell(decision.message, observed);
        await session.saveCurrent({ intent: decision.action.type }, options);
        await perform(decision, session, options);
        break;
      case 'rollBack':
        await explain(decision, session, options);
        await goBack(decision.reason, session, observed, options);
        break;
      case 'halt':
        await explain(decision, session, options);
        return finish(session, observed, decision.reason, options);
      case 'done':
        return finish(session, observed, session.current.reason, options);
    }
  }
}

/** Turns the release round. Idempotent: the first reason stays. */
export async function goBack(
  reason: string,
  session: ReleaseSession,
  observed: Observed,
  options: CallOptions,
): Promise<void> {
  const { current } = session;
  const change = {
    phase: 'rollingBack',
    phaseStartedAt: session.ports.clock.now(),
    reason: current.reason ?? reason,
  };
  await session.saveCurrent(change, options);
  await session.tell(`${reason}; going back to revision ${String(current.stable)}`, observed);
}

async function perform(
  decision: Extract<Decision, { type: 'act' }>,
  session: ReleaseSession,
  options: CallOptions,
): Promise<void> {
  const { clock } = session.ports;
  let result: ActResult = {};
  try {
    result = await act(decision.action, session, options);
  } catch (error) {
    const after = await afterFailure(decision.action, error, session, options);
    if (after === 'again') return;
    if (after !== 'goOn') throw error;
  }
  const { record, current } = session;
  const { intent: _, ...rest } = current;
  const phaseStartedAt = current.phase === decision.phase ? current.phaseStartedAt : clock.now();
  await session.save(
    {
      ...record,
      replicas: { ...record.replicas, ...result.replicas },
      current: {
        ...rest,
        phase: decision.phase,
        phaseStartedAt,
        generations: result.generations ?? current.generations,
      },
    },
    options,
  );
}

/** What an action's failure means: try it again, go on without it, or give up (the state has been changed for that). */
async function afterFailure(
  action: Action,
  error: unknown,
  session: ReleaseSession,
  options: CallOptions,
): Promise<'again' | 'goOn' | 'giveUp'> {
  const { current, ports } = session;
  if (options.signal.aborted || error instanceof LeaseLostError || error instanceof InternalError)
    return 'giveUp';
  if (action.type !== 'apply') {
    await ports.report.notice('warning', `cleaning up after the release did not work: ${messageOf(error)}`);
    return 'goOn';
  }
  if (error instanceof UnreachableError) {
    // The API may come back; the phase has a deadline.
    if (ports.clock.now() - current.phaseStartedAt >= current.timeoutMs) return 'giveUp';
    await session.tell(`the cluster does not answer, trying again: ${error.message}`, { workloads: [] });
    await ports.clock.sleep(2000, options);
    return 'again';
  }
  const reason = `applying revision ${String(action.revision)} failed: ${messageOf(error)}`;
  const forward = current.phase === 'applying';
  const stable = forward && current.rollback === 'auto' ? current.stable : undefined;
  if (stable !== undefined) {
    await goBack(reason, session, { workloads: [] }, options);
    return 'again';
  }
  // `rollingBack` without a revision to go back to decides to halt.
  const { stable: _, ...rest } = current;
  const whole = forward ? reason : `${current.reason ?? 'the release failed'}; ${reason}`;
  await session.save(
    { ...session.record, current: { ...rest, phase: 'rollingBack', reason: whole } },
    options,
  );
  return 'again';
}

/** Asks the failed container for its last words, which are told but never kept: they may hold anything. */
async function explain(
  { problem }: Extract<Decision, { type: 'halt' | 'rollBack' }>,
  session: ReleaseSession,
  options: CallOptions,
): Promise<void> {
  const words = problem === undefined ? undefined : await diagnose(problem, session.ports, options);
  if (words === undefined) return;
  session.lastWords ??= words;
  await session.ports.report.notice('warning', words);
}

async function finish(
  session: ReleaseSession,
  observed: Observed,
  reason: string | undefined,
  options: CallOptions,
): Promise<ReleaseResult> {
  const { current, record } = session;
  const wentBack = current.phase === 'restored';
  const released = current.phase === 'cleaned';
  const first = record.stable === undefined;
  const outcome = released ? 'released' : wentBack ? 'rolledBack' : first ? 'failed' : 'halted';
  const stable = released ? current.revision : record.stable;
  const workloads = observed.workloads.map(({ reference, revision }) => ({
    kind: reference.kind,
    name: reference.name,
    ...(revision === undefined ? {} : { revision }),
  }));
  const { current: _, ...ended } = withRevision(record, current.revision, {
    outcome,
    finishedAt: session.ports.clock.now(),
    ...(released ? { workloads } : {}),
    ...(reason === undefined ? {} : { reason }),
  });
  const end = finalMessage(outcome, current.revision, stable);
  await session.tell(reason === undefined ? end : `${end}: ${reason}`, observed);
  await session.save(stable === undefined ? ended : { ...ended, stable }, options);
  return {
    outcome,
    revision: current.revision,
    ...(stable === undefined ? {} : { stable }),
    ...(reason === undefined ? {} : { reason }),
    ...(session.lastWords === undefined ? {} : { lastWords: session.lastWords }),
  };
}

function finalMessage(
  outcome: ReleaseResult['outcome'],
  revision: number,
  stable: number | undefined,
): string {
  switch (outcome) {
    case 'released':
      return `revision ${String(revision)} is released`;
    case 'rolledBack':
      return `revision ${String(revision)} was taken back, revision ${String(stable)} serves`;
    case 'failed':
      return `revision ${String(revision)} failed`;
    case 'halted':
      return `revision ${String(revision)} was stopped half-way`;
  }
}
