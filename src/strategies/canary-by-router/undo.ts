import { stableHash } from '../held/complete.ts';
import { wayBack } from '../held/deadline.ts';
import type { SeenRouter } from '../holding.ts';
import { completeRollout } from '../pinned/complete.ts';
import { moveBack } from '../pinned/move-back.ts';
import { hasEndpoints, pinOf } from '../pinned/pin.ts';
import type { RoutedDecision, RoutedInput, RoutedState } from './input.ts';
import { route } from './route.ts';

const lookMs = 250;
/** Milliseconds for which new pods stay after the router sends them nothing: its data plane may be late. */
const settleMs = 2000;

/**
 * Decides the way back: the Service has the old pods, as much of the traffic as they can carry goes to them, and when that
 * is all of it the router is the team's own again; then the new pods go, and the stable revision is applied.
 */
export function undo(now: RoutedInput): RoutedDecision {
  const { holding, state } = now;
  const { active, deployment } = holding;
  const { hold } = state;
  const before = hold?.before ?? deployment?.mark?.before ?? deployment?.fields ?? {};
  const toward = hold?.stable ?? pinOf(active) ?? stableHash(deployment);
  const back = hold === undefined ? undefined : moveBack(now, hold);
  const unrouted = back ?? unroute(now, { stable: toward, next: { ...state, phase: 'unrouted' } });
  return wayBack(now, unrouted ?? completeRollout({ holding, toward, own: before, before, state }));
}

/** The next step until the router sends nothing to the new pods; undefined: it does not. */
export function unroute(
  now: RoutedInput,
  { stable, next }: { stable: string | undefined; next: RoutedState },
): RoutedDecision | undefined {
  const { holding, state, phaseMs } = now;
  const { router, deployment } = holding;
  if (router === undefined) return undefined;
  const own = route(now, router, { next });
  // Without the Deployment no pods are left to choose between.
  if (router.share !== 'absent') return deployment === undefined ? own : (lessen(now, router, stable) ?? own);
  if (state.phase !== 'unrouted') return undefined;
  const { kind, name } = router.reference;
  if (!router.isInForce) return wait(`${kind} ${name} is not in force yet`);
  const leftMs = Math.max(settleMs, router.settleMs ?? 0) - phaseMs;
  if (leftMs <= 0) return undefined;
  return {
    type: 'wait',
    forMs: leftMs,
    message: `${kind} ${name} sends nothing to the new pods`,
  };
}

/** What is done before the old pods get all traffic; undefined: they can carry it, or the new ones can carry none. */
function lessen(
  now: RoutedInput,
  router: SeenRouter,
  stable: string | undefined,
): RoutedDecision | undefined {
  const { deployment, active, preview } = now.holding;
  const old = deployment?.sets.find(({ hash }) => hash === stable);
  // A scaling may have left fewer old pods than there are to be: the missing ones come when the new ones go.
  const all = Math.min(deployment?.desired ?? 0, old?.wanted ?? 0);
  const ready = Math.min(old?.ready ?? 0, active?.endpoints[stable ?? ''] ?? 0);
  if (ready >= all || !hasEndpoints(preview)) return undefined;
  const percent = 100 - Math.floor((100 * ready) / all);
  if (typeof router.share === 'number' && router.share > percent)
    return route(now, router, { percent, next: now.state });
  return wait(`${String(ready)} of ${String(all)} old pods are ready`);
}

function wait(message: string): RoutedDecision {
  return { type: 'wait', forMs: lookMs, message };
}
