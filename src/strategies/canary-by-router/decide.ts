import { defined } from '../../base/defined.ts';
import type { CanaryInput } from '../canary/input.ts';
import { stepsOf } from '../canary/settings.ts';
import { measure, pause } from '../canary/wait.ts';
import { stableHash } from '../held/complete.ts';
import { failed, waitOrFail } from '../held/deadline.ts';
import { hasTraffic } from '../holding.ts';
import { begin } from '../pinned/begin.ts';
import { pinOf } from '../pinned/pin.ts';
import type { PinnedHold } from '../pinned/state.ts';
import { aimOf, aimText, lastAim, podsOf } from './aim.ts';
import { complete, keepBoth } from './finish.ts';
import type { RoutedDecision, RoutedInput, Seen } from './input.ts';
import { previewNewPods, startNewPods, takeStep, waitForRouter } from './move.ts';
import { routerName, routerOf, serviceSettings } from './parts.ts';
import { problemOf } from './problem.ts';
import { undo, unroute } from './undo.ts';

/** Milliseconds between two looks while nothing is known. */
const unseenMs = 2000;

/** The next decision of a canary release whose traffic a router shares out: docs/decisions/0104-canary-by-router.md. */
export function decideRouted(input: CanaryInput): RoutedDecision {
  const { holding } = input;
  if (!hasTraffic(holding)) return unseen('nothing seen of the Service');
  const { hold, ...state } = input.state;
  const selector = hold?.selector ?? holding.manifest.selector;
  const now: RoutedInput = {
    ...input,
    holding,
    state: { ...state, ...defined({ hold: hold && { ...hold, selector } }) },
  };
  if (state.phase === 'undoing' || state.phase === 'unrouted') return undo(now);
  const kept = now.state.hold;
  if (state.phase === 'comparing' || kept === undefined) {
    const unready = unreadyRouter(now);
    return clearRoute(now) ?? begin(now, { ...serviceSettings, ...defined({ unready }) });
  }
  return state.phase === 'pinned' ? holdDeployment(now, kept) : goForward(now, kept);
}

/** What a release whose record is lost has left in the route goes before its Service and its pods do. */
function clearRoute(now: RoutedInput): RoutedDecision | undefined {
  const { deployment, active, preview, router } = now.holding;
  if (preview === undefined || router === undefined) return undefined;
  const cleared = unroute(now, { stable: pinOf(active) ?? stableHash(deployment), next: now.state });
  if (cleared?.type === 'wait') return waitOrFail(now, cleared.message, cleared.forMs);
  return (
    cleared ?? (router.isInForce ? undefined : waitOrFail(now, 'the route is not in force yet', unseenMs))
  );
}

/** Why a release cannot begin to share the traffic out. */
function unreadyRouter({ holding, settings }: RoutedInput): string | undefined {
  const name = routerName(settings);
  const { router } = holding;
  if (router === undefined)
    return `there is no ${name} in the namespace of the Service: release it once with strategy: {rolling: {}}, or apply it before`;
  if (router.problem !== undefined) return `${name} cannot share the traffic out: ${router.problem}`;
  if (router.share !== 'absent')
    return `${name} already sends traffic to Service ${holding.previewName}, which the release makes: take that out of it`;
  return router.isInForce ? undefined : `no Gateway has accepted ${name} as it is now`;
}

function unseen(reason: string): RoutedDecision {
  return { type: 'wait', forMs: unseenMs, message: `the cluster does not answer: ${reason}` };
}

/** The objects are applied with the Deployment held: the first new pods start beside the old ones. */
function holdDeployment(
  { holding, release, settings, state }: RoutedInput,
  hold: PinnedHold,
): RoutedDecision {
  const { desired } = holding.deployment ?? { desired: holding.manifest.replicas };
  const [first] = stepsOf(settings);
  const aim = aimOf(first, 0, undefined) ?? lastAim(settings);
  const surge = podsOf(aim, desired);
  const text = aimText(aim, desired);
  return {
    type: 'act',
    action: {
      ...{ type: 'hold', revision: release.revision, step: `starting ${text}`, before: hold.before },
      ...{ active: holding.manifest.service.name, share: { surge, stable: hold.stable } },
      ...defined({ router: routerOf(settings) }),
    },
    next: { ...state, phase: 'starting', step: 0, aim, hold },
    message: `applying revision ${String(release.revision)}: ${text} start beside the old ones`,
  };
}

function goForward(now: RoutedInput, hold: PinnedHold): RoutedDecision {
  const { release, state, holding } = now;
  const { deployment, router } = holding;
  if (deployment?.answer?.revision === release.revision && deployment.answer.answer === 'abort')
    return { type: 'rollBack', reason: 'aborted by a person' };
  const problem = problemOf(now, hold);
  if (problem !== undefined) return failed(release, problem.message, problem.cause);
  if (state.phase === 'completing') return complete(now, hold);
  if (deployment?.isObserved !== true || deployment.live === undefined || router === undefined) {
    const message = 'the controller has not seen the Deployment yet';
    if (state.phase === 'waiting' || state.phase === 'measuring')
      return { type: 'wait', forMs: unseenMs, message };
    return waitOrFail(now, message, unseenMs);
  }
  const seen: Seen = { deployment: { ...deployment, live: deployment.live }, router, hold };
  switch (state.phase) {
    case 'starting':
      return startNewPods(now, seen);
    case 'previewing':
      return previewNewPods(now, seen);
    case 'routing':
      return waitForRouter(now, seen);
    case 'waiting':
      return pause(now, seen.deployment, hold);
    case 'measuring':
      return measure(now, seen.deployment, hold);
    case 'switched':
      return keepBoth(now, seen);
    default:
      return takeStep(now, seen);
  }
}
