import { formatDuration } from '../../base/duration.ts';
import { scaleDownDelayMs } from '../canary/settings.ts';
import { isPromoted } from '../canary/wait.ts';
import { failed, waitOrFail } from '../held/deadline.ts';
import { letGo } from '../pinned/complete.ts';
import { hasAllTraffic, pinned, pinOf, selectPods } from '../pinned/pin.ts';
import type { PinnedHold } from '../pinned/state.ts';
import type { RoutedDecision, RoutedInput, Seen } from './input.ts';
import { route } from './route.ts';

/** Milliseconds between two looks while traffic moves. */
const lookMs = 250;

/** The new pods have all traffic: the Service has them, too, before the router sends to it alone again. */
export function switchService({ holding, release, state }: RoutedInput, { hold }: Seen): RoutedDecision {
  const { manifest } = holding;
  return {
    type: 'act',
    action: selectPods(holding, pinned(manifest.selector, hold.candidate ?? ''), release.revision),
    next: { ...state, phase: 'switched', hold },
    message: `Service ${manifest.service.name} selects the new pods`,
  };
}

/** The router is the team's own again; the old pods stay for a while, so that going back is one write. */
export function keepBoth(now: RoutedInput, { deployment, router, hold }: Seen): RoutedDecision {
  const { holding, release, settings, state, phaseMs } = now;
  const { active, manifest } = holding;
  const { candidate = '' } = hold;
  if (pinOf(active) !== candidate)
    return failed(
      release,
      `somebody changed the selector of Service ${manifest.service.name} during the release`,
    );
  if (!hasAllTraffic(active, candidate))
    return waitOrFail(now, `the traffic of ${manifest.service.name} is moving`, lookMs);
  if (router.share !== 'absent') return route(now, router, { next: state });
  const { kind, name } = router.reference;
  if (!router.isInForce) return waitOrFail(now, `${kind} ${name} is not in force yet`, lookMs);
  const leftMs = scaleDownDelayMs(settings) - phaseMs;
  const settlesMs = (router.settleMs ?? 0) - phaseMs;
  if (settlesMs > 0)
    return { type: 'wait', forMs: settlesMs, message: `${kind} ${name} is about to be in force` };
  if (leftMs <= 0 || isPromoted(now, deployment)) return complete(now, hold);
  const delay = formatDuration(scaleDownDelayMs(settings));
  const message = `the new pods serve; the old ones stay for ${delay}`;
  return { type: 'wait', forMs: Math.min(1000, leftMs), message };
}

/** The old pods go, and Service and Deployment are the team's own. */
export function complete(now: RoutedInput, hold: PinnedHold): RoutedDecision {
  return letGo(now, hold, { ...now.state, phase: 'completing', hold });
}
