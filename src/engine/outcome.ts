import { defined } from '../base/defined.ts';
import { DeadlineError, messageOf, SlipwayError } from '../base/errors.ts';
import type { RunOutcome, StageOutcome } from '../ports/events.ts';
import type { FinishedStage } from './dependencies.ts';

/** How one attempt of a stage ended. */
export interface AttemptResult {
  outcome: Exclude<StageOutcome, 'skipped'>;
  message?: string;
  hint?: string;
  outputs: Record<string, string>;
  environment: Record<string, string>;
  /** What was thrown, for those who look deeper: the agent's session, the log. */
  error?: unknown;
  /** A fault of our own. */
  internal?: boolean;
}

/** What a thrown error makes of the attempt that threw it. */
export function outcomeOfError(error: unknown): AttemptResult {
  const nothing = { outputs: {}, environment: {}, error };
  if (!(error instanceof SlipwayError)) {
    return { ...nothing, outcome: 'failed', message: `internal error: ${messageOf(error)}`, internal: true };
  }
  const words = { message: error.message, ...defined({ hint: error.hint }) };
  switch (error.fault) {
    case 'infrastructure':
      return { ...nothing, ...words, outcome: 'infrastructure' };
    case 'rolledBack':
      return { ...nothing, ...words, outcome: 'rolledBack' };
    case 'aborted':
    case 'interrupted':
      return { ...nothing, ...words, outcome: 'cancelled' };
    case 'input':
    case 'failure':
      return { ...nothing, ...words, outcome: 'failed' };
    case 'internal':
      return { ...nothing, ...words, outcome: 'failed', internal: true };
  }
}

/** What an aborted signal makes of an attempt: cancelled, or timed out. */
export function outcomeOfAbort(reason: Error): AttemptResult {
  return {
    outcome: reason instanceof DeadlineError ? 'timedOut' : 'cancelled',
    message: reason.message,
    ...(reason instanceof SlipwayError && reason.hint !== undefined ? { hint: reason.hint } : {}),
    outputs: {},
    environment: {},
  };
}

/** Whether a stage with this outcome was kept from ending by itself. */
export function isStopped(outcome: StageOutcome | undefined): boolean {
  return outcome === 'cancelled' || outcome === 'timedOut';
}

/** A finished stage, as far as the run's outcome goes. */
export type CountedStage = Pick<FinishedStage, 'name' | 'outcome' | 'allowedToFail' | 'message' | 'hint'> & {
  internal?: boolean;
};

/** The run's outcome and why. */
export interface FoldedOutcome {
  outcome: RunOutcome;
  message?: string;
  hint?: string;
}

/**
 * Which outcome counts when several stages ended badly: a fault of our own hides no other; a release that was
 * rolled back names what serves now; a real failure needs a person, so it goes before trouble that a retry may heal. A
 * release that was left waits for a person, who knows of it.
 */
const precedence = ['internal', 'rolledBack', 'failed', 'infrastructure', 'detached', 'aborted'] as const;

/**
 * The outcome of a run from its finished stages and, when its stages were stopped, from the reason. Skipped stages and
 * those that are allowed to fail do not count. A cancelled one counts all the same: it did not fail, and it blocks those
 * that need it.
 */
export function foldOutcome(stages: readonly CountedStage[], stopped: Error | undefined): FoldedOutcome {
  if (stopped !== undefined) return outcomeOfStop(stopped);
  const bad = stages.flatMap((stage) => {
    const outcome = runOutcomeOf(stage);
    return outcome === undefined ? [] : [{ outcome, stage }];
  });
  for (const outcome of precedence) {
    const found = bad.find((entry) => entry.outcome === outcome);
    if (found === undefined) continue;
    const { name, message = found.stage.outcome, hint } = found.stage;
    const others = bad.filter((entry) => entry !== found && entry.outcome !== 'aborted');
    const also = others.length === 0 ? '' : `; also: ${others.map(({ stage }) => stage.name).join(', ')}`;
    return { outcome, message: `${name}: ${message}${also}`, ...defined({ hint }) };
  }
  return { outcome: 'succeeded' };
}

function outcomeOfStop(reason: Error): FoldedOutcome {
  if (!(reason instanceof SlipwayError)) return { outcome: 'internal', message: reason.message };
  const words = { message: reason.message, ...defined({ hint: reason.hint }) };
  switch (reason.fault) {
    case 'interrupted':
      return { outcome: 'interrupted', ...words };
    case 'aborted':
      return { outcome: 'aborted', ...words };
    case 'internal':
      return { outcome: 'internal', ...words };
    case 'infrastructure':
      return { outcome: 'infrastructure', ...words };
    case 'rolledBack':
    case 'failure':
    case 'input':
      return { outcome: 'failed', ...words };
  }
}

function runOutcomeOf(stage: CountedStage): (typeof precedence)[number] | undefined {
  if (stage.internal === true) return 'internal';
  if (stage.allowedToFail && stage.outcome !== 'cancelled') return undefined;
  switch (stage.outcome) {
    case 'succeeded':
    case 'skipped':
      return undefined;
    case 'cancelled':
      return 'aborted';
    case 'timedOut':
      return 'failed';
    case 'failed':
    case 'infrastructure':
    case 'rolledBack':
    case 'detached':
      return stage.outcome;
  }
}
