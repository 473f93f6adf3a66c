import type { Decision, Problem, ReleaseFacts, StrategyState } from '../strategy.ts';

/** Waits, as long as the phase may last; then the release has failed. */
export function waitOrFail<State extends StrategyState>(
  { release, phaseMs }: { release: ReleaseFacts; phaseMs: number },
  message: string,
  forMs: number,
): Decision<State> {
  const leftMs = release.timeoutMs - phaseMs;
  if (leftMs > 0) return { type: 'wait', forMs: Math.min(forMs, leftMs), message };
  return failed(release, `${message}: not done within ${String(Math.round(release.timeoutMs / 1000))} s`);
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
