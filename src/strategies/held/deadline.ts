import { decideRolling } from '../rolling/decide.ts';
import type { RollingState } from '../rolling/state.ts';
import type { Decision, DecisionInput, Problem, ReleaseFacts, StrategyState } from '../strategy.ts';

/** Waits, as long as the phase may last; then the release has failed. */
export function waitOrFail<State extends StrategyState>(
  { release, phaseMs }: { release: ReleaseFacts; phaseMs: number },
  message: string,
  forMs: number,
): Decision<State> {
  const leftMs = release.timeoutMs - phaseMs;
  if (leftMs > 0) return { type: 'wait', forMs: Math.min(forMs, leftMs), message };
  return failed(release, `${message}: ${notDone(release)}`);
}

/** What follows a failure while the old pods are there: they get their places back, unless the release says otherwise. */
export function failed<State extends StrategyState>(
  release: ReleaseFacts,
  reason: string,
  problem?: Problem,
): Decision<State> {
  const cause = problem === undefined ? {} : { problem };
  if (release.rollback === 'never') return { type: 'halt', reason: `${reason} (rollback: never)`, ...cause };
  return { type: 'rollBack', reason, ...cause };
}

/**
 * A step of the way back, as long as the phase may last; what is there stays as it is when it takes longer.
 * @param step undefined: the old pods are there alone, and the revision that was released is applied
 */
export function wayBack<State extends StrategyState>(
  now: DecisionInput<object, State>,
  step: Decision<State> | undefined,
): Decision<State> | Decision<RollingState> {
  const { release, phaseMs } = now;
  if (step === undefined) return decideRolling({ ...now, settings: {}, state: { phase: 'rollingBack' } });
  if (step.type !== 'wait' || phaseMs < release.timeoutMs) return step;
  const why = `${step.message}: ${notDone(release)}`;
  return { type: 'halt', reason: `${release.reason ?? 'the release failed'}; rolling back: ${why}` };
}

function notDone({ timeoutMs }: ReleaseFacts): string {
  return `not done within ${String(Math.round(timeoutMs / 1000))} s`;
}
