import { defined } from '../base/defined.ts';
import type { CallOptions } from '../ports/cluster.ts';
import type { Decision, Observed } from '../strategies/strategy.ts';
import type { ReleaseSession } from './session.ts';

/** Milliseconds between two looks at a release that stands still. */
const lookMs = 2000;

/** What persons want of a release that may stand still where it is: who has paused it, and who has its runner leave it. */
export interface Standstill {
  pausedBy?: string;
  detachedBy?: string;
}

/** What is wanted of a release that is at a point of rest; undefined: it continues, at least to its next one. */
export function standstillOf(
  observed: Observed,
  { strategy, state, current, holder }: ReleaseSession,
): Standstill | undefined {
  if (observed.type === 'unknown' || observed.holding === undefined) return undefined;
  const { pause, detach } = observed.holding.deployment ?? {};
  const isDetached = detach?.revision === current.revision && detach.holder === holder;
  const isPaused = pause?.revision === current.revision;
  if (!isDetached && !isPaused) return undefined;
  const rest = strategy.rest?.(state, observed.holding);
  if (rest === undefined) return undefined;
  return {
    ...(isPaused ? { pausedBy: pause.by } : {}),
    // After the traffic has moved somebody has to watch that it can go back.
    ...(isDetached && rest === 'before' ? { detachedBy: detach.by } : {}),
  };
}

/**
 * Stands still, where that is wanted, instead of what was decided: the pods of a paused release stay as they are until the
 * next look, and a runner leaves a release that is paused or waits. Nothing keeps a release from going back.
 * @returns continue: what was decided is to be done; stay: it is to be looked at again
 */
export async function standStill(
  { pausedBy, detachedBy }: Standstill,
  decision: Decision,
  { session, observed }: { session: ReleaseSession; observed: Observed },
  options: CallOptions,
): Promise<'continue' | 'stay' | LeftRelease> {
  if (decision.type !== 'wait' && decision.type !== 'act') return 'continue';
  if (detachedBy !== undefined && (pausedBy !== undefined || isWaiting(decision, session)))
    return leave(detachedBy, session, observed, options);
  if (pausedBy === undefined) return 'continue';
  await stay(pausedBy, session, observed, options);
  return 'stay';
}

/** Whether the release waits for a time, an analysis or a person. */
function isWaiting(decision: Decision, { strategy, state, settings }: ReleaseSession): boolean {
  const isIdle = decision.type === 'wait' || (decision.type === 'act' && decision.action.type === 'measure');
  return isIdle && strategy.waitsFor?.(state, strategy.settings.parse(settings.strategy)) !== undefined;
}

/** Leaves the pods of a paused release as they are until the next look; what its phase has taken is kept once. */
async function stay(
  by: string,
  session: ReleaseSession,
  observed: Observed,
  options: CallOptions,
): Promise<void> {
  const message = `paused by ${by}; it continues with: pipeline release resume ${session.place}`;
  if (!session.hasJustReported(message)) await session.saveCurrent({}, options);
  await session.report(message, observed);
  await session.changed(lookMs, options);
}

/** How a release stands that its runner has left. */
export interface LeftRelease {
  outcome: 'detached';
  revision: number;
  /** The revision that was released last. */
  stable?: number;
  reason: string;
}

/** Leaves a release at rest: it stays held, and its record open. */
async function leave(
  by: string,
  session: ReleaseSession,
  observed: Observed,
  options: CallOptions,
): Promise<LeftRelease> {
  const { place, current } = session;
  await session.saveCurrent({}, options);
  const reason = `detached by ${by}: the release is left as it is; to continue it: pipeline release resume ${place}`;
  await session.report(reason, observed);
  return { outcome: 'detached', revision: current.revision, reason, ...defined({ stable: current.stable }) };
}
